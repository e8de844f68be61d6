"""Tracking: blocks, their probabilities, and those of frames and files."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import save_mean_model, save_pixel_model

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location
from skysieve.core.tables.result_table import write_table
from skysieve.frames.track.decide import block_starts, choose_hdus, modify_prior
from skysieve.frames.track.job import TrackJob
from skysieve.frames.track.products import append_published_line, block_table, frame_table
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

SIZE = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_mean_model(tmp_path_factory.mktemp("models") / "track", SIZE))


def sky(shape=(400, 600), seed=0):
    return np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)


def with_error(pixels, rows, columns):
    """Lift the sky of a region by two sigma, which the tiny model takes for a tracking error."""
    pixels[rows, columns] += 2 * 5
    return pixels


class TestFrames:
    def test_are_the_mean_of_their_blocks(self, model):
        # the grid ends on the far border: rows start at 16, columns at 24
        pixels = with_error(sky(), slice(16, 80), slice(24, 88))
        result = Tracker(TrackSettings(model=model)).track(ArrayFrame(pixels))
        assert result.blocks.shape == (6, 9)
        assert result.rows[0] == 16
        assert result.columns[0] == 24
        assert result.blocks[0, 0] > 0.99
        assert result.probability == pytest.approx(1 / 54, abs=1e-3)

    @pytest.mark.parametrize("batch", [1, 2, 3, 4, 7, 100])
    def test_count_the_last_batch_like_the_others(self, model, batch):
        """MaxiTrack overwrites part of its results with the last batch, and leaves zeros."""
        pixels = with_error(sky(), slice(None), slice(300, 600))
        found = Tracker(TrackSettings(model=model, batch_size=batch)).track(ArrayFrame(pixels))
        expected = Tracker(TrackSettings(model=model, batch_size=9)).track(ArrayFrame(pixels))
        assert np.array_equal(found.blocks, expected.blocks)

    @pytest.mark.parametrize("shape", [(40, 40), (33, 200), (64, 64)])
    def test_smaller_than_a_block_are_padded(self, model, shape):
        result = Tracker(TrackSettings(model=model)).track(ArrayFrame(sky(shape)))
        assert 0 <= result.probability <= 1

    def test_depend_on_the_prior(self, model):
        faint = ArrayFrame(with_error(sky(), slice(None), slice(0, 300)))
        low, high = (
            Tracker(TrackSettings(model=model, prior=p)).track(faint).probability for p in (1e-6, 0.5)
        )
        assert low <= high

    @pytest.mark.parametrize(
        ("settings", "message"), [({"prior": 0.0}, "prior 0.0"), ({"batch_size": 0}, "batch size 0")]
    )
    def test_wrong_settings_are_named(self, model, settings, message):
        with pytest.raises(ConfigError, match=message):
            Tracker(TrackSettings(model=model, **settings))

    def test_models_of_another_job_are_refused(self, tmp_path):
        with pytest.raises(ModelError, match="a model for contaminants"):
            Tracker(TrackSettings(model=str(save_pixel_model(tmp_path / "other", {}))))


class TestRules:
    @given(length=st.integers(1, 5000), size=st.integers(32, 500))
    def test_blocks_do_not_overlap_and_end_on_the_border(self, length, size):
        starts = block_starts(length, size)
        assert all(b - a == size for a, b in pairwise(starts))
        assert starts[-1] + size == max(length, size)
        assert starts[0] < size

    @given(p=st.floats(0.001, 0.999), prior=st.floats(0.001, 0.999))
    def test_the_prior_follows_the_published_formula(self, p, prior):
        expected = p / (p + (1 - prior) / prior * (1 - p))
        assert modify_prior(np.array([p], np.float32), prior)[0] == pytest.approx(expected, rel=1e-3)

    def test_a_prior_of_one_half_changes_nothing(self):
        assert modify_prior(np.array([0.3], np.float32), 0.5)[0] == pytest.approx(0.3)

    @given(count=st.integers(1, 80), fraction=st.floats(0.001, 1), seed=st.integers(0, 100))
    def test_a_fraction_of_the_frames_is_at_least_one_and_repeatable(self, count, fraction, seed):
        chosen = choose_hdus(count, fraction, seed)
        assert chosen == choose_hdus(count, fraction, seed)
        assert len(chosen) == max(1, int(fraction * count))
        assert chosen == sorted(set(chosen))
        assert set(chosen) <= set(range(count))

    @pytest.mark.parametrize("fraction", [0, -1, 1.5])
    def test_an_impossible_fraction_is_refused(self, fraction):
        with pytest.raises(ConfigError, match="fraction"):
            choose_hdus(4, fraction, 0)


class TestFiles:
    @pytest.fixture
    def record(self, model, tmp_path):
        path = tmp_path / "two.fits"
        tracking_error = with_error(sky(seed=2), slice(None), slice(300, 600))
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(sky(), name="A"), fits.ImageHDU(tracking_error, name="B")]
        fits.HDUList(hdus).writeto(path)
        job = TrackJob(TrackSettings(model=model))
        return {Location(path): job.run(Location(path))}

    def test_are_the_mean_over_the_blocks_of_all_frames(self, record):
        [(_, found)] = record.items()
        assert [frame.name for frame in found.frames] == ["A", "B"]
        blocks = np.concatenate([frame.result.blocks.ravel() for frame in found.frames])
        assert found.probability == pytest.approx(blocks.mean())

    def test_become_tables(self, record, tmp_path):
        frames, blocks = frame_table(record), block_table(record)
        assert frames["hdu"].tolist() == [1, 2]
        assert frames["probability"][1] > frames["probability"][0]
        assert len(blocks) == 2 * 6 * 9
        assert (blocks["x"][0].value, blocks["y"][0].value) == (25, 17)
        write_table(frames, tmp_path / "t.ecsv", overwrite=False)
        from astropy.table import QTable

        assert QTable.read(tmp_path / "t.ecsv")["width"].unit == "pix"

    def test_append_published_lines(self, tmp_path):
        for probability in (0.12345, 1.0):
            append_published_line(tmp_path / "maxitrack.out", "a.fits", probability)
        assert (tmp_path / "maxitrack.out").read_text() == "a.fits 0.1235\na.fits 1.0000\n"
