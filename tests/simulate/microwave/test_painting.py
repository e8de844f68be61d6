"""Clusters and point sources on a map: all of their light, where it belongs, as the beam spreads it."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy.table import Table

from skysieve.microwave.bands import PLANCK_HFI, band
from skysieve.microwave.pressure_profile import beam_convolved_profile
from skysieve.microwave.units import conversion_factor
from skysieve.simulate.microwave.painting import paint_clusters, paint_point_sources
from skysieve.simulate.microwave.regions import SkyRegion

NSIDE = 1024
REGION = SkyRegion(NSIDE, cap=15)
PIXEL = healpy.nside2pixarea(NSIDE, degrees=True) * 3600
"""Square arcminutes."""


def clusters(lon, lat, y500, t500):
    return Table({"GLON": lon, "GLAT": lat, "Y500": y500, "T500": t500})


def empty():
    return np.zeros(len(REGION.pixels), np.float32)


@pytest.mark.parametrize("one", PLANCK_HFI, ids=lambda one: one.name)
@pytest.mark.parametrize("t500", [1.0, 8.0])
def test_all_gas_is_on_the_map(one, t500):
    values = empty()
    paint_clusters(values, REGION, clusters([40.0], [82.0], [2e-3], [t500]), one)
    # 1.796 times Y500 within five R500
    assert values.sum(dtype=float) * PIXEL == pytest.approx(1.796 * 2e-3 * one.y_in_unit, rel=0.01)


def test_the_profile_is_that_of_gas_and_beam():
    values, one = empty(), band("143")
    paint_clusters(values, REGION, clusters([40.0], [82.0], [2e-3], [6.0]), one)
    pixels = healpy.query_disc(NSIDE, healpy.ang2vec(40.0, 82.0, lonlat=True), np.radians(0.3))
    angles = 60 * np.degrees(
        healpy.rotator.angdist(
            healpy.ang2vec(40.0, 82.0, lonlat=True), np.array(healpy.pix2vec(NSIDE, pixels))
        )
    )
    seen = 2e-3 * one.y_in_unit * beam_convolved_profile(6.0, np.hypot(7.3, REGION.pixel_fwhm), angles)
    assert values[pixels] == pytest.approx(seen, rel=0.01)


def test_a_source_of_one_jansky_has_that_flux():
    for one in PLANCK_HFI:
        values = empty()
        paint_point_sources(values, REGION, np.array([300.0]), np.array([80.0]), np.array([1.0]), one)
        flux = values.sum(dtype=float) * healpy.nside2pixarea(NSIDE) * 1e6
        assert flux * conversion_factor(one.unit, "MJy/sr", one) == pytest.approx(1.0, rel=0.01)


def test_what_overlaps_adds_up():
    one, both = band("217"), empty()
    places = [(10.0, 85.0, 1e-3, 3.0), (12.0, 85.1, 3e-3, 9.0), (200.0, 79.0, 2e-3, 1.0)]
    paint_clusters(both, REGION, clusters(*map(list, zip(*places, strict=True))), one)
    parts = empty()
    for place in places:
        paint_clusters(parts, REGION, clusters(*([value] for value in place)), one)
    assert both == pytest.approx(parts, abs=2e-3 * float(np.abs(both).max()))


def test_what_lies_beside_the_region_leaves_only_its_rim_there():
    inside, outside = empty(), empty()
    paint_clusters(outside, REGION, clusters([40.0], [-30.0], [2e-3], [6.0]), band("353"))
    assert not outside.any()
    paint_clusters(inside, REGION, clusters([40.0], [74.9], [2e-3], [6.0]), band("353"))
    assert 0 < inside.sum(dtype=float) * PIXEL < 1.796 * 2e-3 * band("353").y_in_unit
