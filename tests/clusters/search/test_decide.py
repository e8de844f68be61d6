"""From maps of the sky to candidates."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy.table import Table

from skysieve.clusters.maps.sky_directions import separation, unit_vectors
from skysieve.clusters.search.decide import deduplicate, find_candidates
from skysieve.core.errors import ConfigError, FrameError

NSIDE = 256
PIXEL = float(healpy.nside2resol(NSIDE, arcmin=True))


def blank(nside=NSIDE):
    return np.full(12 * nside**2, np.nan, np.float32)


def paint(values, lon, lat, radius, peak=0.9, *, nested=True, floor=0.3):
    """Set a cone of values about a place, from `peak` in the middle to `floor` at a radius in pixels."""
    nside = healpy.npix2nside(values.size)
    centre = healpy.ang2vec(lon, lat, lonlat=True)
    reach = np.radians(radius * float(healpy.nside2resol(nside, arcmin=True)) / 60)
    pixels = healpy.query_disc(nside, centre, reach, nest=nested)
    away = np.arccos(np.clip(np.stack(healpy.pix2vec(nside, pixels, nest=nested), -1) @ centre, -1, 1))
    values[pixels] = peak - (peak - floor) * away / reach
    return pixels


def away(table, lon, lat):
    """Return the separation of the first candidate from a place, in pixels."""
    here = unit_vectors(table["lon"][0], table["lat"][0])
    return float(separation(here, unit_vectors(lon, lat)) * 60 / PIXEL)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    "place", [(30.0, 40.0), (0.0, 0.0), (359.99, -41.81), (123.0, 89.99), (45.0, 41.810314895778596)]
)
def test_a_group_is_one_candidate_wherever_it_lies(place, nested):
    values = blank()
    lon, lat = place
    pixels = paint(values, lon, lat, 4, nested=nested)
    table = find_candidates(values, NSIDE, nested, threshold=0.3, max_radius_arcmin=100)
    assert len(table) == 1
    assert away(table, *place) < 0.4
    assert table["npix"][0] == pixels.size
    assert table["size"][0] == pytest.approx(4 * PIXEL, rel=0.1)
    assert table["score"][0] == pytest.approx(values[pixels].max())


def test_the_centroid_is_weighted_with_the_values():
    values = blank()
    values[healpy.ang2pix(NSIDE, [10.0, 10.3], [0.0, 0.0], nest=True, lonlat=True)] = 0.9, 0.3
    lon, _ = healpy.pix2ang(NSIDE, np.flatnonzero(values > 0), nest=True, lonlat=True)
    table = find_candidates(values, NSIDE, True, threshold=0.1, min_pixels=1, max_radius_arcmin=100)
    assert len(table) == 1
    heavy, light = sorted(lon, key=lambda one: abs(one - 10.0))
    assert table["lon"][0] == pytest.approx(0.75 * heavy + 0.25 * light, abs=1e-4)


def test_scores_are_the_peak_or_the_mean():
    values = blank()
    pixels = paint(values, 200.0, -30.0, 3)
    peak = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=100)
    mean = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=100, score="mean")
    assert peak["score"][0] == pytest.approx(values[pixels].max())
    assert mean["score"][0] == pytest.approx(values[pixels].mean(dtype=float))
    assert mean["peak"][0] == peak["peak"][0]


def test_the_best_come_first_and_small_groups_are_left_out():
    values = blank()
    paint(values, 10.0, 10.0, 3, peak=0.6)
    paint(values, 50.0, 10.0, 3, peak=0.95)
    values[healpy.ang2pix(NSIDE, 90.0, 10.0, nest=True, lonlat=True)] = 1.0
    table = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=100)
    assert len(table) == 2
    assert away(table, 50.0, 10.0) < 0.5
    assert len(find_candidates(values, NSIDE, True, threshold=0.3, min_pixels=1)) == 3


def test_pixels_that_touch_at_corners_are_one_group_only_with_eight_neighbours():
    values = blank()
    pixel = int(healpy.ang2pix(NSIDE, 70.0, 20.0, nest=True, lonlat=True))
    corner = healpy.get_all_neighbours(NSIDE, pixel, nest=True)[1]
    values[[pixel, corner]] = 0.9
    assert len(find_candidates(values, NSIDE, True, threshold=0.5, min_pixels=1)) == 1
    assert len(find_candidates(values, NSIDE, True, threshold=0.5, min_pixels=1, connectivity=4)) == 2


def test_what_reaches_too_far_is_cut_about_its_maxima():
    values = blank()
    band = healpy.query_strip(NSIDE, np.radians(89), np.radians(91), nest=False)
    band = healpy.ring2nest(NSIDE, band)
    lon, _ = healpy.pix2ang(NSIDE, band, nest=True, lonlat=True)
    values[band[(lon > 20) & (lon < 60)]] = 0.4
    paint(values, 30.0, 0.0, 3, peak=0.9, floor=0.5)
    paint(values, 50.0, 0.0, 3, peak=0.8, floor=0.5)
    table = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=60)
    assert away(table[:1], 30.0, 0.0) < 0.5
    assert away(table[1:], 50.0, 0.0) < 0.5
    # nothing of a candidate lies beyond the radius of its peak
    assert table["npix"].max() <= np.pi * (60 / PIXEL + 1) ** 2
    whole = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=3000)
    assert len(whole) == 1


def test_the_shoulder_of_a_wide_source_is_no_candidate():
    values = blank()
    paint(values, 30.0, 0.0, 12, peak=0.9)
    table = find_candidates(values, NSIDE, True, threshold=0.3, max_radius_arcmin=6 * PIXEL)
    assert len(table) == 1
    assert away(table, 30.0, 0.0) < 0.6


def test_an_empty_sky_has_no_candidates():
    table = find_candidates(blank(16), 16, False, threshold=0.3)
    assert len(table) == 0
    assert table.colnames == ["lon", "lat", "score", "peak", "size", "npix"]
    assert len(deduplicate(table, 5.0)) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.0},
        {"threshold": 0.5, "min_pixels": 0},
        {"threshold": 0.5, "max_radius_arcmin": -1},
        {"threshold": 0.5, "connectivity": 6},
        {"threshold": 0.5, "score": "median"},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=r"above 0|give 4 or 8"):
        find_candidates(blank(16), 16, True, **options)


def test_a_map_of_another_nside_is_refused():
    with pytest.raises(FrameError, match="3072 pixels"):
        find_candidates(blank(32), 16, True, threshold=0.5)


def places(*arcminutes, score):
    lon = np.array(arcminutes) / 60
    return Table({"lon": lon, "lat": np.zeros(lon.size), "score": np.array(score, float)})


def test_of_a_pair_the_better_one_stays():
    assert list(deduplicate(places(0, 4, 100, score=[0.5, 0.9, 0.1]), 5.0)["score"]) == [0.9, 0.1]
    assert len(deduplicate(places(0, 6, score=[0.5, 0.9]), 5.0)) == 2


def test_what_went_takes_nothing_with_it():
    chain = places(0, 4, 8, 12, score=[0.9, 0.8, 0.7, 0.6])
    assert list(deduplicate(chain, 5.0)["score"]) == [0.9, 0.7]
    middle = places(0, 4, 8, score=[0.8, 0.9, 0.7])
    assert list(deduplicate(middle, 5.0)["score"]) == [0.9]


def test_pairs_across_the_meridian_are_pairs():
    table = Table({"lon": [359.99, 0.01], "lat": [60.0, 60.0], "score": [0.5, np.nan]})
    assert list(deduplicate(table, 5.0)["score"]) == [0.5]
