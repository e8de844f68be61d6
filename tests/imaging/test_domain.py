"""Statistics that tell coadds, Bayer mosaics, undersampled and defocused frames from ordinary ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift, uniform_filter

from skysieve.errors import ModelError
from skysieve.imaging.domain import (
    QUANTILES,
    STATISTICS,
    WARNING_SCORE,
    Unlikeness,
    check_reference,
    describe,
    frame_statistics,
    judge,
    reference_of,
    unlikeness,
)
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.frames import ArrayFrame
from skysieve.imaging.locations import Location

SHAPE = (400, 400)
NOISE = 12.0
LEVEL = 1000.0


def light(seed=0, fwhm=2.5, shape=SHAPE, stars=80):
    """Return the light of stars with power-law counts, as electrons without noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros(shape)
    rows, columns = (rng.integers(0, length, stars) for length in shape)
    np.add.at(image, (rows, columns), np.minimum(3e3 * rng.random(stars) ** -1.2, 1e6))
    return gaussian_filter(image, fwhm / 2.355)


def exposed(image, seed=0, noise=NOISE):
    """Return a frame of that light, digitised."""
    rng = np.random.default_rng(seed + 1000)
    return np.round(image + LEVEL + rng.normal(0, noise, image.shape)).astype(np.float32)


def statistics(pixels, **options):
    return frame_statistics(ArrayFrame(pixels, **options))


@pytest.fixture(scope="module")
def reference():
    """Of ordinary frames: single exposures, with a FWHM of 2.5 to 6 pixels."""
    frames = [exposed(light(seed, 2.5 * 1.09**seed), seed) for seed in range(11)]
    return reference_of(map(statistics, frames))


def coadd():
    rng = np.random.default_rng(5)
    image = light(50)
    exposures = [shift(exposed(image, 50 + n), rng.random(2), order=1, mode="nearest") for n in range(4)]
    return np.mean(exposures, axis=0, dtype=np.float32)


def bayer():
    pixels = exposed(light(51), 51)
    pixels[::2, ::2] *= np.float32(0.9)
    pixels[1::2, 1::2] *= np.float32(0.8)
    return pixels


def defocused():
    # the light of each star over a square of 15 px
    return exposed(uniform_filter(100 * light(52, 1.0, stars=30), 15), 52)


CASES = {
    "noise correlated as in a coadd": coadd,
    "Bayer mosaic": bayer,
    "undersampled": lambda: exposed(light(53, 1.2), 53),
    "defocused": defocused,
    "noise below the digitisation step": lambda: np.round(exposed(light(54), 54) / 64),
    "crowded": lambda: exposed(light(55, stars=20_000), 55),
}


class TestFrames:
    @pytest.mark.parametrize("seed", range(20, 26))
    def test_like_the_training_frames_are_not_warned_of(self, reference, seed):
        assert unlikeness(statistics(exposed(light(seed, 3), seed)), reference).score <= WARNING_SCORE

    @pytest.mark.parametrize("words", [words for words in CASES if words != "crowded"])
    def test_unlike_them_are_named(self, reference, words):
        found = judge(ArrayFrame(CASES[words]()), reference)
        assert found is not None
        assert found.score > WARNING_SCORE
        assert describe(found.worst) == words

    def test_that_are_crowded_stand_out(self, reference):
        assert unlikeness(statistics(CASES["crowded"]()), reference).score > WARNING_SCORE

    def test_of_another_unit_sky_or_scale_are_alike(self):
        first = exposed(light())
        found, expected = statistics(3.7 * first - 200), statistics(first)
        assert found == pytest.approx(expected, abs=0.01)

    def test_with_gradients_bad_columns_and_cosmic_rays_are_alike(self):
        pixels = exposed(light())
        expected = statistics(pixels)
        pixels += np.round(np.linspace(0, 40 * NOISE, SHAPE[1], dtype=np.float32))
        pixels[:, 40:44] = 0
        pixels[np.arange(0, 400, 7), np.arange(0, 400, 7)] += 60 * NOISE
        assert statistics(pixels) == pytest.approx(expected, abs=0.08)

    @pytest.mark.parametrize("fwhm", [2, 3, 5, 8])
    def test_have_the_fwhm_of_their_stars(self, fwhm):
        assert 10 ** statistics(exposed(light(0, fwhm)))["fwhm"] == pytest.approx(fwhm, rel=0.25)

    def test_without_stars_have_no_fwhm(self):
        assert set(statistics(exposed(np.zeros(SHAPE)))) == set(STATISTICS) - {"fwhm"}

    def test_say_nothing_of_pixels_without_data(self):
        pixels = exposed(light())
        expected = statistics(pixels)
        pixels[:130] = np.nan
        assert statistics(pixels) == pytest.approx(expected, abs=0.08)

    @pytest.mark.parametrize(
        "pixels",
        [
            np.zeros(SHAPE),
            np.full(SHAPE, np.nan),
            np.ones((40, 40)),
            np.ones((10, 3000)),
            np.random.default_rng(0).normal(0, 1e38, SHAPE),
        ],
        ids=["blank", "no data", "small", "narrow", "huge values"],
    )
    def test_that_cannot_be_measured_are_not_judged(self, pixels, reference):
        assert judge(ArrayFrame(pixels), reference) is None

    def test_are_not_judged_without_a_reference(self):
        assert judge(ArrayFrame(bayer()), {}) is None

    def test_are_read_in_three_strips_at_most(self):
        class Counted(ArrayFrame):
            read = 0

            def rows(self, start, stop):
                self.read += stop - start
                return super().rows(start, stop)

        frame = Counted(np.random.default_rng(0).normal(0, 1, (3000, 300)))
        assert frame_statistics(frame)
        assert frame.read == 3 * 256


