"""Saturated pixels are found by the level that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from skysieve import mask
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.saturation import CERTAINTY, Saturation, find_saturation

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 300
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float64)
FULL = 30_000.0


def field(*, peak: float, stars: int = 6, seed: int = 1) -> NDArray[np.float64]:
    """Return stars of this peak, and many fainter ones, on a sky of 500 with noise 5."""
    rng = np.random.default_rng(seed)
    pixels = 500 + 5 * rng.normal(size=(SIDE, SIDE))
    peaks = [*np.full(stars, peak), *peak / 2 * rng.uniform(size=60) ** 3]
    for height, row, column in zip(peaks, *rng.uniform(20, SIDE - 20, (2, len(peaks))), strict=True):
        pixels += height * (1 + ((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / 6) ** -2.5
    return pixels


def seen(pixels: NDArray[np.float64]) -> Saturation | None:
    return find_saturation(normalise(ArrayFrame(pixels.astype(np.float32)), threads=1))


def found_in(pixels: NDArray[np.float64]) -> Saturation:
    found = seen(pixels)
    assert found is not None
    return found


@pytest.mark.parametrize("stars", [1, 6])
def test_full_pixels_share_a_level(stars):
    light = field(peak=1e5, stars=stars)
    found = found_in(np.minimum(light, FULL))
    (level,) = found.levels
    assert level.low <= FULL <= level.low * 1.005
    assert np.array_equal(found.pixels, light >= level.low)


def test_whole_numbers_of_a_converter_of_twelve_bits():
    light = 500 + (field(peak=2e5) - 500) / 15
    pixels = np.clip(np.rint(light), 0, 4095)
    found = found_in(pixels)
    assert found.pixels[pixels == 4095].all()
    assert found.pixels[pixels < 4050].mean() == 0


def test_a_flat_field_makes_a_level_wide():
    light = field(peak=3e5, stars=8)
    full = light >= FULL
    flat = 1 + 0.01 * np.random.default_rng(2).normal(size=light.shape)
    found = found_in(np.minimum(light, FULL) / flat)
    assert found.pixels[full].mean() > 0.9
    assert found.pixels[light < 0.8 * FULL].mean() == 0


def test_amplifiers_have_levels_of_their_own():
    light = field(peak=2e5, stars=12)
    levels = np.where(COLUMNS < SIDE / 2, FULL, 0.9 * FULL)
    found = found_in(np.minimum(light, levels))
    assert [round(level.low / FULL, 1) for level in found.levels] == [1.0, 0.9]
    full = light >= levels
    assert found.pixels[full].all()
    assert found.pixels[~full].mean() < 1e-4


def hot_pixels() -> NDArray[np.float64]:
    pixels = field(peak=5000)
    rng = np.random.default_rng(3)
    pixels[tuple(rng.integers(0, SIDE, (2, 40)))] = 65535
    return pixels


def wide_star() -> NDArray[np.float64]:
    pixels = field(peak=500)
    pixels += 3e4 * (1 + ((ROWS - 150) ** 2 + (COLUMNS - 150) ** 2) / 200) ** -2.5
    return pixels


def pupil() -> NDArray[np.float64]:
    """Return a star out of focus: a disc that is flat but for photon noise."""
    disc = 8000.0 * (np.hypot(ROWS - 150, COLUMNS - 150) < 25)
    pixels = field(peak=500)
    pixels += disc + np.sqrt(disc) * np.random.default_rng(4).normal(size=disc.shape)
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(field(peak=2e4), id="stars that are not full"),
        pytest.param(field(peak=100, stars=0), id="sky"),
        pytest.param(hot_pixels(), id="hot pixels apart from each other"),
        pytest.param(wide_star(), id="one star, well sampled"),
        pytest.param(pupil(), id="a star out of focus"),
    ],
)
def test_frames_without_a_level(pixels):
    assert seen(pixels) is None


def test_pixels_without_data_make_no_level():
    pixels = field(peak=2e4)
    pixels[100:103, 100:103] = np.nan
    assert seen(pixels) is None


class TestMasks:
    """What ``skysieve mask`` makes of full pixels."""

    pixels = np.minimum(field(peak=4e4), FULL).astype(np.float32)
    full = pixels == pixels.max()

    def test_have_saturated_pixels(self):
        result = mask(self.pixels)
        assert result.boolean("SAT")[self.full].all()
        assert result.saturation_levels[0].low <= FULL

    def test_are_the_same_whether_probabilities_are_kept_or_not(self):
        kept = mask(self.pixels, keep_probabilities=True)
        assert np.array_equal(kept.bits, mask(self.pixels).bits)
        assert kept.posteriors is not None
        saturated = [c.name for c in kept.classes].index("SAT")
        assert (kept.posteriors[saturated][self.full] >= np.float32(CERTAINTY)).all()

    def test_are_the_networks_alone_where_that_is_wanted(self):
        assert mask(self.pixels, saturation=False).saturation_levels == ()
        assert mask(self.pixels, classes=("CR", "BG")).saturation_levels == ()
