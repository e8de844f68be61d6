"""Pairs of places on the sky, and tables with their partners."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from tests.clusters.real_catalogues import catalogue

from skysieve.clusters.catalogue.cross_match import chance_matches, default_radius, match
from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue, read_known_catalogue
from skysieve.clusters.catalogue.matched_tables import add_matches
from skysieve.core.errors import ConfigError

ARCMIN = 1 / 60


def pairs(found):
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def known(name, lon, lat):
    empty = np.full(len(lon), np.nan)
    names = np.array([f"{name}{place}" for place in range(len(lon))])
    return KnownCatalogue(
        name, Path("x"), names, np.asarray(lon, float), np.asarray(lat, float), empty, empty, empty, empty
    )


def test_the_nearest_within_the_radius_is_the_partner():
    found = match(
        [10, 20, 30], [0, 0, 0], [10 + 6 * ARCMIN, 20 + 4 * ARCMIN, 20 - 3 * ARCMIN], [0] * 3, radius=5
    )
    assert pairs(found) == [(1, 2)]
    np.testing.assert_allclose(found.separation, 3.0)
    assert found.of_first.tolist() == [-1, 2, -1]
    assert found.of_second.tolist() == [-1, -1, 1]


@pytest.mark.parametrize(("latitude", "partners"), [(0.0, 0), (60.0, 1)])
def test_longitudes_are_narrower_towards_the_pole(latitude, partners):
    assert len(match([0], [latitude], [8 * ARCMIN], [latitude], radius=5)) == partners


def test_pairs_reach_over_the_turn_and_the_pole():
    found = match([359.99, 0], [0, 89.99], [0.01, 180], [0, 89.99], radius=2)
    assert pairs(found) == [(0, 0), (1, 1)]
    np.testing.assert_allclose(found.separation, 1.2, rtol=1e-9)


def test_the_better_candidate_chooses_first():
    # both candidates are near the one cluster at 0; the farther one of them has the other at 6'
    mine, others = [1 * ARCMIN, 3 * ARCMIN], [0, 6 * ARCMIN]
    assert pairs(match(mine, [0, 0], others, [0, 0], radius=4)) == [(0, 0), (1, 1)]
    assert pairs(match(mine, [0, 0], [0], [0], radius=4)) == [(0, 0)]
    assert pairs(match(mine, [0, 0], [0], [0], radius=4, rank=[0.5, 0.9])) == [(1, 0)]
    assert pairs(match(mine, [0, 0], [0], [0], radius=4, rank=[0.5, np.nan])) == [(0, 0)]


def test_the_brightest_may_be_taken_in_place_of_the_nearest():
    others, bright = [1 * ARCMIN, 3 * ARCMIN, 9 * ARCMIN], [1.0, 2.0, 3.0]
    assert pairs(match([0], [0], others, [0] * 3, radius=5)) == [(0, 0)]
    assert pairs(match([0], [0], others, [0] * 3, radius=5, other_rank=bright)) == [(0, 1)]
    # the better of two takes the brighter of two, though it is nearer to the other one
    mine = [0.5 * ARCMIN, 2.5 * ARCMIN]
    found = match(mine, [0, 0], others, [0] * 3, radius=5, rank=[0.9, 0.8], other_rank=bright)
    assert pairs(found) == [(0, 1), (1, 0)]
    # and so does not care for those that are worse
    alone = match(mine[:1], [0], others, [0] * 3, radius=5, rank=[0.9], other_rank=bright)
    assert pairs(alone) == [(0, 1)]


def test_each_of_the_second_list_may_have_a_radius_of_its_own():
    found = match([0, 10], [0, 0], [5 * ARCMIN, 10 + 5 * ARCMIN], [0, 0], radius=[4, 6])
    assert pairs(found) == [(1, 1)]


def test_the_edge_of_the_radius_is_within_it():
    assert len(match([0], [0], [5 * ARCMIN], [0], radius=5)) == 1
    assert len(match([0], [0], [5.0001 * ARCMIN], [0], radius=5)) == 0


def test_places_that_are_none_have_no_partner():
    assert pairs(match([np.nan, 0], [0, 0], [0, np.nan], [0, 0], radius=5)) == [(1, 0)]
    assert len(match([], [], [0], [0], radius=5)) == len(match([0], [0], [], [], radius=5)) == 0


@pytest.mark.parametrize("radius", [0, -1, np.nan, 11000])
def test_a_radius_is_an_angle(radius):
    with pytest.raises(ConfigError, match="radius of matches"):
        match([0], [0], [0], [0], radius=radius)


@given(st.integers(0, 2**32 - 1))
def test_pairs_are_one_to_one_and_as_near_as_said(seed):
    rng = np.random.default_rng(seed)
    mine, others = rng.uniform(0, 1, (2, 30)), rng.uniform(0, 1, (2, 20))
    found = match(*mine, *others, radius=8, rank=rng.random(30))
    assert len(set(found.first)) == len(set(found.second)) == len(found)
    assert found.separation.max(initial=0) <= 8
    apart = mine[:, found.first] - others[:, found.second]
    apart[0] *= np.cos(np.radians(mine[1, found.first]))
    np.testing.assert_allclose(np.hypot(*apart), found.separation / 60, atol=2e-5)


def test_matches_by_chance_are_as_many_as_the_density_says():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(0, 30, (2, 2, 900)) - 15
    # 900 places on 900 square degrees, and discs of 9': 1 * pi * 0.15² of them hold one
    expected = 900 * (1 - np.exp(-np.pi * 0.15**2))
    assert chance_matches(lon[0], lat[0], lon[1], lat[1], radius=9) == pytest.approx(expected, rel=0.1)
    # the same places are no chance: where they truly match tells nothing of it
    assert chance_matches(lon[0], lat[0], lon[0], lat[0], radius=9) == pytest.approx(expected, rel=0.1)
    assert chance_matches([0.0], [0.0], [0.0], [0.0], radius=9) == 0
    with pytest.raises(ConfigError, match="too small for a radius of 40'"):
        chance_matches([0.0], [0.0], [0.0], [0.0], radius=40)


def test_a_shift_is_one_of_the_sphere_everywhere():
    # of four directions from 1 degree below the pole one leads to 2 degrees, the ring there
    lon = np.arange(0, 360, 1 / 16)
    ring = chance_matches([0.0], [89.0], lon, np.full(lon.size, 88.0), radius=1, directions=4)
    assert ring == 0.25


class TestTables:
    def test_two_columns_a_catalogue(self):
        table = Table({"score": [0.9, 0.8, 0.7]})
        lon, lat = np.array([10.0, 20.0, 30.0]), np.zeros(3)
        planck, act = known("PSZ2", [10.1, 40], [0, 0]), known("ACT", [10.1, 20.05], [0, 0])
        counts = add_matches(table, lon, lat, [planck, act], rank=table["score"])
        assert table.colnames == ["score", "PSZ2", "PSZ2_sep", "ACT", "ACT_sep"]
        assert table["PSZ2"].tolist() == ["PSZ20", "", ""]
        assert table["ACT"].tolist() == ["", "ACT1", ""]  # 6' are beyond the 5' of ACT
        np.testing.assert_allclose(table["PSZ2_sep"], [6, np.nan, np.nan])
        assert str(table["ACT_sep"].unit) == "arcmin"
        assert [(c.name, c.matched, c.known, c.radius, c.chance) for c in counts] == [
            ("PSZ2", 1, 2, 7, 0),
            ("ACT", 1, 2, 5, 0),
        ]

    def test_radii_can_be_set_and_old_columns_are_replaced(self):
        table = Table({"score": [0.9]})
        lon, lat = np.array([10.0]), np.zeros(1)
        for radius, partner in ((3, ""), (30, "ACT0")):
            add_matches(table, lon, lat, [known("ACT", [10.1], [0])], radii={"ACT": radius})
            assert table["ACT"].tolist() == [partner]
        assert table.colnames == ["score", "ACT", "ACT_sep"]
        with pytest.raises(ConfigError, match="has a column score already"):
            add_matches(table, lon, lat, [known("score", [10.1], [0])])
        with pytest.raises(ConfigError, match="radius of SPT: no such catalogue; there are ACT"):
            add_matches(table, lon, lat, [known("ACT", [10.1], [0])], radii={"SPT": 5})
        with pytest.raises(ConfigError, match="ACT is given twice"):
            add_matches(table, lon, lat, [known("ACT", [1], [0])] * 2)
        with pytest.raises(ConfigError, match="'a b': expected a name of letters"):
            add_matches(table, lon, lat, [known("a b", [1], [0])])

    def test_defaults_go_by_the_name(self):
        assert [default_radius(name) for name in ("planck_no-z", "MCXC", "RM50", "SPT", "mine")] == [
            7,
            7,
            5,
            5,
            5,
        ]


def test_published_catalogues_match():
    planck = read_known_catalogue(catalogue("clusters/planck_z.csv"))
    other = read_known_catalogue(catalogue("clusters/exp_joined_ami_carma_plck_psz1_psz2_act_spt_YT.fits"))
    found = match(planck.lon, planck.lat, other.lon, other.lat, radius=7)
    # two of them have SPT's places there, 7.7' and 9.1' away
    assert len(found) == len(planck) - 2
    assert np.median(found.separation) < 0.1
    red = read_known_catalogue(catalogue("clusters/RedMaPPer_no_planck.csv"))
    # of 25623 within 5', on the quarter of the sky that the SDSS covers: about 1094 * 25623 * 5.3e-7
    assert 5 < chance_matches(planck.lon, planck.lat, red.lon, red.lat, radius=5) < 40
