"""Backgrounds, dust and noise: the power, the levels and the correlations that Planck measured."""

from __future__ import annotations

import healpy
import numpy as np
import pytest

from skysieve.clusters.physics.bands import PLANCK_HFI, band
from skysieve.clusters.simulate.cib import InfraredBackground
from skysieve.clusters.simulate.cmb import CosmicBackground, temperature_spectrum
from skysieve.clusters.simulate.dust import GalacticDust
from skysieve.clusters.simulate.harmonics import Harmonics, multipoles
from skysieve.clusters.simulate.instrument import Noise, relative_noise, window_function
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.clusters.simulate.sources import RadioGalaxies
from skysieve.core.errors import ConfigError

NSIDE, LMAX = 128, 256
WHOLE = SkyRegion(NSIDE)
HARMONICS = Harmonics.for_region(WHOLE, LMAX)
SHARP = np.ones(LMAX + 1)
ECLIPTIC_POLE, ECLIPTIC = (96.38, 29.81), (96.38, -60.19)
JY2 = 1e-12
"""Jy² in MJy²."""


def spectrum(component, name, stream=(1, 2)):
    """Return the power of a component's harmonics by degree."""
    coefficients = HARMONICS.zeros()
    component.add(coefficients, HARMONICS, band(name), stream, SHARP)
    return healpy.alm2cl(coefficients.astype(complex))


def correlation(component, first, second):
    maps = []
    for name in (first, second):
        coefficients = HARMONICS.zeros()
        component.add(coefficients, HARMONICS, band(name), (1, 2), SHARP)
        maps.append(coefficients.astype(complex))
    cross = healpy.alm2cl(*maps)[20:].sum()
    return cross / np.sqrt(np.prod([healpy.alm2cl(one)[20:].sum() for one in maps]))


class TestCosmicBackground:
    def test_its_power_is_the_input_within_cosmic_variance(self):
        found, expected = spectrum(CosmicBackground(), "143")[2:], temperature_spectrum(LMAX)[2:]
        score = (found / expected - 1) * np.sqrt((2 * multipoles(LMAX)[2:] + 1) / 2)
        assert abs(score.mean()) < 3 / np.sqrt(score.size)
        assert 0.8 < score.std() < 1.2

    def test_the_input_has_the_first_peak_of_planck(self):
        degrees = multipoles(LMAX)
        power = degrees * (degrees + 1) / (2 * np.pi) * temperature_spectrum(LMAX) * 1e12
        assert 215 <= power.argmax() <= 225
        assert power.max() == pytest.approx(5730, rel=0.02)
        assert power[:2].sum() == 0

    def test_every_band_shows_the_same(self):
        assert correlation(CosmicBackground(), "100", "857") == pytest.approx(1, abs=1e-5)
        ratio = spectrum(CosmicBackground(), "545") / np.maximum(spectrum(CosmicBackground(), "143"), 1e-30)
        assert np.median(ratio) == pytest.approx(58.04**2, rel=1e-4)


class TestInfraredBackground:
    @pytest.mark.parametrize(
        ("name", "degree", "power"),
        [
            # Planck 2013 results XXX, Table D.2, in Jy²/sr
            ("857", 187, 2.87e5),
            ("857", 1158, 2.40e4),
            ("857", 2649, 1.16e4),
            ("545", 502, 1.91e4),
            ("353", 890, 1.29e3),
            ("217", 320, 2.62e2),
        ],
    )
    def test_its_power_is_that_measured(self, name, degree, power):
        found = InfraredBackground(poisson=1.0).spectrum(band(name).frequency, 3000)[degree] / JY2
        assert found == pytest.approx(power, rel=0.1)

    def test_fields_have_that_power(self):
        found = spectrum(InfraredBackground(), "545")[100:].mean()
        expected = InfraredBackground().spectrum(545.0, LMAX)[100:].mean()
        assert found == pytest.approx(expected, rel=0.03)

    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [("857", "545", 0.95), ("857", "353", 0.91), ("857", "217", 0.86), ("217", "143", 0.95)],
    )
    def test_bands_see_partly_the_same_galaxies(self, first, second, expected):
        assert correlation(InfraredBackground(), first, second) == pytest.approx(expected, abs=0.02)

    def test_bands_can_be_less_alike(self):
        other = InfraredBackground(decoherence=0.5)
        assert correlation(other, "857", "353") == pytest.approx((353 / 857) ** 0.5, abs=0.03)
        with pytest.raises(ConfigError, match="decoherence -1"):
            InfraredBackground(decoherence=-1.0)

    def test_it_is_faint_where_the_cmb_is_bright(self):
        amplitude = np.sqrt(spectrum(InfraredBackground(), "143")[2:] / temperature_spectrum(LMAX)[2:])
        assert amplitude.max() < 0.05

    def test_the_mean_is_planck_s(self):
        assert InfraredBackground().mean(857.0) == pytest.approx(0.64)
        assert InfraredBackground(monopole=False).mean(857.0) == 0


def test_faint_radio_sources_are_shot_noise():
    galaxies = RadioGalaxies(least=0.35, index_scatter=0.0)
    power = spectrum(galaxies, "143")[50:] * band("143").mjysr_per_kcmb ** 2 / JY2
    assert power.mean() == pytest.approx(galaxies.counts.shot_noise(0.35), rel=0.03)
    assert correlation(RadioGalaxies(), "143", "857") < 0.95 < correlation(RadioGalaxies(), "143", "100")


