"""Masses, sizes and gas of clusters, against published figures."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.clusters.physics.cosmology import m500_from_y500, theta500_arcmin, y500_arcmin2
from skysieve.clusters.physics.pressure_profile import ARNAUD_2010, beam_convolved_profile, compton_profile


def plane_integral(radii, values):
    return np.trapezoid(2 * np.pi * radii * values, radii)


def test_gas_within_five_radii_is_that_of_the_universal_profile():
    # I(5) / I(1) of Arnaud et al. 2010, equations 19 to 21
    assert ARNAUD_2010.sphere_integral(5) / ARNAUD_2010.sphere_integral(1) == pytest.approx(
        1.1037 / 0.6145, rel=1e-3
    )


def test_a_profile_on_the_sky_holds_all_the_gas():
    radii = np.linspace(0, 5, 20_001)
    assert plane_integral(radii, compton_profile(radii)) == pytest.approx(1.1037 / 0.6145, rel=1e-3)
    assert compton_profile([5.0, 7.0]).tolist() == [0, 0]


@pytest.mark.parametrize("theta500", [0.3, 2.0, 30.0])
def test_a_beam_keeps_the_gas(theta500):
    radii = np.linspace(0, 5 * theta500 + 30, 6001)
    seen = beam_convolved_profile(theta500, 7.3, radii)
    assert plane_integral(radii, seen) == pytest.approx(1.1037 / 0.6145, rel=2e-3)


def test_a_compact_cluster_looks_like_the_beam():
    radii = np.linspace(0, 12, 50)
    seen = beam_convolved_profile(0.05, 5.0, radii)
    assert seen / seen[0] == pytest.approx(0.5 ** ((2 * radii / 5.0) ** 2), abs=2e-3)


def test_a_beam_matters_little_to_a_wide_cluster_away_from_its_middle():
    radii = np.array([20.0, 40.0, 80.0])
    assert beam_convolved_profile(40, 5, radii) == pytest.approx(
        beam_convolved_profile(40, 0, radii), rel=0.02
    )


def test_convolution_is_that_of_two_dimensions():
    from scipy.ndimage import gaussian_filter

    y, x = np.indices((481, 481)) - 240
    radii = np.hypot(y, x) * 0.25
    blurred = gaussian_filter(beam_convolved_profile(3.0, 0.0, np.maximum(radii, 0.06)), 5 / 0.25 / 2.3548)
    direct = beam_convolved_profile(3.0, 5.0, radii[240, 240:300])
    assert direct == pytest.approx(blurred[240, 240:300], rel=0.01)


def test_masses_compton_parameters_and_back():
    mass, z = np.array([1.0, 4.0, 10.0]), np.array([0.1, 0.3, 0.9])
    assert m500_from_y500(y500_arcmin2(mass, z), z) == pytest.approx(mass)


def test_a_mass_of_plancks_catalogue_has_its_compton_parameter():
    # at the pivot, (1 - b) M500 = 6e14 solar masses: E^(-2/3) D_A^2 Y500 = 10^-0.19 1e-4 Mpc^2
    from astropy.cosmology import FlatLambdaCDM

    ours, z = FlatLambdaCDM(70, 0.3), 0.2
    distance = float(ours.angular_diameter_distance(z).value) * np.pi / 180 / 60
    area = 10**-0.19 * 1e-4 * float(ours.efunc(z)) ** (2 / 3) / distance**2
    assert float(y500_arcmin2(7.5, z)) == pytest.approx(area)


def test_sizes_are_those_of_a_mean_density_of_500():
    # Coma: M500 about 6e14 solar masses at z = 0.023 has theta500 of some 46 to 48 arcminutes
    assert float(theta500_arcmin(6.0, 0.0231)) == pytest.approx(46, abs=2)
    assert theta500_arcmin(8.0, 0.3) == pytest.approx(2 * theta500_arcmin(1.0, 0.3))
