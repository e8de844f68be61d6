"""Trials: what is counted of which pixels, for models that are known by heart."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from tests.tiny_models import save_mean_model, save_pixel_model

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.evaluation.scores import roc_auc
from skysieve.frames.evaluate.masks import COSMIC_RAYS_OUTSIDE_DEFECTS, SCORED, MaskEvaluation, ModelDetector
from skysieve.frames.evaluate.tracking import (
    ERROR,
    LabelledFrame,
    TrackDetector,
    TrackingEvaluation,
    read_labelled_frame,
)
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.simulate.truth_frames import CameraFacts, TruthFrame, read_truth_frame
from skysieve.frames.track.settings import TrackSettings

SHAPE = (70, 90)
CR, SAT, NODATA = 1, 512, 8192


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that takes pixels above 20 sigma for cosmic rays."""
    return str(save_pixel_model(tmp_path_factory.mktemp("models") / "tiny", {"CR": 20}))


def sky(*hits, seed=0):
    pixels = np.random.default_rng(seed).normal(100, 5, SHAPE).astype(np.float32)
    for place in hits:
        pixels[place] += 300
    return pixels


def truth(*hits, code=CR):
    bits = np.zeros(SHAPE, np.int16)
    for place in hits:
        bits[place] |= code
    return bits


def see(model, *frames):
    evaluation = MaskEvaluation([ModelDetector(MaskSettings(model=model, engine="onnxruntime"))])
    for frame in frames:
        evaluation.update(frame)
    return evaluation.results()["tiny"].histograms


class TestContaminants:
    def test_are_scored_class_by_class(self, model):
        histograms = see(model, TruthFrame("a", sky((3, 4)), truth((3, 4))))
        assert histograms.classes == (*SCORED, COSMIC_RAYS_OUTSIDE_DEFECTS)
        assert len(SCORED) == 13
        tally = histograms.tally("CR")
        assert (tally.hits, tally.false_alarms) == (1, 0)
        assert tally.positives.sum() == 1
        assert tally.positives.sum() + tally.negatives.sum() == SHAPE[0] * SHAPE[1]
        assert roc_auc(tally) == 1
        assert histograms.tally("TRL").hits == 0

    def test_that_are_missed_or_made_up_count(self, model):
        frame = TruthFrame("a", sky((3, 4), (30, 40)), truth((3, 4), (50, 60), (51, 60)))
        tally = see(model, frame).tally("CR")
        assert (tally.positives.sum(), tally.hits, tally.false_alarms) == (3, 1, 1)

    def test_cosmic_rays_are_scored_apart_where_no_defect_is(self, model):
        # a saturated pixel that is taken for a cosmic ray: wrong, but not where defects are known
        bits = truth((3, 4)) | truth((30, 40), code=SAT)
        histograms = see(model, TruthFrame("a", sky((3, 4), (30, 40)), bits))
        assert histograms.tally("CR").false_alarms == 1
        apart = histograms.tally(COSMIC_RAYS_OUTSIDE_DEFECTS)
        assert (apart.hits, apart.false_alarms) == (1, 0)

    def test_are_judged_where_there_is_data(self, model):
        pixels = sky((3, 4))
        pixels[10] = np.nan
        bits = truth((3, 4))
        bits[20] = NODATA
        tally = see(model, TruthFrame("a", pixels, bits)).tally("CR")
        assert tally.positives.sum() + tally.negatives.sum() == (SHAPE[0] - 2) * SHAPE[1]

    def test_are_not_judged_where_the_frame_says_so_in_that_class(self, model):
        frame = TruthFrame("a", sky((3, 4), (30, 40)), truth((3, 4)), ignored=truth((30, 40)))
        histograms = see(model, frame)
        assert histograms.tally("CR").false_alarms == 0
        assert histograms.tally("TRL").negatives.sum() == SHAPE[0] * SHAPE[1]

    def test_are_not_judged_where_they_were_before_injection(self, model):
        # a real cosmic ray at (30, 40), another put in at (3, 4)
        frame = TruthFrame("a", sky((3, 4), (30, 40)), truth((3, 4)), before=sky((30, 40)))
        tally = see(model, frame).tally("CR")
        assert (tally.hits, tally.false_alarms) == (1, 0)
        assert tally.negatives.sum() == SHAPE[0] * SHAPE[1] - 2

    def test_of_a_frame_that_fails_count_for_nobody(self, model):
        evaluation = MaskEvaluation([ModelDetector(MaskSettings(model=model, engine="onnxruntime"))])
        with pytest.raises(FrameError):
            evaluation.update(TruthFrame("bad", np.full(SHAPE, np.nan, np.float32), truth()))
        evaluation.update(TruthFrame("good", sky(), truth()))
        assert evaluation.results()["tiny"].histograms.frames == ("good",)

    def test_need_detectors_that_can_be_told_apart(self, model):
        twins = [ModelDetector(MaskSettings(model=model)) for _ in range(2)]
        with pytest.raises(ConfigError, match="two detectors are called tiny"):
            MaskEvaluation(twins)


