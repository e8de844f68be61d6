"""Masses, angular sizes and Compton parameters of clusters at their redshifts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.cosmology import FlatLambdaCDM
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BIAS", "cosmology", "expansion", "m500_from_y500", "theta500_arcmin", "y500_arcmin2"]

BIAS = 0.8
"""``1 - b``: the ratio of the X-ray masses used to calibrate the relation for Y500 to the true masses."""

SLOPE = 1.79
NORMALISATION = 10**-0.19
PIVOT_MASS = 6.0
"""Parameters of the relation between Y500 and M500; the pivot mass is in 1e14 solar masses."""

ARCMIN = np.pi / 180 / 60
"""Radians in an arcminute."""


@cache
def cosmology() -> FlatLambdaCDM:
    """Return the flat cosmology of the scaling relations: H0 = 70 km/s/Mpc, a matter density of 0.3.

    Returns
    -------
    FlatLambdaCDM
        The same object at each call.

    References
    ----------
    Arnaud et al. 2010, A&A 517, A92, section 1; Planck Collaboration 2016, A&A 594, A27, section 1.
    """
    from astropy.cosmology import FlatLambdaCDM

    return FlatLambdaCDM(H0=70.0, Om0=0.3)


def expansion(z: ArrayLike) -> NDArray[np.float64]:
    """Return E(z), the Hubble parameter relative to today's.

    Parameters
    ----------
    z
        Redshift.

    Returns
    -------
    ndarray
        Same shape as `z`.
    """
    return np.asarray(cosmology().efunc(np.asarray(z, np.float64)))


def theta500_arcmin(m500: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
    """Return the angle of R500, within which the mean density is 500 times the critical density.

    Parameters
    ----------
    m500
        True mass within R500, in 1e14 solar masses.
    z
        Redshift, above zero.

    Returns
    -------
    ndarray
        Angles in arcminutes.

    Examples
    --------
    >>> round(float(theta500_arcmin(6.0, 0.2)), 2)
    6.06
    """
    from astropy import units

    mass = np.asarray(m500, np.float64) * 1e14
    critical = cosmology().critical_density(np.asarray(z, np.float64)).to_value(units.Msun / units.Mpc**3)
    radius = np.cbrt(3 * mass / (4 * np.pi * 500 * critical))
    return np.asarray(radius / _angular_diameter_distance(z) / ARCMIN)


def y500_arcmin2(m500: ArrayLike, z: ArrayLike, *, bias: float = BIAS) -> NDArray[np.float64]:
    """Return the Compton parameter integrated over the sphere of R500.

    Parameters
    ----------
    m500
        True mass within R500, in 1e14 solar masses.
    z
        Redshift, above zero.
    bias
        See :data:`BIAS`.

    Returns
    -------
    ndarray
        Y500 in square arcminutes.

    References
    ----------
    Planck Collaboration 2014, A&A 571, A20, eq. 7.
    """
    mass = bias * np.asarray(m500, np.float64) / PIVOT_MASS
    area = 1e-4 * NORMALISATION * expansion(z) ** (2 / 3) * mass**SLOPE
    return np.asarray(area / (_angular_diameter_distance(z) * ARCMIN) ** 2)


def m500_from_y500(y500: ArrayLike, z: ArrayLike, *, bias: float = BIAS) -> NDArray[np.float64]:
    """Return the true mass for a Y500: the inverse of :func:`y500_arcmin2`.

    Parameters
    ----------
    y500
        Square arcminutes.
    z
        Redshift, above zero.
    bias
        See :data:`BIAS`.

    Returns
    -------
    ndarray
        M500 in 1e14 solar masses.

    Examples
    --------
    >>> round(float(m500_from_y500(y500_arcmin2(3.0, 0.4), 0.4)), 6)
    3.0
    """
    return np.asarray((np.asarray(y500, np.float64) / y500_arcmin2(1.0, z, bias=bias)) ** (1 / SLOPE))


def _angular_diameter_distance(z: ArrayLike) -> NDArray[np.float64]:
    """Return angular-diameter distances in Mpc."""
    from astropy import units

    return np.asarray(cosmology().angular_diameter_distance(np.asarray(z, np.float64)).to_value(units.Mpc))
