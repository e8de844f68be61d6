"""The sky in units and patches."""

from __future__ import annotations

import healpy
import numpy as np
import pytest

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.tiling import MIN_MARGIN, UNITS, cover_unit, unit_pixels
from skysieve.core.errors import ConfigError

NETWORK = PatchGrid(64, 1.7)
FILTER = PatchGrid(512, 1.5)
# At a pole, at a corner where three units meet, at the equator, and at a seam of longitude
SAMPLE = (0, 63, 300, 767)


def test_units_own_every_pixel_once():
    owned = np.concatenate([unit_pixels(unit, 32) for unit in range(UNITS)])
    np.testing.assert_array_equal(np.sort(owned), np.arange(12 * 32**2))


@pytest.mark.parametrize("nside", [8, 32, 64, 256])
@pytest.mark.parametrize("grid", [NETWORK, FILTER], ids=["network", "filter"])
def test_every_pixel_of_a_unit_is_taken_from_one_patch(grid, nside):
    for unit in SAMPLE:
        taken = np.concatenate([patch.pixels for patch in cover_unit(unit, nside, grid)])
        np.testing.assert_array_equal(np.sort(taken), unit_pixels(unit, nside))


def least_margin(units, grid, margin):
    """Return how close to the edge of its patch a pixel of some units lies."""
    least = np.inf
    for unit in units:
        for patch in cover_unit(unit, 64, grid, margin=margin):
            for place in (patch.row, patch.column):
                least = min(least, place.min(), grid.side - 1 - place.max())
    return least


@pytest.mark.parametrize(
    ("grid", "margin"), [(NETWORK, MIN_MARGIN), (NETWORK, 16), (PatchGrid(32, 1.7), 6), (FILTER, 40)]
)
def test_pixels_lie_well_inside_their_patches(grid, margin):
    assert least_margin(SAMPLE, grid, margin) >= margin


@pytest.mark.slow
def test_all_pixels_of_the_sky_lie_well_inside_their_patches():
    assert least_margin(range(UNITS), NETWORK, MIN_MARGIN) >= MIN_MARGIN


@pytest.mark.slow
def test_patches_of_64_pixels_are_as_many_as_pixels_of_nside_64():
    assert sum(len(cover_unit(unit, 64, NETWORK)) for unit in range(UNITS)) == 12 * 64**2


def test_places_in_a_patch_are_those_of_the_pixels():
    for patch in cover_unit(300, 256, NETWORK)[::7]:
        lon, lat = NETWORK.sky_of(patch.row, patch.column, patch.lon, patch.lat, patch.rotation)
        np.testing.assert_array_equal(healpy.ang2pix(256, lon, lat, nest=True, lonlat=True), patch.pixels)


def test_one_patch_of_the_filter_covers_a_unit():
    assert [len(cover_unit(unit, 64, FILTER, margin=40)) for unit in SAMPLE] == [1] * len(SAMPLE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": 768}, "counted from 0 to 767"),
        ({"nside": 4}, "nside 4"),
        ({"nside": 100}, "power of two"),
        ({"margin": 32}, "margin of 32"),
        ({"margin": 31.4}, "too small"),
    ],
)
def test_what_cannot_be_covered_is_refused(change, message):
    options = {"unit": 0, "nside": 64, "margin": 6} | change
    with pytest.raises(ConfigError, match=message):
        cover_unit(options["unit"], options["nside"], NETWORK, margin=options["margin"])
