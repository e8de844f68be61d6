"""Small skies with clusters at known places: noise in two bands, with spots that are dark in one of them."""

from __future__ import annotations

from pathlib import Path

import healpy
import numpy as np

from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.physics.bands import band
from skysieve.clusters.train.skies import LabelledSky, SkyObjects

NSIDE = 64
WIDTH = 1.0
"""Sigma of a spot in degrees."""


def random_positions(rng, count):
    lon, z = rng.uniform(0, 360, count), rng.uniform(-1, 1, count)
    return SkyObjects(lon, np.degrees(np.arcsin(z)), np.full(count, 40.0))


def planted_sky(seed=1, *, clusters=250, sources=60, ignored=0, signal=6.0, nside=NSIDE):
    """Return a sky: clusters are negative in the first band and positive in the second, sources positive."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, 12 * nside**2)).astype(np.float32)
    there = [random_positions(rng, count) for count in (clusters, ignored, sources)]
    for places, signs in zip(there, ((-1, 1), (-0.4, 0.4), (1, 1)), strict=True):
        for vector in healpy.ang2vec(places.lon, places.lat, lonlat=True):
            pixels = healpy.query_disc(nside, vector, np.radians(3 * WIDTH))
            away = np.degrees(healpy.rotator.angdist(vector, np.array(healpy.pix2vec(nside, pixels))))
            spot = signal * np.exp(-0.5 * (away / WIDTH) ** 2)
            for plane, sign in zip(values, signs, strict=True):
                plane[pixels] += sign * spot
    maps = [HealpixMap(plane, nside, False, "G", "K_CMB", "I", Path("sky.fits")) for plane in values]
    return LabelledSky("planted", MapStack(maps), (band("100"), band("353")), *there)
