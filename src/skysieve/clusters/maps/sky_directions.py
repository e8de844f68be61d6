"""Conversions between longitude and latitude in degrees, and unit vectors."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skysieve.core.fits.healpix_headers import Frame

__all__ = ["from_galactic", "lon_lat", "separation", "tangent_axes", "unit_vectors"]


def unit_vectors(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
    """Convert longitude and latitude to unit vectors.

    Parameters
    ----------
    lon, lat : array_like, shape (...)
        Angles in degrees.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        Unit vectors.
    """
    lam, beta = np.broadcast_arrays(np.radians(lon), np.radians(lat))
    return np.stack([np.cos(beta) * np.cos(lam), np.cos(beta) * np.sin(lam), np.sin(beta)], axis=-1)


def lon_lat(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert vectors to longitude and latitude.

    Parameters
    ----------
    vectors : ndarray of float64, shape (..., 3)
        Vectors of any length.

    Returns
    -------
    lon, lat : ndarray of float64, shape (...)
        Angles in degrees; longitude is in [0, 360).
    """
    x, y, z = np.moveaxis(vectors, -1, 0)
    lon = np.degrees(np.arctan2(y, x)) % 360
    # For a tiny negative number the remainder is rounded to 360
    return np.where(lon >= 360, 0.0, lon), np.degrees(np.arctan2(z, np.hypot(x, y)))


def separation(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the angles between unit vectors, also accurate for small angles.

    Parameters
    ----------
    first, second : ndarray of float64, shape (..., 3)
        Unit vectors.

    Returns
    -------
    ndarray of float64, shape (...)
        Angles in degrees.
    """
    half = np.linalg.norm(first - second, axis=-1) / 2
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(half, 1))))


def tangent_axes(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the tangent vectors toward increasing longitude and latitude.

    Parameters
    ----------
    lon, lat : array_like, shape (...)
        Angles in degrees.

    Returns
    -------
    east, north : ndarray of float64, shape (..., 3)
        Unit vectors.
    """
    lam, beta = np.broadcast_arrays(np.radians(lon), np.radians(lat))
    east = np.stack([-np.sin(lam), np.cos(lam), np.zeros_like(lam)], axis=-1)
    north = np.stack([-np.sin(beta) * np.cos(lam), -np.sin(beta) * np.sin(lam), np.cos(beta)], axis=-1)
    return east, north


@cache
def from_galactic(frame: Frame) -> NDArray[np.float64]:
    """Return the rotation matrix from Galactic coordinates to another frame.

    Parameters
    ----------
    frame
        ``G`` Galactic, ``C`` equatorial, ``E`` ecliptic.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Matrix that converts Galactic column vectors.

    References
    ----------
    ESA 1997, SP-1200 (Hipparcos), volume 1, equation 1.5.11 (equatorial); IAU 2006, obliquity of J2000 of
    84381.406 arcsec (ecliptic).
    """
    if frame == "G":
        return np.eye(3)
    equatorial = np.array(
        [
            [-0.0548755604, +0.4941094279, -0.8676661490],
            [-0.8734370902, -0.4448296300, -0.1980763734],
            [-0.4838350155, +0.7469822445, +0.4559837762],
        ]
    )
    if frame == "C":
        return equatorial
    obliquity = np.radians(84381.406 / 3600)
    sin, cos = np.sin(obliquity), np.cos(obliquity)
    return np.asarray(np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]]) @ equatorial)
