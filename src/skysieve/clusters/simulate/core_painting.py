"""Add elongated Gaussian sources to a map, convolved with the beam of a band."""

from __future__ import annotations

from math import hypot, log, radians
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["paint_cores"]

_FWHM_PER_SIGMA = (8 * log(2)) ** 0.5
_REACH_SIGMAS = 4.0
"""Radius in sigma of the major axis to which sources are painted; it omits 3e-4 of the flux."""

_JY_IN_MJY = 1e-6


def paint_cores(values: NDArray[np.float32], region: SkyRegion, table: Table, band: Band) -> None:
    """Add elliptical Gaussians to a map, in place, convolved with the beam and averaged over pixels.

    Parameters
    ----------
    values : ndarray, shape (npix,), float32
        Map of the region, in the band's unit.
    region
        Part of the sky.
    table
        Sources with ``GLON GLAT`` (degrees), FWHM ``MAJOR MINOR`` (arcmin), ``ANGLE`` of the major axis from
        north towards increasing longitude (degrees); see :mod:`~.source_table`.
    band
        Band, which gives beam, unit, and frequency of the fluxes.
    """
    import healpy

    from skysieve.clusters.physics.units import conversion_factor
    from skysieve.clusters.simulate.source_table import band_fluxes

    flux = band_fluxes(table, band) * _JY_IN_MJY * conversion_factor("MJy/sr", band.unit, band)
    centres = healpy.ang2vec(np.asarray(table["GLON"]), np.asarray(table["GLAT"]), lonlat=True).reshape(-1, 3)
    east, north = _axes(np.radians(np.asarray(table["GLON"])), np.radians(np.asarray(table["GLAT"])))
    angle = np.radians(np.asarray(table["ANGLE"]))[:, None]
    along = np.cos(angle) * north + np.sin(angle) * east
    across = np.cos(angle) * east - np.sin(angle) * north
    fwhm = hypot(band.fwhm, region.pixel_fwhm)
    long, short = (
        radians(1 / 60) / _FWHM_PER_SIGMA * np.hypot(np.asarray(table[axis]), fwhm)
        for axis in ("MAJOR", "MINOR")
    )
    for row in range(len(table)):
        pixels = healpy.query_disc(region.nside, centres[row], _REACH_SIGMAS * long[row])
        pixels = pixels[: np.searchsorted(pixels, values.size)]
        vectors = np.stack(healpy.pix2vec(region.nside, pixels), axis=1)
        square = (vectors @ along[row] / long[row]) ** 2 + (vectors @ across[row] / short[row]) ** 2
        peak = flux[row] / (2 * np.pi * long[row] * short[row])
        values[pixels] += (peak * np.exp(-square / 2)).astype(np.float32)


def _axes(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return unit vectors to the east and north, ``(n, 3)`` each, at coordinates in radians."""
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], axis=1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=1)
    return east, north
