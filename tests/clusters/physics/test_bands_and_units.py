"""Bands and units: published conversions beside the physics of black bodies."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.clusters.physics.bands import PLANCK_HFI, band
from skysieve.clusters.physics.spectra import (
    T_CMB,
    modified_blackbody,
    planck_derivative,
    power_law,
    tsz_spectrum,
)
from skysieve.clusters.physics.units import UNITS, conversion_factor, convert
from skysieve.core.errors import ConfigError

each_band = pytest.mark.parametrize("one", PLANCK_HFI, ids=lambda one: one.name)


@each_band
def test_response_to_gas_is_that_of_the_nominal_frequency_but_for_the_bandpass(one):
    assert one.y_response == pytest.approx(T_CMB * tsz_spectrum(one.frequency), rel=0.15, abs=0.25)


@each_band
def test_units_are_those_of_a_black_body_but_for_the_bandpass(one):
    rel = 0.05 if one.frequency < 600 else 0.6  # at 857 GHz the spectrum is steep in the band
    assert one.mjysr_per_kcmb == pytest.approx(float(planck_derivative(one.frequency)), rel=rel)


def test_a_cluster_is_a_shadow_below_217_ghz_and_a_light_above():
    signs = [np.sign(round(one.y_response)) for one in PLANCK_HFI]
    assert signs == [-1, -1, 0, 1, 1, 1]


def test_response_in_the_unit_of_the_map():
    assert band("143").y_in_unit == band("143").y_response
    assert band("545").y_in_unit == pytest.approx(14.455 * 58.04)


def test_an_unknown_band_is_named():
    with pytest.raises(ConfigError, match="band '70': choose from 100, 143"):
        band("70")


@each_band
@pytest.mark.parametrize("unit", UNITS)
def test_units_there_and_back_are_the_same(one, unit):
    values = np.linspace(-1, 1, 5, dtype=np.float32)
    there = convert(values, one.unit, unit, one)
    assert there.dtype == np.float32
    assert convert(there, unit, one.unit, one) == pytest.approx(values, rel=1e-5)


def test_prefixes_are_powers_of_a_thousand():
    assert conversion_factor("K_CMB", "uK_CMB", band("100")) == pytest.approx(1e6)
    assert conversion_factor("MJy/sr", "Jy/sr", band("100")) == pytest.approx(1e6)


def test_antenna_temperature_is_below_thermodynamic_temperature():
    # by x^2 e^x / (e^x - 1)^2, 0.78 at 100 GHz; the bandpass adds two per cent
    assert conversion_factor("K_CMB", "K_RJ", band("100")) == pytest.approx(0.795, abs=0.02)


def test_an_unknown_unit_is_named():
    with pytest.raises(ConfigError, match="unit 'furlong'"):
        conversion_factor("furlong", "K_CMB", band("100"))


def test_dust_of_high_temperature_goes_as_rayleigh_and_jeans_say():
    ratio = modified_blackbody(100, temperature=1e5, beta=1.5, reference=200)
    assert ratio == pytest.approx(0.5**3.5, rel=1e-3)


def test_a_power_law_is_one_at_its_reference():
    assert power_law(100, index=-0.7, reference=100) == 1
    assert power_law(400, index=-0.5, reference=100) == pytest.approx(0.5)
