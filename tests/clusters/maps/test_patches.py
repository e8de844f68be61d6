from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import healpy
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.core.errors import ConfigError, FrameError

CENTRES = [
    (0.0, 0.0, 0.0),
    (123.4, 56.7, 0.0),
    (359.9, -89.5, 30.0),
    (10.0, 90.0, -75.0),
    (200.0, -30.0, 200),
]


def make(values: np.ndarray, **changes: Any) -> HealpixMap:
    settings: dict[str, Any] = {
        "nested": False,
        "frame": "G",
        "unit": "K_CMB",
        "name": "I",
        "path": Path("a.fits"),
        "nside": healpy.npix2nside(values.size),
        **changes,
    }
    return HealpixMap(values.astype(np.float32), **settings)


def smooth(lon: np.ndarray, lat: np.ndarray) -> Any:
    """Return what is smooth on the sphere and alike nowhere."""
    x, y, z = healpy.ang2vec(lon, lat, lonlat=True).T
    return x + 2 * y * z - 3 * z**2 + x * y


@cache
def smooth_map(nside: int, *, frame: str = "G", nested: bool = False) -> HealpixMap:
    lon, lat = healpy.pix2ang(nside, np.arange(12 * nside**2), nest=nested, lonlat=True)
    if frame != "G":
        galactic = SkyCoord(
            lon, lat, unit="deg", frame={"C": "icrs", "E": "barycentricmeanecliptic"}[frame]
        ).galactic
        lon, lat = galactic.l.deg, galactic.b.deg
    return make(smooth(lon, lat), nested=nested, frame=frame)


