"""Clusters that a sky has: how many, where, and what their masses give."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from skysieve.errors import ConfigError, SourceError
from skysieve.microwave.cosmology import theta500_arcmin, y500_arcmin2
from skysieve.simulate.microwave.population import clusters_of_catalogue, draw_clusters, number_density
from skysieve.simulate.microwave.regions import SkyRegion

SKY = SkyRegion(64)


@pytest.fixture(scope="module")
def sky():
    return draw_clusters(np.random.default_rng(1), region=SKY, least_mass=3e14)


def test_there_are_as_many_as_planck_found(sky):
    # its second catalogue has 1653 on 84 % of the sky, down to a Compton parameter of some 1e-3 arcmin2
    visible = np.count_nonzero(1.8 * sky["Y500"] > 1.1e-3)
    assert 1000 < visible < 3000


def test_numbers_are_those_of_the_mass_function(sky):
    _, masses, numbers = number_density(least_mass=3e14)
    heavy = np.exp(masses[:-1]) > 6e14
    expected = numbers[:, heavy].sum()
    found = np.count_nonzero(sky["M500"] > np.exp(masses[:-1][heavy][0]) / 1e14)
    assert abs(found - expected) < 4 * np.sqrt(expected)


def test_places_are_uniform_on_the_sphere(sky):
    assert abs(np.mean(np.sin(np.radians(sky["GLAT"])))) < 4 / np.sqrt(3 * len(sky))
    assert np.mean(np.asarray(sky["GLON"]) < 90) == pytest.approx(0.25, abs=0.02)


def test_a_cap_has_its_share(sky):
    cap = draw_clusters(np.random.default_rng(2), region=SkyRegion(64, cap=40), least_mass=3e14)
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
    again = draw_clusters(np.random.default_rng(1), region=SKY, least_mass=3e14)
    assert np.array_equal(again["Y500"], sky["Y500"])
    assert {name: str(sky[name].unit) for name in ("GLON", "M500", "Y500", "T500")} == {
        "GLON": "deg",
        "M500": "1e+14 solMass",
        "Y500": "arcmin2",
        "T500": "arcmin",
    }


def test_an_unknown_mass_function_is_named():
    with pytest.raises(ConfigError, match="mass function 'mine'"):
        draw_clusters(np.random.default_rng(1), region=SKY, mass_function="mine")


def test_a_catalogue_gives_its_places_and_the_compton_parameters_of_its_masses(tmp_path):
    path = tmp_path / "known.csv"
    Table(
        {"RA": [10.0, 200.0, 30.0], "DEC": [5.0, 40.0, -5.0], "M500": [4e14, 8e14, 0.0], "Z": [0.2, 0.4, 0.1]}
    ).write(path)
    found = clusters_of_catalogue(path, region=SKY, bias=0.8)
    assert sorted(np.asarray(found["M500"])) == pytest.approx([5.0, 10.0])  # true ones
    assert np.asarray(found["Y500"]) == pytest.approx(y500_arcmin2(found["M500"], found["Z"], bias=0.8))


def test_a_catalogue_without_places_or_masses_is_refused(tmp_path):
    path = tmp_path / "known.csv"
    Table({"M500": [4e14], "Z": [0.2]}).write(path)
    with pytest.raises(SourceError, match="no column GLON and GLAT, or RA and DEC"):
        clusters_of_catalogue(path, region=SKY)
    Table({"RA": [1.0], "DEC": [1.0]}).write(path, overwrite=True)
    with pytest.raises(SourceError, match="no column M500"):
        clusters_of_catalogue(path, region=SKY)
    path.write_bytes(b"\x00\x01 not a table")
    with pytest.raises(SourceError, match=r"known\.csv"):
        clusters_of_catalogue(path, region=SKY)
