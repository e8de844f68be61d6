"""Clusters that a sky has: how many, where, and what their masses give."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from skysieve.clusters.physics.cosmology import m500_from_y500, theta500_arcmin, y500_arcmin2
from skysieve.clusters.simulate.population import clusters_of_catalogue, draw_clusters, number_density
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.core.errors import ConfigError, SourceError

SKY = SkyRegion(64)


@pytest.fixture(scope="module")
def sky():
    return draw_clusters(np.random.default_rng(1), region=SKY, min_mass=3e14)


def test_there_are_as_many_as_planck_found(sky):
    # its second catalogue has 1653 on 84 % of the sky, down to a Compton parameter of some 1e-3 arcmin2
    visible = np.count_nonzero(1.8 * sky["Y500"] > 1.1e-3)
    assert 1000 < visible < 3000


def test_numbers_are_those_of_the_mass_function(sky):
    _, masses, numbers = number_density(min_mass=3e14)
    heavy = np.exp(masses[:-1]) > 6e14
    expected = numbers[:, heavy].sum()
    found = np.count_nonzero(sky["M500"] > np.exp(masses[:-1][heavy][0]) / 1e14)
    assert abs(found - expected) < 4 * np.sqrt(expected)


def tinker_number(mass, *, om=0.3, sigma8=0.76, tilt=0.965, baryons=0.048, h=0.7):
    """Return how many clusters on the sky have a higher M500: Tinker et al. 2008, with a smooth spectrum.

    The transfer function is that of Eisenstein & Hu 1998, equations 26 to 31, without oscillations.
    """
    from astropy.cosmology import FlatLambdaCDM

    ours = FlatLambdaCDM(100 * h, om)
    density = 2.775e11 * om * h**2
    k = np.geomspace(1e-4, 50, 3000)
    sound = 44.5 * np.log(9.83 / om / h**2) / np.sqrt(1 + 10 * (baryons * h**2) ** 0.75)
    share = baryons / om
    shape = 1 - 0.328 * np.log(431 * om * h**2) * share + 0.38 * np.log(22.3 * om * h**2) * share**2
    q = k * (2.7255 / 2.7) ** 2 / (om * h**2 * (shape + (1 - shape) / (1 + (0.43 * k * sound) ** 4)))
    log = np.log(2 * np.e + 1.8 * q)
    transfer = log / (log + (14.2 + 731 / (1 + 62.5 * q)) * q**2)

    def rms(radius):
        x = k * np.asarray(radius)[..., None]
        ball = 3 * (np.sin(x) - x * np.cos(x)) / x**3
        return np.sqrt(np.trapezoid(k ** (tilt + 3) * transfer**2 * ball**2, np.log(k)))

    masses = np.geomspace(mass, 6e15, 80)
    today = rms(np.cbrt(3 * masses / (4 * np.pi * density))) * sigma8 / rms(8 / h)

    def growth(z):
        a = np.linspace(1e-4, 1 / (1 + z), 2000)
        return ours.efunc(z) * np.trapezoid((a * ours.efunc(1 / a - 1)) ** -3, a)

    redshifts, counts = np.linspace(0.01, 2, 120), []
    contrasts = [200, 300, 400, 600, 800, 1200, 1600, 2400, 3200]
    table = {
        "A": [0.186, 0.200, 0.212, 0.218, 0.248, 0.255, 0.260, 0.260, 0.260],
        "a": [1.47, 1.52, 1.56, 1.61, 1.87, 2.13, 2.30, 2.53, 2.66],
        "b": [2.57, 2.25, 2.05, 1.87, 1.59, 1.51, 1.46, 1.44, 1.41],
        "c": [1.19, 1.27, 1.34, 1.45, 1.58, 1.80, 1.97, 2.24, 2.44],
    }
    for z in redshifts:
        contrast = 500 / ours.Om(z)
        norm, a, b, c = (np.interp(np.log(contrast), np.log(contrasts), row) for row in table.values())
        norm, a = norm * (1 + z) ** -0.14, a * (1 + z) ** -0.06
        b *= (1 + z) ** -(10 ** -((0.75 / np.log10(contrast / 75)) ** 1.2))
        sigma = today * growth(z) / growth(0)
        rate = norm * ((sigma / b) ** -a + 1) * np.exp(-c / sigma**2)
        number = rate * density / masses * -np.gradient(np.log(sigma), np.log(masses))
        volume = 4 * np.pi * ours.differential_comoving_volume(z).value
        counts.append(volume * np.trapezoid(number, np.log(masses)))
    return np.trapezoid(counts, redshifts)


def test_heavy_clusters_are_as_many_as_a_mass_function_integrated_by_hand():
    _, _, numbers = number_density(min_mass=6e14)
    assert numbers.sum() == pytest.approx(tinker_number(6e14), rel=0.07)


def test_places_are_uniform_on_the_sphere(sky):
    assert abs(np.mean(np.sin(np.radians(sky["GLAT"])))) < 4 / np.sqrt(3 * len(sky))
    assert np.mean(np.asarray(sky["GLON"]) < 90) == pytest.approx(0.25, abs=0.02)


def test_a_cap_has_its_share(sky):
    cap = draw_clusters(np.random.default_rng(2), region=SkyRegion(64, cap=40), min_mass=3e14)
    assert min(cap["GLAT"]) > 50
    share = (1 - np.cos(np.radians(40))) / 2
    assert len(cap) == pytest.approx(share * len(sky), rel=0.1)


def test_sizes_follow_from_masses_and_compton_parameters_scatter_about_theirs(sky):
    mass, z = np.asarray(sky["M500"]), np.asarray(sky["Z"])
    assert np.asarray(sky["T500"]) == pytest.approx(theta500_arcmin(mass, z))
    scatter = np.log(np.asarray(sky["Y500"]) / y500_arcmin2(mass, z))
    assert np.std(scatter) == pytest.approx(0.173, rel=0.05)
    assert abs(np.mean(scatter)) < 0.01


def test_the_same_seed_gives_the_same_clusters(sky):
    again = draw_clusters(np.random.default_rng(1), region=SKY, min_mass=3e14)
    assert np.array_equal(again["Y500"], sky["Y500"])
    assert {name: str(sky[name].unit) for name in ("GLON", "M500", "Y500", "T500")} == {
        "GLON": "deg",
        "M500": "1e+14 solMass",
        "Y500": "arcmin2",
        "T500": "arcmin",
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"mass_function": "mine"}, "mass function 'mine': choose from tinker08"),
        # one for friends-of-friends masses, not M500
        ({"mass_function": "jenkins01"}, "mass function 'jenkins01'"),
        ({"min_mass": 1e16}, "least mass 1e[+]16: expected solar masses, below 4e[+]15"),
        ({"min_mass": 0.0}, "least mass 0"),
        ({"zmax": 0.001}, "highest redshift 0.001"),
    ],
)
def test_what_cannot_be_drawn_is_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        draw_clusters(np.random.default_rng(1), region=SKY, **setting)


def test_a_catalogue_gives_its_places_and_the_compton_parameters_of_its_masses(tmp_path):
    path = tmp_path / "known.csv"
    Table(
        {"RA": [10.0, 200.0, 30.0], "DEC": [5.0, 40.0, -5.0], "M500": [4e14, 8e14, 0.0], "Z": [0.2, 0.4, 0.1]}
    ).write(path)
    found = clusters_of_catalogue(path, region=SKY, bias=0.8)
    assert sorted(np.asarray(found["M500"])) == pytest.approx([5.0, 10.0])  # true ones
    assert np.asarray(found["Y500"]) == pytest.approx(y500_arcmin2(found["M500"], found["Z"], bias=0.8))


def test_measured_compton_parameters_stand_in_for_masses(tmp_path, caplog):
    path = tmp_path / "psz2.fits"
    Table(
        {
            "GLON": [10.0, 20.0, 30.0, 40.0],
            "GLAT": [5.0, 40.0, -5.0, 60.0],
            "MSZ": [0.0, 0.0, 6.0, 0.0],
            "Y5R500": [3.0, 5.0, 4.0, np.nan],
            "REDSHIFT": [0.2, -1.0, 0.1, 0.3],
        }
    ).write(path)
    found = clusters_of_catalogue(path, region=SKY)
    found.sort("GLON")
    lon, z, mass, y500, t500 = (np.asarray(found[name]) for name in ("GLON", "Z", "M500", "Y500", "T500"))
    assert lon == pytest.approx([10, 20, 30])
    assert y500[:2] == pytest.approx([3e-3 / 1.796, 5e-3 / 1.796], rel=1e-3)
    assert y500[2] == pytest.approx(y500_arcmin2(7.5, 0.1))
    assert y500_arcmin2(mass[0], 0.2) == pytest.approx(y500[0])
    assert np.isnan([z[1], mass[1]]).all()
    # as a cluster at redshift 0.3
    assert t500[1] == pytest.approx(theta500_arcmin(m500_from_y500(y500[1], 0.3), 0.3))
    assert "1 clusters were left out" in caplog.text


def test_r500_is_a_compton_parameter_only_in_extracts_of_plancks_catalogue(tmp_path):
    path = tmp_path / "extract.csv"
    columns = {"GLON": [10.0], "GLAT": [5.0], "M500": [0.0], "R500": [1.5], "Z": [0.2]}
    Table(columns | {"REDMAPPER": ["RMJ"], "MCXC": [""]}).write(path)
    assert np.asarray(clusters_of_catalogue(path, region=SKY)["Y500"]) == pytest.approx(
        [1.5e-3 / 1.796], rel=1e-3
    )
    # megaparsecs
    Table(columns).write(path, overwrite=True)
    assert len(clusters_of_catalogue(path, region=SKY)) == 0


def test_real_clusters_outside_a_cap_are_left_out(tmp_path):
    path = tmp_path / "known.csv"
    Table({"GLON": [1.0, 2.0], "GLAT": [85.0, 40.0], "M500": [5.0, 5.0], "Z": [0.2, 0.2]}).write(path)
    assert np.asarray(clusters_of_catalogue(path, region=SkyRegion(64, cap=20))["GLAT"]) == pytest.approx(
        [85.0]
    )


def test_a_catalogue_without_places_or_masses_is_refused(tmp_path):
    path = tmp_path / "known.csv"
    Table({"M500": [4e14], "Z": [0.2]}).write(path)
    with pytest.raises(SourceError, match="no column GLON and GLAT, or RA and DEC"):
        clusters_of_catalogue(path, region=SKY)
    Table({"RA": [1.0], "DEC": [1.0]}).write(path, overwrite=True)
    with pytest.raises(SourceError, match="no column M500"):
        clusters_of_catalogue(path, region=SKY)
    Table({"RA": ["one"], "DEC": [1.0], "M500": [5.0], "Z": [0.1]}).write(path, overwrite=True)
    with pytest.raises(SourceError, match="column RA holds no numbers"):
        clusters_of_catalogue(path, region=SKY)
    path.write_bytes(b"\x00\x01 not a table")
    with pytest.raises(SourceError, match=r"known\.csv"):
        clusters_of_catalogue(path, region=SKY)
