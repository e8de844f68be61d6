"""Compact sources: as many as counted, with the right spectra, and cores where the dust is."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from scipy.integrate import quad

from skysieve.clusters.physics.bands import PLANCK_HFI, band
from skysieve.clusters.simulate.cold_cores import ColdCores
from skysieve.clusters.simulate.core_painting import paint_cores
from skysieve.clusters.simulate.dust import GalacticDust
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.clusters.simulate.source_counts import SourceCounts
from skysieve.clusters.simulate.source_table import fluxes, join_tables, source_table, with_band_fluxes
from skysieve.clusters.simulate.sources import DustyGalaxies, RadioGalaxies

WHOLE = SkyRegion(64)
COUNTS = SourceCounts(level=12.0, slope=-2.1, knee=1.0)


def rng(seed=1):
    return np.random.default_rng(seed)


class TestCounts:
    @pytest.mark.parametrize("least", [0.01, 0.5, 3.0])
    def test_numbers_are_the_integral_of_the_density(self, least):
        expected = quad(
            lambda x: COUNTS.density(np.exp(x)) * np.exp(x), np.log(least), np.log(1e4), limit=200
        )
        assert COUNTS.number(least) == pytest.approx(expected[0], rel=1e-3)

    @pytest.mark.parametrize("most", [0.05, 2.0])
    def test_shot_noise_is_the_integral_of_squared_flux(self, most):
        expected = quad(lambda s: s**2 * COUNTS.density(np.array(s)), 0, most, points=[min(1.0, most)])
        assert COUNTS.shot_noise(most) == pytest.approx(expected[0], rel=1e-3)

    def test_drawn_fluxes_follow_them(self):
        drawn = COUNTS.draw(rng(), 200_000, 0.03)
        assert drawn.min() >= 0.03
        for flux in (0.1, 1.0, 2.0):
            expected = COUNTS.number(flux) / COUNTS.number(0.03)
            assert (drawn > flux).mean() == pytest.approx(expected, rel=0.06)


class TestGalaxies:
    def test_radio_galaxies_are_as_many_as_planck_and_spt_count(self):
        counts = RadioGalaxies().counts
        # S^2.5 dN/dS at 1 Jy and at 10 mJy, and shot noise of what Planck does not mask
        assert counts.density(np.array(1.0)) == pytest.approx(12)
        assert 1 < counts.density(np.array(0.01)) * 0.01**2.5 < 4
        assert 4 < counts.shot_noise(0.35) < 8

    @pytest.mark.parametrize("galaxies", [RadioGalaxies(), DustyGalaxies()])
    def test_they_are_everywhere_alike(self, galaxies):
        table = galaxies.draw(rng(), WHOLE)
        expected = galaxies.counts.number(galaxies.least) * 4 * np.pi
        assert len(table) == pytest.approx(expected, abs=5 * np.sqrt(expected))
        north = np.mean(table["GLAT"] > 30)
        assert north == pytest.approx(0.25, abs=5 * np.sqrt(0.2 / expected))

    def test_a_cap_holds_its_share(self):
        region = SkyRegion(64, 20.0)
        table = DustyGalaxies().draw(rng(), region)
        assert np.min(table["GLAT"]) > 69.9
        expected = DustyGalaxies().counts.number(0.3) * 2 * np.pi * (1 - np.cos(np.radians(20)))
        assert len(table) == pytest.approx(expected, abs=5 * np.sqrt(expected))

    def test_radio_galaxies_fade_and_dusty_ones_brighten_with_frequency(self):
        radio, dusty = RadioGalaxies().draw(rng(), WHOLE), DustyGalaxies().draw(rng(), WHOLE)
        assert np.median(fluxes(radio, 217.0) / fluxes(radio, 143.0)) == pytest.approx(0.81, abs=0.03)
        ratio = fluxes(dusty, 857.0) / fluxes(dusty, 545.0)
        # what makes Planck's counts at the two frequencies one population: (627/93)^(2/3)
        assert np.median(ratio) == pytest.approx(3.56, rel=0.05)
        assert ratio.std() > 0.1

    def test_the_table_gives_the_flux_of_each_band(self):
        radio, dusty = RadioGalaxies().draw(rng(), WHOLE)[:5], DustyGalaxies().draw(rng(), WHOLE)[:5]
        table = with_band_fluxes(join_tables([radio, dusty]), PLANCK_HFI)
        np.testing.assert_allclose(table["S143"][:5], radio["FLUX"])
        np.testing.assert_allclose(table["S857"][5:], dusty["FLUX"])
        assert list(table["KIND"]) == ["radio"] * 5 + ["infrared"] * 5
        assert table["S100"].unit == "Jy"

    def test_no_sources_are_a_table_too(self):
        assert len(with_band_fluxes(join_tables([]), PLANCK_HFI)) == 0


class TestCores:
    def test_they_are_as_many_as_planck_found_and_lie_where_the_dust_is(self):
        dust = GalacticDust()
        table = ColdCores().draw(rng(), WHOLE, dust, [1, 6])
        assert len(table) == pytest.approx(13188, abs=600)
        assert np.median(np.abs(table["GLAT"])) < 5
        assert 13 < np.median(table["T"]) < 14.5
        assert np.all(table["MAJOR"] >= table["MINOR"])
        assert np.all(table["FLUX"] > 0)

    def test_they_follow_the_clouds_and_not_only_the_latitude(self):
        dust = GalacticDust(disc=0.0, softening=1e6)  # the same column everywhere
        table = ColdCores(crowding=1.0).draw(rng(), WHOLE, dust, [1, 6])
        from skysieve.clusters.simulate.harmonics import Harmonics

        harmonics = Harmonics.for_region(WHOLE, 128)
        brightness = dust.brightness(857.0, WHOLE, harmonics, [1, 6], window=np.ones(129))
        pixels = healpy.ang2pix(64, table["GLON"], table["GLAT"], lonlat=True)
        # as likely as bright: the mean over cores is the mean square over the mean
        expected = np.mean(brightness.astype(float) ** 2) / np.mean(brightness)
        assert brightness[pixels].mean() == pytest.approx(expected, rel=0.03)

    def test_a_cap_has_only_its_own(self):
        table = ColdCores(number=3e5).draw(rng(), SkyRegion(64, 10.0), GalacticDust(), [1, 6])
        assert len(table) > 10
        assert np.min(table["GLAT"]) >= 80

    @pytest.mark.parametrize("name", ["100", "857"])
    def test_a_painted_core_has_its_flux_size_and_angle(self, name):
        region, seen = SkyRegion(1024, 5.0), band(name)
        table = source_table(
            "core",
            np.array([30.0]),
            np.array([87.0]),
            flux=np.array([20.0]),
            frequency=857.0,
            temperature=14.0,
            beta=2.0,
            major=12.0,
            minor=5.0,
            angle=40.0,
        )
        values = np.zeros(len(region.pixels), np.float32)
        paint_cores(values, region, table, seen)
        janskys = values.sum(dtype=float) * healpy.nside2pixarea(1024) * 1e6
        janskys *= seen.mjysr_per_kcmb if seen.unit == "K_CMB" else 1
        assert janskys == pytest.approx(fluxes(table, seen.frequency)[0], rel=3e-3)
        lon, lat = healpy.pix2ang(1024, np.arange(values.size), lonlat=True)
        north = (lat - 87) * 60
        east = (lon - 30) * np.cos(np.radians(87)) * 60
        turn = np.radians(40)
        along, across = north * np.cos(turn) + east * np.sin(turn), east * np.cos(turn) - north * np.sin(turn)
        weights = values / values.sum()
        for offset, size in ((along, 12.0), (across, 5.0)):
            found = np.sqrt(8 * np.log(2) * (weights * offset**2).sum())
            assert found == pytest.approx(np.hypot(np.hypot(size, seen.fwhm), region.pixel_fwhm), rel=0.02)