def save(path, *hdus, **cards):
    header = fits.Header(cards.items())
    fits.HDUList([fits.PrimaryHDU(sky(), header), *hdus]).writeto(path)
    return path


class TestFiles:
    def test_hold_frame_truth_and_camera(self, tmp_path):
        bits = truth((3, 4), code=CR | SAT)
        path = save(
            tmp_path / "a.fits", fits.ImageHDU(bits, name="TRUTH"), GAIN=2.5, RDNOISE=4.0, SATURATE=6e4
        )
        frame = read_truth_frame(path)
        assert frame.name == "a.fits"
        np.testing.assert_array_equal(frame.pixels, sky())
        np.testing.assert_array_equal(frame.bits, bits)
        assert frame.facts == CameraFacts(2.5, 4.0, 60_000.0)
        assert frame.ignored is None
        assert frame.before is None

    def test_may_hold_what_was_there_before(self, tmp_path):
        hdus = (
            fits.ImageHDU(truth(), name="TRUTH"),
            fits.ImageHDU(truth((1, 1)), name="IGNORE"),
            fits.ImageHDU(sky(seed=5), name="BEFORE"),
        )
        frame = read_truth_frame(save(tmp_path / "a.fits", *hdus))
        assert frame.ignored is not None
        assert frame.ignored[1, 1] == CR
        np.testing.assert_array_equal(frame.before, sky(seed=5))
        assert frame.facts.gain == 1

    def test_with_codes_of_their_own_are_understood_by_names(self, tmp_path):
        hdu = fits.ImageHDU(truth((3, 4), code=4), name="TRUTH")
        hdu.header["MP_CR"] = 2
        assert read_truth_frame(save(tmp_path / "a.fits", hdu)).bits[3, 4] == CR

    @pytest.mark.parametrize(
        ("hdus", "message"),
        [
            ((), "a.fits: has no HDU TRUTH; frames with truth come from `skysieve simulate`"),
            (
                (fits.ImageHDU(np.zeros((5, 6), np.int16), name="TRUTH"),),
                "a.fits: its HDU TRUTH has shape (5, 6), the frame (70, 90)",
            ),
        ],
    )
    def test_without_a_truth_that_fits_are_one_line(self, tmp_path, monkeypatch, hdus, message):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(FrameError) as error:
            read_truth_frame(save(tmp_path / "a.fits", *hdus).relative_to(tmp_path))
        assert str(error.value) == message


class TestTracking:
    @pytest.fixture
    def detector(self, tmp_path):
        return TrackDetector(TrackSettings(model=str(save_mean_model(tmp_path / "t")), engine="onnxruntime"))

    def test_frames_are_told_apart(self, detector):
        # the tiny model is sure where the mean of a block is 1 sigma above the sky of the frame
        rng = np.random.default_rng(0)
        evaluation = TrackingEvaluation([detector])
        for number in range(6):
            pixels = rng.normal(100, 5, (200, 200)).astype(np.float32)
            if number % 2:
                pixels[8:72, 8:72] += 10
            evaluation.update(LabelledFrame(str(number), (pixels,), tracking_error=bool(number % 2)))
        scored = evaluation.results()["tiny-track"]
        tally = scored.histograms.tally(ERROR)
        assert (tally.positives.sum(), tally.negatives.sum()) == (3, 3)
        assert roc_auc(tally) == 1
        assert scored.training_priors is not None
        assert 0 < scored.training_priors[ERROR] < 1

    @pytest.mark.parametrize("keyword", ["SLIP", "ERROR"])
    def test_labels_are_in_the_header(self, tmp_path, keyword):
        path = save(tmp_path / "a.fits", **{keyword: True})
        frame = read_labelled_frame(path)
        assert frame.tracking_error is True
        np.testing.assert_array_equal(frame.planes[0], sky())

    @pytest.mark.parametrize("cards", [{}, {"SLIP": "yes"}])
    def test_a_frame_without_a_label_is_one_line(self, tmp_path, cards):
        with pytest.raises(FrameError, match="has no header card SLIP that is T or F"):
            read_labelled_frame(save(tmp_path / "a.fits", **cards))
