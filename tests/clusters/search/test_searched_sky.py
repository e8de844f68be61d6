"""Which part of the sky is searched."""

from __future__ import annotations

from pathlib import Path

import healpy
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from skysieve.clusters.maps.healpix_maps import HealpixMap, write_healpix_map
from skysieve.clusters.maps.map_sets import MapSet
from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.maps.tiling import UNITS, unit_pixels
from skysieve.clusters.physics.bands import band
from skysieve.clusters.search.searched_sky import SearchedSky, read_mask
from skysieve.core.errors import SourceError

NSIDE = 64


def map_where(seen, *, frame="G", nested=False):
    """Return a map of nside 32 with data where longitude and latitude in its frame, in degrees, say."""
    lon, lat = healpy.pix2ang(32, np.arange(12 * 32**2), nest=nested, lonlat=True)
    values = np.where(seen(lon, lat), 1.0, np.nan).astype(np.float32)
    return HealpixMap(values, 32, nested, frame, "K_CMB", "143", Path("map.fits"))


def sky_of(one, **options):
    return SearchedSky(MapSet((band("143"),), MapStack([one])), NSIDE, **options)


def searched(sky):
    """Return which pixels of the output map, NESTED, are searched."""
    found = np.zeros(12 * NSIDE**2, bool)
    for unit in range(UNITS):
        found[unit_pixels(unit, NSIDE)] = sky.valid(unit)
    return found


@pytest.mark.parametrize(
    ("frame", "name"), [("C", "icrs"), ("E", "barycentrictrueecliptic"), ("G", "galactic")]
)
@pytest.mark.parametrize("nested", [True, False])
def test_data_and_masks_are_where_their_frame_says(frame, name, nested):
    sky = sky_of(map_where(lambda _, lat: lat > 10, frame=frame, nested=nested))
    lon, lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), nest=True, lonlat=True)
    places = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic").transform_to(name)
    height = places.spherical.lat.deg
    found = searched(sky)
    # within a pixel of the map of the edge it may be either
    assert found[height > 12].all()
    assert not found[height < 8].any()
    whole = map_where(lambda lon, _: lon >= 0)
    mask = map_where(lambda _, lat: lat > 10, frame=frame, nested=nested)
    np.testing.assert_array_equal(searched(sky_of(whole, mask=mask)), found)


def test_units_are_those_with_something_to_search():
    sky = sky_of(map_where(lambda lon, lat: (lat > 30) & (lon < 40)), galactic_cut=35.0)
    found = searched(sky)
    units_with_any = [unit for unit in range(UNITS) if found[unit_pixels(unit, NSIDE)].any()]
    assert sky.units() == units_with_any
    assert 5 < len(units_with_any) < 60


def test_a_whole_sky_is_searched_outside_of_the_galaxy():
    sky = sky_of(map_where(lambda lon, _: lon >= 0), galactic_cut=20.0)
    _, lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), nest=True, lonlat=True)
    np.testing.assert_array_equal(searched(sky), np.abs(lat) >= 20)
    assert np.isin(np.unique(np.flatnonzero(np.abs(lat) >= 20) // (NSIDE // 8) ** 2), sky.units()).all()


def test_a_mask_says_1_where_to_look(tmp_path):
    path = tmp_path / "mask.fits"
    values = np.zeros(12 * 16**2, np.float32)
    values[:100] = 1
    write_healpix_map(path, values, nested=True, frame="G", unit="", column="MASK", overwrite=True)
    mask = read_mask(path)
    whole = map_where(lambda lon, _: lon >= 0)
    assert searched(sky_of(whole, mask=mask)).mean() == pytest.approx(100 / values.size)
    with pytest.raises(SourceError, match=r"nothing\.fits"):
        read_mask(tmp_path / "nothing.fits")
