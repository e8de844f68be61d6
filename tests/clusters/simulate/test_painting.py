"""Clusters and point sources on a map: all of their light, where it belongs, as the beam spreads it."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy.table import Table

from skysieve.clusters.physics.bands import PLANCK_HFI, band
from skysieve.clusters.physics.pressure_profile import beam_convolved_profile, compton_profile
from skysieve.clusters.physics.units import conversion_factor
from skysieve.clusters.simulate.painting import paint_clusters, paint_point_sources
from skysieve.clusters.simulate.regions import SkyRegion

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


def through_the_beam(t500, fwhm, *, step=0.25, half=160):
    """Blur the gas of a cluster in two dimensions; return the profile of that, up to 40 arcminutes."""
    from scipy.signal import fftconvolve

    offsets = np.arange(-half, half + 1) * step
    gas = compton_profile(np.hypot(offsets[:, None], offsets) / t500) / t500**2
    # the cusp: means over its cells
    core, parts = slice(half - 6, half + 7), (np.arange(31) - 15) / 31 * step
    fine = (offsets[core, None] + parts).ravel()
    shape = (13, 31, 13, 31)
    gas[core, core] = (
        (compton_profile(np.hypot(fine[:, None], fine) / t500) / t500**2).reshape(shape).mean((1, 3))
    )
    sigma = fwhm / np.sqrt(8 * np.log(2))
    line = np.exp(-((offsets / sigma) ** 2) / 2) * step / np.sqrt(2 * np.pi) / sigma
    seen = fftconvolve(gas, np.outer(line, line), mode="same")
    return offsets[half:], seen[half, half:]


@pytest.mark.parametrize(("name", "t500"), [("143", 5.0), ("857", 2.0)])
def test_pixels_hold_the_means_of_a_convolution_done_by_brute_force(name, t500):
    nside, parts, one = 2048, 8, band(name)
    fine_region, centre = SkyRegion(nside, cap=8), healpy.ang2vec(33.0, 83.0, lonlat=True)
    values = np.zeros(len(fine_region.pixels), np.float32)
    paint_clusters(values, fine_region, clusters([33.0], [83.0], [1e-3], [t500]), one)
    pixels = healpy.query_disc(nside, centre, np.radians(0.3))
    finer = healpy.ring2nest(nside, pixels)[:, None] * parts**2 + np.arange(parts**2)
    places = np.stack(healpy.pix2vec(nside * parts, finer, nest=True), axis=-1)
    angles = 60 * np.degrees(2 * np.arcsin(np.linalg.norm(places - centre, axis=-1) / 2))
    means = 1e-3 * one.y_in_unit * np.interp(angles, *through_the_beam(t500, one.fwhm)).mean(axis=1)
    # the beam alone, without the pixels, is two to five per cent off
    assert np.abs(values[pixels] - means).max() < 0.01 * np.abs(means).max()


def test_many_sources_are_painted_as_one_by_one():
    # more pixels than are handled at a time
    rng = np.random.default_rng(3)
    lon, lat, flux = rng.uniform(0, 360, 6000), rng.uniform(80, 88, 6000), rng.uniform(0, 1, 6000)
    together, apart = empty(), empty()
    paint_point_sources(together, REGION, lon, lat, flux, band("100"))
    for part in np.array_split(np.arange(6000), 5):
        paint_point_sources(apart, REGION, lon[part], lat[part], flux[part], band("100"))
    assert np.abs(together - apart).max() < 1e-5 * together.max()


def test_a_sky_without_clusters_is_left_as_it_is():
    values = empty() + np.float32(1)
    paint_clusters(values, REGION, clusters([], [], [], []), band("100"))
    none = np.empty(0)
    paint_point_sources(values, REGION, none, none, none, band("100"))
    assert (values == 1).all()


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
    assert np.abs(both - parts).max() < 2e-3 * np.abs(both).max()


def test_what_lies_beside_the_region_leaves_only_its_rim_there():
    inside, outside = empty(), empty()
    paint_clusters(outside, REGION, clusters([40.0], [-30.0], [2e-3], [6.0]), band("353"))
    assert not outside.any()
    paint_clusters(inside, REGION, clusters([40.0], [74.9], [2e-3], [6.0]), band("353"))
    assert 0 < inside.sum(dtype=float) * PIXEL < 1.796 * 2e-3 * band("353").y_in_unit
