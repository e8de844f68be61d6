"""What is measured of a frame: what counts as a star, lines, periods of the noise, saturated areas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.frame_statistics import measure_statistics
from skysieve.frames.image.usable import UsableFrame

SIDE = 512
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)
NONE = np.log10(1e6 / SIDE**2)
"""The value of a number of 0."""


def noisy(light, seed=0, level=1000.0, sigma=12.0):
    rng = np.random.default_rng(seed)
    return np.round(light + level + rng.normal(0, sigma, np.shape(light))).astype(np.float32)


def measured(pixels):
    return {name: one.value for name, one in measure_statistics(ArrayFrame(pixels)).items()}


def stars_on_a_grid(fwhm, peak=1500.0, step=64):
    light = np.zeros((SIDE, SIDE))
    light[step // 4 :: step, step // 4 :: step] = 1
    light = gaussian_filter(light, fwhm / 2.355)
    return peak * light / light.max()


def defocused(radius=7, step=64):
    far = np.hypot(ROWS % step - step / 4 - 1.3, COLUMNS % step - step / 4 - 1.7)
    return gaussian_filter(600.0 * ((far < radius) & (far > 0.4 * radius)), 1.0)


def hot_pixels(count=1000):
    light = np.zeros((SIDE, SIDE))
    light.flat[np.random.default_rng(1).choice(light.size, count, replace=False)] = 3000
    return light


def hot_columns():
    light = np.zeros((SIDE, SIDE))
    light[40:300, 20::30] = 500
    return light


def sky_lines():
    return 800 * np.exp(-0.5 * ((COLUMNS + 0.01 * ROWS) % 30 - 15) ** 2 / 1.5**2)


def pupil():
    disc = np.hypot(ROWS - 250, COLUMNS - 240) < 120
    speckles = gaussian_filter(np.random.default_rng(2).normal(size=disc.shape), 5) * 17
    return 2000.0 * gaussian_filter(disc * (1 + 0.2 * speckles), 1.5)


def lamp():
    # bright and dark halves: the noise of the bright one is 4 times that of the other
    bright = ROWS > SIDE / 2
    return 5000.0 * bright + np.random.default_rng(3).normal(0, 50, bright.shape) * bright


class TestStars:
    @pytest.mark.parametrize("light", [stars_on_a_grid(f) for f in (1.5, 3, 6, 12)] + [defocused()])
    def test_are_counted_whatever_their_width(self, light):
        assert 10 ** measured(noisy(light))["stars"] * SIDE**2 / 1e6 == pytest.approx(64, rel=0.2)

    @pytest.mark.parametrize(
        "light",
        [hot_pixels, hot_columns, sky_lines, pupil, lamp, lambda: np.zeros((SIDE, SIDE))],
        ids=["hot pixels", "hot columns", "sky lines", "pupil", "lamp", "nothing"],
    )
    def test_are_not_what_is_not_light_of_a_point(self, light):
        assert measured(noisy(light()))["stars"] < NONE + np.log10(4)

    def test_are_counted_beside_a_dark_overscan(self):
        pixels = noisy(stars_on_a_grid(3), level=20_000.0)
        whole = measured(pixels)["stars"]
        pixels[:, :64] = noisy(np.zeros((SIDE, 64)), level=300.0, sigma=4.0)
        assert measured(pixels)["stars"] == pytest.approx(whole, abs=0.15)

    def test_are_counted_beside_pixels_without_data(self):
        pixels = noisy(stars_on_a_grid(3))
        whole = measured(pixels)["stars"]
        pixels[100:350, 100:350] = np.nan
        assert measured(pixels)["stars"] == pytest.approx(whole, abs=0.15)


def test_lines_are_told_from_trails_and_stars():
    trail = 500.0 * (np.abs(ROWS - 0.4 * COLUMNS - 100) < 2)
    assert measured(noisy(sky_lines()))["lines"] > 0.5
    assert measured(noisy(stars_on_a_grid(3) + trail))["lines"] < 0.25


@pytest.mark.parametrize("factor", [1.6, 2, 2.2])
def test_enlarging_leaves_a_period(factor):
    first = noisy(np.zeros((SIDE, SIDE)))
    enlarged = zoom(first, factor, order=1)[:SIDE, :SIDE]
    assert measured(enlarged)["period"] > measured(first)["period"] + 0.5


def test_sources_of_a_pixel_or_two_are_sharp_but_single_pixels_do_not_count():
    def sharp(light):
        return measured(noisy(light)).get("sharp")

    pairs = hot_pixels()
    pairs[:, 1:] += 0.5 * pairs[:, :-1]
    assert sharp(pairs) > 1
    assert sharp(stars_on_a_grid(3)) < -1
    assert sharp(hot_pixels(100) + stars_on_a_grid(3)) < -1


def test_large_saturated_areas_count_in_the_usable_part_of_a_frame():
    pixels = noisy(stars_on_a_grid(3))
    pixels[:, 200:] = 65535
    found = measure_statistics(UsableFrame(ArrayFrame(pixels)).sky)
    assert found["saturated"].value == pytest.approx(1 - 200 / SIDE, abs=0.05)
    assert found["constant"].value < 0.05