def wcs_of(grid: PatchGrid, lon: float, lat: float, rotation: float) -> WCS:
    """Return the same patch as astropy has it."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval = [lon, lat]
    wcs.wcs.lonpole = 180
    wcs.wcs.crpix = [grid.side / 2 + 0.5] * 2
    angle = np.radians(rotation)
    wcs.wcs.cd = (
        np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * grid.resolution / 60
    )
    return wcs


@pytest.mark.parametrize(("lon", "lat", "rotation"), CENTRES)
class TestGrid:
    GRID = PatchGrid(side=20, resolution=10)

    def test_directions_are_those_of_the_gnomonic_projection(self, lon, lat, rotation):
        found = SkyCoord(*self.GRID.directions(lon, lat, rotation), unit="deg", frame="galactic")
        column, row = np.meshgrid(np.arange(20), np.arange(20))
        expected = SkyCoord(
            *wcs_of(self.GRID, lon, lat, rotation).wcs_pix2world(column, row, 0), unit="deg", frame="galactic"
        )
        assert found.shape == (20, 20)
        assert found.separation(expected).max() < 1e-9 * units.deg

    def test_pixels_of_is_the_way_back(self, lon, lat, rotation):
        row, column = self.GRID.pixels_of(*self.GRID.directions(lon, lat, rotation), lon, lat, rotation)
        assert row == pytest.approx(np.tile(np.arange(20), (20, 1)).T, abs=1e-8)
        assert column == pytest.approx(np.tile(np.arange(20), (20, 1)), abs=1e-8)

    def test_places_between_pixels(self, lon, lat, rotation):
        row, column = np.array([3.25, -4.0, 22.5]), np.array([17.6, 8.0, 2.5])
        found = SkyCoord(*self.GRID.sky_of(row, column, lon, lat, rotation), unit="deg", frame="galactic")
        expected = SkyCoord(
            *wcs_of(self.GRID, lon, lat, rotation).wcs_pix2world(column, row, 0), unit="deg", frame="galactic"
        )
        assert found.separation(expected).max() < 1e-9 * units.deg

    def test_reach_ends_at_the_outer_corner(self, lon, lat, rotation):
        fine = PatchGrid(side=20 * 11, resolution=10 / 11)
        corner = SkyCoord(
            *(x[0, 0] for x in fine.directions(lon, lat, rotation)), unit="deg", frame="galactic"
        )
        away = corner.separation(SkyCoord(lon, lat, unit="deg", frame="galactic")).deg
        assert fine.reach == pytest.approx(self.GRID.reach)
        assert self.GRID.reach - 0.03 < away < self.GRID.reach


def test_columns_grow_with_longitude_and_rows_with_latitude():
    lon, lat = PatchGrid(4, 6).directions(50, 0)
    assert lon[1] == pytest.approx([49.85, 49.95, 50.05, 50.15], abs=1e-4)
    assert lat[:, 1] == pytest.approx([-0.15, -0.05, 0.05, 0.15], abs=1e-4)


def test_a_rotation_turns_columns_toward_latitude():
    row, column = PatchGrid(5, 6).pixels_of(50, 0.1, 50, 0, rotation=90)
    assert (row, column) == pytest.approx((2, 3), abs=1e-4)


def test_several_centres_at_once():
    grid = PatchGrid(side=6, resolution=3)
    lon, lat, rotation = np.transpose(CENTRES)
    together = grid.directions(lon, lat, rotation)
    for number, centre in enumerate(CENTRES):
        for found, expected in zip(together, grid.directions(*centre), strict=True):
            assert np.array_equal(found[number], expected)


def test_the_far_side_of_the_sky_is_in_no_patch():
    row, column = PatchGrid().pixels_of([10, 190, 100.1], [0, 0, 0], 10, 0)
    assert np.array_equal(np.isnan(row), [False, True, True])
    assert np.array_equal(np.isnan(column), [False, True, True])


def test_sizes_of_the_patches_of_planck():
    assert PatchGrid().width == pytest.approx(1.8133, abs=1e-4)
    assert PatchGrid(32).width == pytest.approx(0.9067, abs=1e-4)
    assert PatchGrid().reach == pytest.approx(1.2822 - 0.0002, abs=1e-4)


@pytest.mark.parametrize(
    ("side", "resolution"), [(0, 1.7), (-3, 1.7), (64, 0), (64, -1), (64, np.nan), (64, 90)]
)
def test_patches_that_are_none(side, resolution):
    with pytest.raises(ConfigError):
        PatchGrid(side, resolution)


class TestCut:
    GRID = PatchGrid(side=16, resolution=12)

    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize("frame", ["G", "C", "E"])
    @pytest.mark.parametrize(("lon", "lat", "rotation"), CENTRES)
    def test_shows_the_sky_of_each_band(self, *, lon, lat, rotation, frame, nested):
        one = smooth_map(128, frame=frame, nested=nested)
        stack = MapStack([one, make(one.values * 2, frame=frame, nested=nested)])
        patch = stack.cut(lon, lat, self.GRID, rotation)
        directions = self.GRID.directions(lon, lat, rotation)
        expected = smooth(*(x.ravel() for x in directions)).reshape(16, 16)
        assert patch.shape == (2, 16, 16)
        assert patch.dtype == np.float32
        assert patch[0] == pytest.approx(expected, abs=4e-3)
        assert patch[1] == pytest.approx(2 * patch[0], rel=1e-5, abs=1e-6)

    def test_many_are_each_as_one(self):
        stack = MapStack([smooth_map(32), smooth_map(32)])
        lon, lat, rotation = np.transpose(CENTRES)
        patches = stack.cut_many(lon, lat, self.GRID, rotation)
        assert patches.shape == (len(CENTRES), 2, 16, 16)
        for patch, centre in zip(patches, CENTRES, strict=True):
            assert np.array_equal(patch, stack.cut(*centre[:2], self.GRID, centre[2]))
        assert stack.cut_many([], [], self.GRID).shape == (0, 2, 16, 16)

    def test_is_bilinear_between_pixels(self):
        values = np.random.default_rng(1).normal(size=12 * 64**2)
        lon, lat = self.GRID.directions(40, 20, 10)
        expected = healpy.get_interp_val(values, lon, lat, lonlat=True)
        assert MapStack([make(values)]).cut(40, 20, self.GRID, 10)[0] == pytest.approx(expected, abs=1e-5)

    def test_has_no_data_where_a_band_has_none_nearby(self):
        whole = smooth_map(128)
        holed = make(whole.values.copy())
        missing = healpy.query_disc(128, healpy.ang2vec(40, 20, lonlat=True), np.radians(0.8))
        holed.values[missing] = np.nan
        patch = MapStack([holed, whole]).cut(40, 20, self.GRID)
        lon, lat = self.GRID.directions(40, 20)
        away = SkyCoord(lon, lat, unit="deg").separation(SkyCoord(40, 20, unit="deg")).deg
        assert np.isnan(patch[0][away < 0.8 - 0.35]).all()
        assert np.isfinite(patch[0][away > 0.8 + 2 * 0.46]).all()
        assert np.isfinite(patch[1]).all()


class TestStack:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"nside": 16, "values": np.zeros(12 * 16**2)}, r"b.fits: NSIDE is 16, and 8 in a.fits"),
            ({"nested": True}, r"ORDERING is NESTED, and RING"),
            ({"frame": "C"}, r"COORDSYS is C, and G"),
        ],
    )
    def test_maps_that_do_not_go_together(self, changes, message):
        values = changes.pop("values", np.zeros(768))
        with pytest.raises(FrameError, match=message):
            MapStack([make(np.zeros(768)), make(values, path=Path("b.fits"), **changes)])

    def test_of_no_map(self):
        with pytest.raises(FrameError, match="no map"):
            MapStack([])

    def test_some_of_the_bands_in_another_order(self):
        stack = MapStack([make(np.full(768, value)) for value in range(3)])
        patch = stack.select([2, 0]).cut(1, 1, PatchGrid(2))
        assert np.array_equal(patch[:, 0, 0], [2, 0])
