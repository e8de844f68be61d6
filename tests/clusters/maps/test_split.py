from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.split import ROLES, TILES, SkySplit
from skysieve.core.errors import ConfigError

# As wide as 64 pixels of 1.7 arcmin, and twice as fine as the pixels of the map that it is cut from.
GRID = PatchGrid(side=16, resolution=6.8)
NSIDE = 256


def around_tile(tile: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return directions in and around a tile, evenly on the sphere."""
    rng = np.random.default_rng(tile)
    middle = np.array(healpy.pix2vec(2, tile - 1))
    half_width = np.radians(28)
    vectors = rng.normal(size=(40 * number, 3))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    near = vectors[vectors @ middle > np.cos(half_width)][:number]
    lon, lat = healpy.vec2ang(near, lonlat=True)
    return lon, lat


def pixels_used(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return which pixels of the map patches about these centres are made of, at random rotations."""
    rotation = np.random.default_rng(1).uniform(0, 360, lon.size)
    used = np.zeros(12 * NSIDE**2, bool)
    pixels, _ = healpy.get_interp_weights(
        NSIDE, *map(np.ravel, GRID.directions(lon, lat, rotation)), lonlat=True
    )
    used[pixels.ravel()] = True
    return used


def rims(lon: np.ndarray, lat: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Return directions on circles about centres, ``(N, 360)``."""
    centres = SkyCoord(lon, lat, unit="deg")[:, None]
    rim = centres.directional_offset_by(np.arange(360) * units.deg, radius * units.deg)
    return rim.ra.deg, rim.dec.deg


class TestTiles:
    def test_are_counted_from_one_in_rings_of_galactic_coordinates(self):
        lon, lat = healpy.pix2ang(2, np.arange(TILES), lonlat=True)
        assert np.array_equal(SkySplit().tile_of(lon, lat), np.arange(1, TILES + 1))
        assert SkySplit().tile_of(0, 90) == 1
        assert SkySplit().tile_of(350, -89) == 48

    def test_of_the_published_split(self):
        lon, lat = healpy.pix2ang(2, np.arange(TILES), lonlat=True)
        roles = SkySplit().role_of(lon, lat)
        assert np.array_equal(np.flatnonzero(roles == "test") + 1, [7])
        assert np.array_equal(np.flatnonzero(roles == "validation") + 1, [10, 26, 39, 42])
        assert np.count_nonzero(roles == "train") == 43
        assert [len(SkySplit().tiles(role)) for role in ROLES] == [43, 4, 1]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"test": (0,)}, "tile 0 does not exist"),
            ({"test": (49,)}, "tile 49 does not exist"),
            ({"test": (10,)}, "tile 10 is named twice"),
            ({"test": (7, 7)}, "tile 7 is named twice"),
            ({"test": tuple(range(1, 45)), "validation": (45, 46, 47, 48)}, "leave some for training"),
            ({"buffer": -1.0}, "buffer of -1.0 degrees"),
            ({"buffer": float("nan")}, "buffer of nan degrees"),
        ],
    )
    def test_that_make_no_split(self, settings, message):
        with pytest.raises(ConfigError, match=message):
            SkySplit(**settings)


class TestNothingIsSeenTwice:
    """No pixel of a patch that is allowed for one role is ever in a patch that is allowed for another."""

    @pytest.mark.parametrize(
        "split", [SkySplit(), SkySplit(buffer=0.5), SkySplit(test=(1, 20), validation=(2,))]
    )
    def test_in_a_split(self, split):
        used = {role: np.zeros(12 * NSIDE**2, bool) for role in ROLES}
        for tile in (*split.test, *split.validation):
            lon, lat = around_tile(tile, 1000)
            for role in ROLES:
                allowed = split.allowed_centres(role, lon, lat, GRID.reach)
                used[role] |= pixels_used(lon[allowed], lat[allowed])
        for role in ROLES:
            assert used[role].any()
            for other in ROLES:
                assert role == other or not (used[role] & used[other]).any()

    @pytest.mark.parametrize("tile", [1, 7, 10, 18, 25, 48])
    def test_in_a_fold(self, tile):
        split = SkySplit().folds()[tile - 1]
        lon, lat = around_tile(tile, 1000)
        tested, learnt = (
            pixels_used(lon[allowed], lat[allowed])
            for allowed in (split.allowed_centres(role, lon, lat, GRID.reach) for role in ("test", "train"))
        )
        assert tested.any()
        assert learnt.any()
        assert not (tested & learnt).any()

    def test_it_would_be_seen_twice_if_only_the_centres_were_told_apart(self):
        split = SkySplit(buffer=0)
        lon, lat = around_tile(7, 1000)
        tested, learnt = (
            pixels_used(lon[allowed], lat[allowed])
            for allowed in (split.allowed_centres(role, lon, lat, 0.0) for role in ("test", "train"))
        )
        assert (tested & learnt).any()


class TestAllowed:
    @pytest.mark.parametrize("role", ROLES)
    def test_where_the_whole_disc_has_the_role(self, role):
        split, radius = SkySplit(buffer=0.5), 1.5
        lon, lat = around_tile(7, 150)
        allowed = split.allowed_centres(role, lon, lat, radius - 0.5)
        inside, outside = (
            (split.role_of(*rims(lon, lat, radius + more)) == role).all(axis=1) for more in (0, 0.06)
        )
        assert inside[allowed].all()
        assert not outside[~allowed].any()
        assert allowed.any() or role == "validation"

    def test_the_centre_keeps_a_patch_width_by_default(self):
        lon, lat = around_tile(7, 1000)
        default = SkySplit().allowed_centres("test", lon, lat, GRID.reach)
        wide = SkySplit(buffer=GRID.width - GRID.reach + 0.001).allowed_centres("test", lon, lat, GRID.reach)
        assert np.array_equal(default, wide)
        assert SkySplit(buffer=0.1).allowed_centres("test", lon, lat, GRID.reach).sum() > default.sum()

    def test_one_direction(self):
        lon, lat = healpy.pix2ang(2, 6, lonlat=True)
        assert SkySplit().allowed_centres("test", lon, lat, 1.3)
        assert not SkySplit().allowed_centres("train", lon, lat, 1.3)

    def test_everywhere_if_all_is_for_training(self):
        lon, lat = around_tile(7, 100)
        assert SkySplit(test=(), validation=()).allowed_centres("train", lon, lat, 1.3).all()


class TestFolds:
    def test_each_tile_is_tested_once_and_never_learnt_from_there(self):
        folds = SkySplit(buffer=0.7).folds()
        assert [fold.test for fold in folds] == [(tile,) for tile in range(1, TILES + 1)]
        for fold in folds:
            assert len(fold.validation) == 4
            assert not set(fold.test) & {*fold.validation, *fold.train}
            assert fold.buffer == 0.7

    def test_the_fold_of_the_test_tile_is_the_split(self):
        assert SkySplit().folds()[6] == SkySplit()


def test_a_card_holds_the_split():
    split = SkySplit(test=(3, 4), validation=(9,), buffer=0.25)
    assert SkySplit.from_card(split.to_card()) == split
    assert SkySplit.from_card(SkySplit().to_card()) == SkySplit()
    for damaged in (
        {},
        {"test": 7, "validation": [], "buffer": None},
        {"test": ["x"], "validation": [], "buffer": 0},
    ):
        with pytest.raises(ConfigError, match="no valid split"):
            SkySplit.from_card(damaged)
