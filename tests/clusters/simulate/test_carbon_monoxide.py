"""Molecular clouds: where they are, how bright their lines are in each band, and their clumps."""

from __future__ import annotations

from dataclasses import replace

import healpy
import numpy as np
import pytest

from skysieve.clusters.physics.bands import band
from skysieve.clusters.simulate.carbon_monoxide import CarbonMonoxide
from skysieve.clusters.simulate.core_painting import paint_cores
from skysieve.clusters.simulate.dust import GalacticDust
from skysieve.clusters.simulate.harmonics import Harmonics
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.core.errors import ConfigError

NSIDE, LMAX = 128, 256
WHOLE = SkyRegion(NSIDE)
HARMONICS = Harmonics.for_region(WHOLE, LMAX)
DUST = GalacticDust(disc=0.0, softening=1e6)  # the same column everywhere


def line(clouds, region=WHOLE, harmonics=HARMONICS, dust=DUST):
    return clouds.diffuse_line(region, harmonics, [1, 9], dust, [1, 6])


def test_clouds_cover_their_part_of_the_sky_with_their_mean_line():
    clouds = CarbonMonoxide(coverage=0.1, level=2.0)
    values = line(clouds)
    assert values.min() == 0
    # the variance at degrees above 256 is missing
    assert np.mean(values > 0) == pytest.approx(0.1, abs=0.025)
    assert values[values > 0].mean() == pytest.approx(2.0, rel=0.25)


def test_clouds_lie_where_the_dust_is():
    dust = DUST.brightness(857.0, WHOLE, HARMONICS, [1, 6], window=np.ones(LMAX + 1))
    together, apart = (line(CarbonMonoxide(correlation=one, coverage=0.1)) for one in (0.9, 0.0))
    assert dust[together > 0].mean() > 1.3 * dust.mean()
    assert dust[apart > 0].mean() < 1.15 * dust.mean()


def test_filaments_keep_the_mean_and_concentrate_the_line():
    smooth, filaments = (line(CarbonMonoxide(filaments=one, coverage=0.3)) for one in (0.0, 0.9))
    assert filaments.mean() == pytest.approx(smooth.mean(), rel=0.1)
    assert filaments.std() > 1.3 * smooth.std()


def test_towards_the_plane_clouds_are_as_much_brighter_as_the_dust():
    lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), lonlat=True)[1]
    same, plane = line(CarbonMonoxide()), line(CarbonMonoxide(), dust=GalacticDust())
    low, high = (np.abs(lat) < 20) & (same > 0), (np.abs(lat) > 60) & (same > 0)
    assert np.median(plane[high] / same[high]) == pytest.approx(1.1, abs=0.1)
    assert np.median(plane[low] / same[low]) > 3


def test_bands_have_their_lines_and_the_dust_of_the_gas():
    gas = CarbonMonoxide(dust=0.0)
    # K_CMB per K km/s of Planck 2013 results IX, and the line ratios
    assert gas.response(band("100")) == pytest.approx(14.78e-6)
    assert gas.response(band("217")) == pytest.approx(0.595 * 45.85e-6)
    assert gas.response(band("353")) == pytest.approx(0.297 * 175.1e-6)
    assert gas.response(band("143")) == gas.response(band("545")) == gas.response(band("857")) == 0
    assert CarbonMonoxide().response(band("857")) == pytest.approx(1.7)
    dust = CarbonMonoxide(ratios=(0.0, 0.0))
    assert 0 < dust.response(band("143")) < dust.response(band("217")) < dust.response(band("353"))


def test_clumps_lie_in_the_clouds_and_are_as_many_as_stated():
    clouds = CarbonMonoxide(coverage=0.1, clumps=2.0)
    table = clouds.draw([1, 9], WHOLE, DUST, [1, 6])
    assert len(table) == pytest.approx(2.0 * 0.1 * 41253, rel=0.05)
    there = healpy.ang2pix(NSIDE, table["GLON"], table["GLAT"], lonlat=True)
    assert np.mean(line(clouds)[there] > 0) > 0.9
    assert np.median(table["CO1"]) == pytest.approx(clouds.clump_level, rel=0.05)
    assert np.median(table["CO2"] / table["CO1"]) == pytest.approx(0.595, rel=0.05)
    cap = clouds.draw([1, 9], SkyRegion(NSIDE, 30.0), DUST, [1, 6])
    np.testing.assert_array_equal(cap["GLON"], table["GLON"][table["GLAT"] >= 60])


@pytest.mark.parametrize(("name", "column"), [("100", "CO1"), ("217", "CO2"), ("353", "CO3")])
def test_a_painted_clump_has_its_line_in_its_band(name, column):
    region, seen = SkyRegion(1024, 5.0), band(name)
    clumps = CarbonMonoxide(dust=0.0, clumps=50.0).draw([1, 9], WHOLE, DUST, [1, 6])[:1]
    clumps["GLAT"] = 88.0
    values = np.zeros(len(region.pixels), np.float32)
    paint_cores(values, region, clumps, seen)
    line_area = clumps[column][0] * np.pi / (4 * np.log(2)) * clumps["MAJOR"][0] * clumps["MINOR"][0]
    pixel = healpy.nside2pixarea(1024, degrees=True) * 3600
    assert values.sum(dtype=float) * pixel == pytest.approx(line_area * seen.co_response, rel=2e-3)


def test_the_analysis_of_a_padded_cap_is_that_of_the_whole_sky():
    clouds, cap = CarbonMonoxide(coverage=0.3), SkyRegion(NSIDE, 20.0)
    padded = replace(cap, cap=40.0)
    # a beam that is well resolved, as those of real maps are
    window = np.exp(-0.5 * (np.arange(LMAX + 1) / 60) ** 2)
    maps = []
    values = np.zeros(0)
    for region in (padded, WHOLE):
        harmonics = Harmonics.for_region(region, LMAX)
        values = line(clouds, region, harmonics)
        coefficients = harmonics.multiply(harmonics.analyse(values, region), window)
        maps.append(harmonics.synthesise(coefficients, cap))
    # the last is of the whole sky
    expected = healpy.smoothing(values, beam_window=window, lmax=LMAX, iter=3)[: len(cap.pixels)]
    np.testing.assert_allclose(maps[0], maps[1], atol=2e-3 * maps[1].max())
    np.testing.assert_allclose(maps[1], expected, atol=1e-2 * maps[1].max())


def test_a_cap_is_padded_and_the_sky_is_not():
    clouds = CarbonMonoxide()
    assert clouds.padded(SkyRegion(64, 10.0)).cap == 11.0
    assert clouds.padded(SkyRegion(64, 179.9)).cap == 180.0
    assert clouds.padded(SkyRegion(64)) == SkyRegion(64)


@pytest.mark.parametrize("wrong", [{"coverage": 0.0}, {"correlation": 1.2}, {"filaments": -0.1}])
def test_fractions_are_fractions(wrong):
    with pytest.raises(ConfigError, match="carbon monoxide with coverage"):
        CarbonMonoxide(**wrong)