class TestReference:
    def test_is_data_for_a_card(self, reference):
        assert json.loads(json.dumps(reference)) == reference
        assert list(reference) == list(STATISTICS)
        check_reference(reference, origin="here")

    def test_holds_the_quantiles_of_each_statistic(self):
        values = np.linspace(0, 1, 1001)
        found = reference_of({"mosaic": value} for value in values)
        assert found == {"mosaic": pytest.approx(list(QUANTILES))}

    def test_counts_a_statistic_where_it_is_there(self):
        found = reference_of([{"mosaic": 1.0}, {"mosaic": 1.0, "fwhm": 0.5}])
        assert found["fwhm"] == [0.5] * len(QUANTILES)

    @pytest.mark.parametrize("values", [1.0, [1, 2], [5, 4, 3, 2, 1], ["a"] * 5, None, [float("nan")] * 5])
    def test_that_is_malformed_is_refused(self, values):
        with pytest.raises(ModelError, match="here: domain entry 'fwhm' is"):
            check_reference({"fwhm": values}, origin="here")


RANGES = {"fwhm": [0.0, 0.2, 0.4, 0.8, 0.9], "mosaic": [0.0, 0.0, 0.05, 0.06, 0.1]}


class TestUnlikeness:
    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            ({"fwhm": 0.5}, (0.0, "")),
            ({"fwhm": 0.8}, (0.0, "")),
            ({"fwhm": 1.1}, (1.0, "fwhm high")),
            ({"fwhm": -0.4}, (2.0, "fwhm low")),
            # a range too narrow for one frame to be measured by is widened
            ({"mosaic": 0.16}, (1.0, "mosaic high")),
            # no mosaic does no harm
            ({"mosaic": -1.0}, (0.0, "")),
            ({"fwhm": 1.1, "mosaic": 0.36}, (3.0, "mosaic high")),
            # the model says nothing of it
            ({"grain": 9.0}, (0.0, "")),
            ({}, (0.0, "")),
        ],
    )
    def test_is_the_distance_in_half_ranges_of_the_worst(self, found, expected):
        score, worst = unlikeness(found, RANGES)
        assert score == pytest.approx(expected[0])
        assert worst == expected[1]

    def test_has_words(self):
        assert describe(Unlikeness(2.0, "fwhm low").worst) == "undersampled"


class TestRealFrames:
    @pytest.fixture
    def judged(self, real_frames, reference):
        def judged(name):
            with FrameFile(Location(real_frames / name)) as file:
                return judge(file.planes[0], reference)

        return judged

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("panoptes_rggb_solved.fits.fz", "Bayer mosaic"),
            ("cfhtls_r_spikes.fits", "noise correlated as in a coadd"),
            ("dss_horsehead.fits", "noise correlated as in a coadd"),
        ],
    )
    def test_that_are_no_single_exposures_of_a_ccd_are_named(self, judged, name, words):
        found = judged(name)
        assert found.score > WARNING_SCORE
        assert describe(found.worst) == words

    @pytest.mark.parametrize(
        "name", ["decam_cp_170316_ooi_z_N2.fits", "saao_1m_ste3_a8280271.fits", "ystar_saao_trail_long.fits"]
    )
    def test_of_ordinary_cameras_are_not(self, judged, name):
        assert judged(name).score <= WARNING_SCORE
