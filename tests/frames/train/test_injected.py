"""The user's clean frames, with contaminants put into pieces of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from astropy.io import fits
from tests.core.training.tiny import SIMULATION, few_frames

from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.simulate.recipe_files import build
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.mask.classes import NODATA, find_class
from skysieve.frames.simulate.clean_frames import BENCHMARK_FRAMES
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.train import injected
from skysieve.frames.train.contaminants import ContaminantTraining
from skysieve.frames.train.injected import CleanFolder, InjectedFrames, MixedFrames

CR = find_class("CR").code
STAR = (70, 90)


@pytest.fixture
def nights(tmp_path):
    """A folder of two clean frames, of which one is large: noise, one star, and a dead corner."""
    folder = tmp_path / "nights"
    folder.mkdir()
    for name, level in (("a", 500), ("b", 3000)):
        pixels = np.random.default_rng(level).normal(level, 6, (140, 160)).astype(np.float32)
        pixels[STAR[0] - 2 : STAR[0] + 3, STAR[1] - 2 : STAR[1] + 3] += 3000
        pixels[:16, :16] = np.nan
        fits.PrimaryHDU(pixels, fits.Header({"GAIN": 2.0, "RDNOISE": 4.0})).writeto(folder / f"{name}.fits")
    fits.PrimaryHDU(np.zeros((40, 40), np.float32)).writeto(folder / "small.fits")
    return folder


@pytest.fixture
def frames(nights):
    recipe = build(Recipe, SIMULATION, origin="small")
    return InjectedFrames(CleanFolder(str(nights), 128), recipe, 128, seed=1)


class TestPieces:
    def test_are_of_the_user_s_frames_with_contaminants_whose_truth_is_known(self, frames):
        levels = set()
        for number in range(4):
            pixels, bits = frames.frame(number)
            assert (pixels.shape, pixels.dtype, bits.dtype) == ((128, 128), np.float32, np.int16)
            assert (bits & CR).any()
            level = float(np.median(pixels))
            assert (pixels[(bits & CR) != 0]).mean() > level + 6
            levels.add(level > 1500)
        assert levels == {False, True}

    def test_depend_on_seed_and_number(self, frames):
        again = InjectedFrames(frames.clean, frames.recipe, 128, seed=1)
        other = InjectedFrames(frames.clean, frames.recipe, 128, seed=2)
        np.testing.assert_array_equal(frames.frame(3)[0], again.frame(3)[0])
        assert (again.frame(4)[0] != frames.frame(3)[0]).any()
        assert (other.frame(3)[0] != frames.frame(3)[0]).any()

    def test_do_not_count_where_there_was_light_before_or_no_data(self, frames):
        missing = 0
        for number in range(4):
            pixels, bits = frames.frame(number)
            assert not ((pixels > np.median(pixels) + 1500) & (bits == 0)).any()
            missing += int(np.count_nonzero(bits == NODATA.code))
        assert missing > 100

    def test_are_read_again_where_memory_would_not_hold_all(self, frames, monkeypatch):
        expected = [frames.frame(number)[0] for number in range(4)]
        monkeypatch.setattr(injected, "MAX_CACHED_BYTES", 1)
        clean = CleanFolder(frames.clean.folder, 128)
        assert len(clean.cached) == 1
        again = InjectedFrames(clean, frames.recipe, 128, seed=1)
        for number, pixels in enumerate(expected):
            np.testing.assert_array_equal(again.frame(number)[0], pixels)

    def test_without_noise_are_refused(self, tmp_path, frames):
        fits.PrimaryHDU(np.full((128, 128), 7, np.float32)).writeto(tmp_path / "flat.fits")
        flat = InjectedFrames(CleanFolder(str(tmp_path / "flat.fits"), 128), frames.recipe, 128, seed=1)
        with pytest.raises(ConfigError, match=r"flat.fits: none of 100 pieces of the clean frames has any"):
            flat.frame(0)


class Constant:
    def __init__(self, value):
        self.value = value

    def frame(self, _number):
        return np.zeros((1, 1), np.float32), np.full((1, 1), self.value, np.int16)


def test_a_mixture_takes_its_share_of_clean_frames():
    mixed = MixedFrames(Constant(0), Constant(1), share=0.25)
    drawn = [int(mixed.frame(number)[1][0, 0]) for number in range(400)]
    assert 60 < sum(drawn) < 140
    assert drawn == [int(mixed.frame(number)[1][0, 0]) for number in range(400)]


class TestATrainingOnCleanFrames:
    @pytest.fixture
    def training(self, recipe_file, monkeypatch):
        few_frames(monkeypatch)
        return ContaminantTraining(read_training_recipe(recipe_file(clean_share=1.0)))

    def test_sees_them(self, training, nights):
        training.use_clean_frames(nights)
        pixels, bits = next(iter(training.training_batches(done=0, workers=0, rank=0, ranks=1)))
        assert pixels.shape == (2, 1, 64, 64)
        assert f"clean_frames: {nights}" in training.describe()
        del bits

    def test_is_scored_on_other_pieces_than_it_learns_from(self, training, nights):
        training.use_clean_frames(nights)
        one, other = training._frames(1), training._frames(2)
        assert (one.frame(0)[0] != other.frame(0)[0]).any()

    def test_is_calibrated_on_their_share_of_other_pieces(self, recipe_file, nights, monkeypatch):
        few_frames(monkeypatch)
        training = ContaminantTraining(read_training_recipe(recipe_file(clean_share=0.4)))
        training.use_clean_frames(nights)
        sides = [frame.pixels.shape[0] for frame in training._calibration_frames()]
        # simulated frames are whole, pieces of real ones as large as a tile
        assert sides == [128, 128, 64]

    def test_refuses_a_folder_that_is_not_there(self, training, tmp_path):
        with pytest.raises(SourceError, match="nowhere: no such file or directory"):
            training.use_clean_frames(tmp_path / "nowhere")

    def test_refuses_a_folder_without_frames(self, training, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(SourceError) as caught:
            training.use_clean_frames(tmp_path / "empty")
        assert "\n" not in str(caught.value)

    def test_refuses_a_folder_of_frames_that_are_too_small(self, training, nights):
        for name in ("a", "b"):
            (nights / f"{name}.fits").unlink()
        with pytest.raises(ConfigError, match="nights: no clean frames of 64 × 64 px or more"):
            training.use_clean_frames(nights)

    def test_leaves_out_frames_that_benchmarks_measure_on(self, training, nights, caplog):
        judged = BENCHMARK_FRAMES[0].name
        (nights / "a.fits").rename(nights / judged)
        training.use_clean_frames(nights)
        assert [source.location.path.name for source in training.clean.sources] == ["b.fits"]
        assert judged in caplog.text