class TestDust:
    def brightness(self, dust, name="857", seed=1):
        frequency = band(name).frequency
        return dust.brightness(frequency, WHOLE, HARMONICS, [seed, 6], window=SHARP)

    def test_it_has_planck_s_levels(self):
        lon, lat = healpy.pix2ang(NSIDE, np.arange(len(WHOLE.pixels)), lonlat=True)
        skies = [self.brightness(GalacticDust(), seed=seed) for seed in range(3)]
        high, plane = np.abs(lat) > 60, (np.abs(lat) < 1) & (np.abs((lon + 180) % 360 - 180) < 30)
        assert 0.5 < np.mean([sky[high].mean() for sky in skies]) < 1.2
        assert 0.25 < np.mean([sky[high].std() for sky in skies]) < 0.8
        assert 100 < np.mean([sky[plane].mean() for sky in skies]) < 600

    def test_its_mean_is_the_smooth_column(self):
        region, dust = SkyRegion(16), GalacticDust()
        harmonics = Harmonics.for_region(region, 32)
        smooth = dust.smooth_brightness(*healpy.pix2ang(16, np.arange(len(region.pixels)), lonlat=True))
        skies = [dust.brightness(857.0, region, harmonics, [seed], window=np.ones(33)) for seed in range(30)]
        assert np.mean(skies / smooth) == pytest.approx(1, abs=0.08)

    def test_without_scatter_it_is_one_modified_black_body(self):
        plain = GalacticDust(temperature_scatter=0.0, beta_scatter=0.0)
        ratio = self.brightness(plain, "353") / self.brightness(plain, "857")
        # 19.6 K and 1.6, as Planck's dust between these two bands
        np.testing.assert_allclose(ratio, 0.0881, rtol=2e-3)

    def test_temperature_and_emissivity_change_over_the_sky(self):
        dust = GalacticDust()
        ratio = np.log(self.brightness(dust, "353") / self.brightness(dust, "857"))
        assert 0.05 < ratio.std() < 0.3
        # on large scales only: neighbouring places have the same colour
        rings = healpy.ud_grade(ratio, 16)
        assert np.std(ratio - healpy.ud_grade(rings, NSIDE)) < 0.5 * ratio.std()

    def test_colours_can_vary_on_smaller_scales(self):
        def roughness(cutoff):
            dust = GalacticDust(scatter=0.0, colour_cutoff=cutoff)
            maps = [np.log(dust.brightness(f, WHOLE, HARMONICS, [1], window=SHARP)) for f in (217.0, 857.0)]
            power = healpy.anafast((maps[0] - maps[1]).astype(float), lmax=LMAX)
            return power[200:].sum() / power[20:100].sum()

        assert roughness(1000.0) > 3 * roughness(150.0)

    def test_every_band_shows_the_same_clouds(self):
        far, near = (np.log(self.brightness(GalacticDust(), name)) for name in ("100", "857"))
        assert 0.8 < np.corrcoef(far, near)[0, 1] < 0.9999


class TestNoise:
    @pytest.mark.parametrize("name", ["143", "857"])
    @pytest.mark.parametrize("exposure", [True, False])
    def test_its_level_is_the_band_s_over_the_area_of_a_pixel(self, name, exposure):
        values = np.zeros(len(WHOLE.pixels), np.float32)
        Noise(exposure=exposure).add(values, WHOLE, band(name), [1])
        area = healpy.nside2pixarea(NSIDE, degrees=True) * 3600
        assert values.std() == pytest.approx(band(name).noise / np.sqrt(area), rel=0.01)

    def test_planck_s_scan_leaves_less_at_the_ecliptic_poles(self):
        pole, equator = (relative_noise(*np.array(place)[:, None])[0] for place in (ECLIPTIC_POLE, ECLIPTIC))
        assert 0.3 < pole < 0.6
        assert 1.05 < equator < 1.3
        lon, lat = healpy.pix2ang(64, np.arange(12 * 64**2), lonlat=True)
        assert np.sqrt(np.mean(relative_noise(lon, lat) ** 2)) == pytest.approx(1, abs=0.01)

    def test_it_is_white(self):
        values = np.zeros(len(WHOLE.pixels), np.float32)
        Noise(exposure=False).add(values, WHOLE, band("143"), [1])
        found = healpy.anafast(values, lmax=LMAX)
        assert found[20:80].mean() == pytest.approx(found[180:].mean(), rel=0.1)

    def test_bands_have_their_own(self):
        one, other = (np.zeros(len(WHOLE.pixels), np.float32) for _ in range(2))
        for number, values in enumerate((one, other)):
            Noise().add(values, WHOLE, PLANCK_HFI[0], [1, number])
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.01


def test_the_window_is_half_where_the_beam_is():
    # A Gaussian beam of 60 arcmin: exp(-l(l+1) σ²/2), σ = 25.5 arcmin
    seen = window_function(60.0, 512, 300)
    assert seen[0] == pytest.approx(1, abs=1e-4)
    half = np.sqrt(2 * np.log(2)) / np.radians(60 / 60 / np.sqrt(8 * np.log(2)))
    assert seen[round(half)] == pytest.approx(0.5, abs=0.01)
