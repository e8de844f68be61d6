"""Statistics that tell coadds, colour mosaics, spectra, flats and the like from ordinary frames, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter, shift, uniform_filter, zoom

from skysieve.core.errors import ModelError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location
from skysieve.frames.image.domain import (
    QUANTILES,
    STATISTICS,
    WARNING_SCORE,
    Measured,
    check_reference,
    measure_statistics,
    reference_quantiles,
    score_frame,
    score_statistics,
)
from skysieve.frames.image.ood_reasons import DESCRIPTIONS

SHAPE = (384, 384)
NOISE = 12.0
LEVEL = 1000.0


def reasons_of(pixels, reference):
    found = score_frame(ArrayFrame(pixels), reference)
    assert found is not None
    return found.reasons


def light(seed=0, fwhm=2.5, shape=SHAPE, stars=150):
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
    return measure_statistics(ArrayFrame(pixels, **options))


def values(pixels):
    return {name: measured.value for name, measured in statistics(pixels).items()}


@pytest.fixture(scope="module")
def reference():
    """Of ordinary frames: single exposures, with a FWHM of 2.5 to 6 pixels, of sparse and of rich fields."""
    frames = [exposed(light(seed, 2.5 * 1.09**seed, stars=60 + 30 * seed), seed) for seed in range(11)]
    return reference_quantiles(map(statistics, frames))


def drizzled():
    rng = np.random.default_rng(5)
    return np.mean(
        [zoom(exposed(light(50), 50 + n), 2, order=1)[100:484, 100:484] + rng.random() for n in range(4)],
        axis=0,
        dtype=np.float32,
    )


def bayer():
    pixels = exposed(light(51), 51)
    pixels[::2, ::2] *= np.float32(0.9)
    pixels[1::2, 1::2] *= np.float32(0.8)
    return pixels


def demosaiced():
    pixels = exposed(light(51), 51).astype(np.float64)
    between = 0.5 * (pixels[:, :-2:2] + pixels[:, 2::2])
    pixels[:, 1:-1:2] = between
    return pixels


def jpeg():
    shape = (768, 768)
    pixels = exposed(light(56, shape=shape, stars=600), 56, noise=NOISE)
    tiles = pixels.reshape(shape[0] // 8, 8, shape[1] // 8, 8).swapaxes(1, 2)
    # high frequencies in coarser steps, as in the usual tables
    steps = 10 + 10 * np.add.outer(np.arange(8), np.arange(8))
    waves = np.round(dctn(tiles, axes=(2, 3), norm="ortho") / steps) * steps
    return idctn(waves, axes=(2, 3), norm="ortho").swapaxes(1, 2).reshape(shape)


def defocused():
    # the light of each star over a square of 19 px
    return exposed(uniform_filter(300 * light(52, 1.0, stars=60), 19), 52)


def spectrum():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    orders = np.cos(2 * np.pi * (y + 0.03 * x) / 24).clip(0) ** 4
    return exposed(3000 * orders, 57)


def flat():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return exposed(-200 * ((x - 150) ** 2 + (y - 200) ** 2) / 384**2, 58)


def hot_pixels():
    pixels = np.zeros(SHAPE)
    pixels.flat[np.random.default_rng(59).choice(pixels.size, 2000, replace=False)] = 500
    return exposed(pixels, 59)


def pupil():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    disc = np.hypot(y - 180, x - 200) < 110
    speckles = 1 + 0.3 * gaussian_filter(np.random.default_rng(64).normal(size=SHAPE), 5) * 15
    return exposed(300 * disc * speckles, 64)


def sharper_than_a_pixel():
    # all light in one pixel or two
    pixels = 100 * light(65, 0.1, stars=300)
    pixels[:, 1:] += 0.4 * pixels[:, :-1]
    return exposed(pixels, 65)


CASES = {
    "noise of neighbouring pixels is correlated": drizzled,
    "pixels differ in a 2 x 2 pattern, as in a Bayer mosaic": bayer,
    "noise has a period of a few pixels": jpeg,
    "stars are undersampled": lambda: exposed(100 * light(53, 1.0, stars=300), 53),
    "stars are wide or defocused": defocused,
    "steps larger than the noise": lambda: np.round(exposed(light(54), 54) / 64),
    "crowded with sources": lambda: exposed(light(55, stars=8000), 55),
    "structure runs in lines": spectrum,
    "hardly any sources": flat,
    "sources that do not look like stars": hot_pixels,
    "hardly any stars": pupil,
    "sources are hardly wider than a pixel": sharper_than_a_pixel,
}


class TestFrames:
    @pytest.mark.parametrize("seed", range(20, 26))
    def test_like_the_training_frames_are_not_warned_of(self, reference, seed):
        assert score_statistics(statistics(exposed(light(seed, 3), seed)), reference).score <= WARNING_SCORE

    @pytest.mark.parametrize("words", CASES)
    def test_unlike_them_are_told_why(self, reference, words):
        found = score_frame(ArrayFrame(CASES[words]()), reference)
        assert found is not None
        assert found.score > WARNING_SCORE
        assert any(reason.startswith(words) for reason in found.reasons)

    def test_with_interpolated_colours_are_told_so(self, reference):
        assert any(
            reason.startswith(DESCRIPTIONS["period", "high"])
            for reason in reasons_of(demosaiced(), reference)
        )

    def test_without_empty_sky_are_told_so(self, reference):
        pixels = exposed(30 * light(60, 5.0, stars=40_000), 60)
        assert any(reason.startswith("no empty sky") for reason in reasons_of(pixels, reference))

    def test_that_are_trailed_are_told_so(self, reference):
        trailed = gaussian_filter(uniform_filter(100 * light(61, 1.0, stars=150), (1, 15)), 1.2)
        reasons = reasons_of(exposed(trailed, 61), reference)
        assert any(reason.startswith("sources are all elongated in one direction") for reason in reasons)

    def test_of_one_value_over_much_of_the_frame_are_told_so(self, reference):
        pixels = exposed(light(62, 3), 62)
        pixels[:, :250] = 65535
        reasons = reasons_of(pixels, reference)
        assert any(reason.startswith("much of the frame has one value") for reason in reasons)

    def test_of_a_mean_of_shifted_exposures_have_correlated_noise_but_no_more_than_half(self):
        rng = np.random.default_rng(5)
        exposures = [shift(exposed(light(50), 50 + n), rng.random(2), order=1) for n in range(4)]
        assert 0.1 < values(np.mean(exposures, axis=0))["correlation"] < 0.5

    def test_of_blurred_faint_sources_have_no_correlated_noise(self):
        faint = exposed(0.004 * light(63, 4.0, stars=3000), 63)
        assert abs(values(faint)["correlation"]) < 0.06

    def test_of_another_unit_sky_or_scale_are_alike(self):
        first = exposed(light())
        assert values(3.7 * first - 200) == pytest.approx(values(first), abs=0.01)

    def test_with_an_overscan_are_alike(self):
        pixels = exposed(light(0, 3.0), 0)
        expected = values(pixels)
        pixels[:, :40] = np.round(np.random.default_rng(1).normal(500, 3, (SHAPE[0], 40)))
        found = values(pixels)
        assert found["sources"] == pytest.approx(expected["sources"], abs=0.15)
        assert found["bright"] == pytest.approx(expected["bright"], abs=0.15)

    @pytest.mark.parametrize("fwhm", [1.5, 2, 3, 5, 8])
    def test_have_the_fwhm_of_their_stars(self, fwhm):
        found = 10 ** values(exposed(10 * light(0, fwhm)))["fwhm"]
        assert found == pytest.approx(fwhm, rel=0.25)

    def test_without_stars_have_no_fwhm(self):
        assert {"fwhm", "elongation"}.isdisjoint(statistics(exposed(np.zeros(SHAPE))))

    def test_say_nothing_of_pixels_without_data(self):
        pixels = exposed(light())
        expected = values(pixels)
        pixels[:100] = np.nan
        found = values(pixels)
        for name in ("correlation", "mosaic", "fwhm", "sources", "bright"):
            assert found[name] == pytest.approx(expected[name], abs=0.1)

    def test_that_are_small_have_larger_errors(self):
        whole, part = (statistics(exposed(light(0))[:side, :side]) for side in (384, 96))
        assert part["correlation"].error > whole["correlation"].error
        assert part["sources"].error > whole["sources"].error

    def test_that_are_small_and_empty_are_not_called_empty(self, reference):
        small = exposed(np.zeros((96, 96)))
        assert not reasons_of(small, reference)

    @pytest.mark.parametrize(
        "pixels",
        [
            np.zeros(SHAPE),
            np.full(SHAPE, np.nan),
            np.ones((40, 40)),
            np.ones((10, 3000)),
        ],
        ids=["blank", "no data", "small", "narrow"],
    )
    def test_that_cannot_be_measured_are_not_compared(self, pixels, reference):
        assert score_frame(ArrayFrame(pixels), reference) is None

    def test_of_huge_values_have_finite_statistics(self):
        found = statistics(np.random.default_rng(0).normal(0, 1e38, SHAPE))
        assert all(np.isfinite(measured).all() for measured in found.values())

    def test_are_not_compared_without_a_reference(self):
        assert score_frame(ArrayFrame(bayer()), {}) is None

    def test_are_read_in_three_strips_at_most(self):
        class Counted(ArrayFrame):
            read = 0

            def rows(self, start, stop):
                self.read += stop - start
                return super().rows(start, stop)

        frame = Counted(np.random.default_rng(0).normal(0, 1, (3000, 300)))
        assert measure_statistics(frame)
        assert frame.read == 3 * 256


class TestReference:
    def test_is_data_for_a_card(self, reference):
        assert json.loads(json.dumps(reference)) == reference
        assert set(reference) == set(STATISTICS)
        check_reference(reference, origin="here")

    def test_holds_the_quantiles_of_each_statistic(self):
        found = reference_quantiles({"mosaic": Measured(value)} for value in np.linspace(0, 1, 1001))
        assert found == {"mosaic": pytest.approx(list(QUANTILES))}

    def test_is_not_widened_by_what_single_frames_scatter(self):
        spread = reference_quantiles({"mosaic": Measured(value, 0.2)} for value in np.linspace(0, 1, 1001))
        assert spread["mosaic"] == pytest.approx([0.405, 0.45, 0.5, 0.55, 0.595])

    def test_counts_a_statistic_where_it_is_there(self):
        found = reference_quantiles([{"mosaic": Measured(1)}, {"mosaic": Measured(1), "fwhm": Measured(0.5)}])
        assert found["fwhm"] == [0.5] * len(QUANTILES)

    @pytest.mark.parametrize(
        "wrong",
        [1.0, [1, 2], [5, 4, 3, 2, 1], ["a"] * 5, None, [float("nan")] * 5, [0, 0, 0, 0, float("inf")]],
    )
    def test_that_is_malformed_is_refused(self, wrong):
        with pytest.raises(ModelError, match="here: domain entry 'fwhm' is"):
            check_reference({"fwhm": wrong}, origin="here")


RANGES = {"fwhm": [0.2, 0.3, 0.5, 0.9, 1.0], "mosaic": [0.0, 0.0, 0.05, 0.06, 0.1]}


class TestUnlikeness:
    @pytest.mark.parametrize(
        ("found", "score", "worst"),
        [
            ({"fwhm": Measured(0.5)}, 0.0, ""),
            ({"fwhm": Measured(1.0)}, 0.0, ""),
            # a fifth of the distance from the middle to the end is one margin
            ({"fwhm": Measured(1.1)}, 1.0, "stars are wide or defocused"),
            ({"fwhm": Measured(0.08)}, 2.0, "stars are undersampled"),
            # less twice its error
            ({"fwhm": Measured(1.2, 0.05)}, 1.0, "stars are wide or defocused"),
            ({"fwhm": Measured(1.2, 0.1)}, 0.0, ""),
            # a range too narrow for one frame to be measured by is widened
            ({"mosaic": Measured(0.15)}, 1.0, DESCRIPTIONS["mosaic", "high"]),
            # no mosaic does no harm
            ({"mosaic": Measured(-1.0)}, 0.0, ""),
            ({"fwhm": Measured(1.1), "mosaic": Measured(0.3)}, 4.0, DESCRIPTIONS["mosaic", "high"]),
            # the model says nothing of it
            ({"grain": Measured(9.0)}, 0.0, ""),
            ({}, 0.0, ""),
        ],
    )
    def test_is_the_distance_in_margins_of_the_worst(self, found, score, worst):
        one = score_statistics(found, RANGES)
        assert one.score == pytest.approx(score)
        assert one.worst == worst

    def test_names_each_reason_with_what_was_found_and_what_is_known(self):
        found = score_statistics({"fwhm": Measured(0.0), "mosaic": Measured(0.4)}, RANGES)
        assert found.reasons == (
            "pixels differ in a 2 x 2 pattern, as in a Bayer mosaic: 0.40; 0.10 at most in training frames",
            "stars are undersampled: 1.0 px wide; the network knows 1.6 to 10.0 px",
        )

    def test_within_the_range_gives_no_warning(self):
        assert score_statistics({"fwhm": Measured(0.5)}, RANGES).warning("a.fits", "mine") == ""

    def test_gives_a_warning_with_its_reasons(self):
        text = score_statistics({"fwhm": Measured(0.0)}, RANGES).warning("a.fits", "mine")
        assert text == (
            "a.fits: unlike what model mine was trained on (score 3.3): "
            "stars are undersampled: 1.0 px wide; the network knows 1.6 to 10.0 px"
        )

    @pytest.mark.parametrize(("name", "side"), DESCRIPTIONS)
    def test_has_a_sentence_for_each_statistic(self, name, side):
        ranges = {name: [0.1, 0.2, 0.3, 0.4, 0.5]}
        value = 9.0 if side == "high" else -9.0
        (reason,) = score_statistics({name: Measured(value)}, ranges).reasons
        assert reason.startswith(DESCRIPTIONS[name, side])


class TestRealFrames:
    @pytest.fixture
    def judged(self, real_frames, reference):
        def judged(name):
            with FrameFile(Location(real_frames / name)) as file:
                return score_frame(file.planes[0], reference)

        return judged

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("panoptes_rggb_solved.fits.fz", DESCRIPTIONS["mosaic", "high"]),
            ("dss_horsehead.fits", DESCRIPTIONS["correlation", "high"]),
        ],
    )
    def test_that_are_no_exposures_of_a_ccd_are_told_why(self, judged, name, words):
        found = judged(name)
        assert found.score > WARNING_SCORE
        assert found.worst == words
