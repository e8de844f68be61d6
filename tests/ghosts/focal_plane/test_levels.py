"""Levels of a picture, and the contrast that networks know whatever the picture's own is."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import FrameError
from skysieve.ghosts.focal_plane.levels import measure_levels, normalise_picture

SHAPE = (160, 200)
PLANE = np.zeros(SHAPE, bool)
PLANE[10:70, 10:190] = PLANE[90:150, 10:190] = True


def picture(sky=54.0, noise=13.0, gap=23, *, ghost=0.0, stars=0.03, seed=0):
    """Return a picture with stars, and a ghost of so many sigma."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(SHAPE)
    values[rng.random(SHAPE) < stars] += 12
    values[20:60, 20:90] += ghost
    levels = np.where(PLANE, sky + noise * values, gap)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def shown(pixels):
    return normalise_picture(pixels, measure_levels(pixels, PLANE))


@pytest.mark.parametrize("noise", [4, 9, 13, 18])
@pytest.mark.parametrize("sky", [43, 54, 90])
def test_sky_and_noise_are_those_of_the_picture(sky, noise):
    found = measure_levels(picture(sky, noise, stars=0), PLANE)
    assert found.sky == pytest.approx(sky, abs=0.03 * noise)
    assert found.noise == pytest.approx(noise, rel=0.05)
    assert found.gap == 23


def test_stars_and_a_ghost_on_a_quarter_of_the_ccds_hardly_change_the_noise():
    quiet, loud = (
        measure_levels(picture(ghost=ghost, stars=stars), PLANE).noise for ghost, stars in ((0, 0), (2, 0.05))
    )
    assert loud == pytest.approx(quiet, rel=0.2)


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.4, 2.0])
def test_a_network_sees_the_same_whatever_the_contrast(factor):
    usual, other = (shown(picture(60, noise)) for noise in (13, 13 * factor))
    middle = np.abs(usual) < 1.2  # what 8 bits do not cut off
    assert np.abs(usual - other)[middle & PLANE].max() < 0.15
    np.testing.assert_array_equal(usual[~PLANE], other[~PLANE])


def test_a_blank_ccd_is_as_the_gaps_are():
    pixels = picture()
    pixels[90:150, 10:190] = 23 + np.random.default_rng(1).integers(-2, 3, (60, 180))
    seen = shown(pixels)
    assert (seen[94:146, 14:186] == seen[0, 0]).all()
    assert measure_levels(pixels, PLANE).sky == pytest.approx(54, abs=1)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros(SHAPE, np.uint8), "all pixels of its CCDs are 0"),
        (np.where(PLANE, 54, 23).astype(np.uint8), "all pixels of its CCDs are 54"),
        (np.where(PLANE & (np.arange(200) == 50), 25, 23).astype(np.uint8), "differ from the gaps"),
        (picture(0, 2, gap=90), "scatters by 0"),
    ],
    ids=["black", "constant", "blank", "cut off"],
)
def test_a_picture_without_sky_is_refused(pixels, message):
    with pytest.raises(FrameError, match=message):
        measure_levels(pixels, PLANE, label="a.png")
