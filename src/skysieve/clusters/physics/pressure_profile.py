"""Gas of clusters: pressure profile, and Compton parameter along the line of sight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ARNAUD_2010", "GAS_RADIUS", "GnfwProfile", "beam_convolved_profile", "compton_profile"]

GAS_RADIUS = 5.0
"""Radius at which the gas is truncated, in units of R500."""

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian, in units of its sigma."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)
_BEAM_SIGMAS = 6.0
_MIN_RADIUS = 1e-4


@dataclass(frozen=True)
class GnfwProfile:
    """Generalised Navarro-Frenk-White profile of the pressure.

    Attributes
    ----------
    p0, c500, gamma, alpha, beta
        Normalisation, concentration, and the inner, transition and outer slopes.

    References
    ----------
    Nagai, Kravtsov & Vikhlinin 2007, ApJ 668, 1, eq. A1.
    """

    p0: float
    c500: float
    gamma: float
    alpha: float
    beta: float

    def pressure(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the pressure at some radii.

        Parameters
        ----------
        x
            Radii in units of R500.

        Returns
        -------
        ndarray
            Pressure in units of P500, of the shape of `x`.
        """
        cx = self.c500 * np.asarray(x, np.float64)
        return np.asarray(
            self.p0 / (cx**self.gamma * (1 + cx**self.alpha) ** ((self.beta - self.gamma) / self.alpha))
        )

    def sphere_integral(self, x: float) -> float:
        """Return the integral of the pressure over a sphere.

        Parameters
        ----------
        x
            Radius of the sphere in units of R500.

        Returns
        -------
        float
            In units of P500 R500^3.
        """
        # substitute radius = u^2: the profile is steep in the centre
        u = np.sqrt(x) * (_NODES + 1) / 2
        shells = 4 * np.pi * u**4 * self.pressure(u**2) * 2 * u
        return float(shells @ _WEIGHTS * np.sqrt(x) / 2)


ARNAUD_2010 = GnfwProfile(p0=8.403 * 0.7**-1.5, c500=1.177, gamma=0.3081, alpha=1.0510, beta=5.4905)
"""Universal pressure profile.

References
----------
Arnaud et al. 2010, A&A 517, A92, eq. 12, for H0 = 70 km/s/Mpc.
"""


def compton_profile(x: ArrayLike, *, profile: GnfwProfile = ARNAUD_2010) -> NDArray[np.float64]:
    """Return the Compton parameter along a line of sight for a cluster with Y500 = 1 and theta500 = 1.

    Y500 is the integral over the sphere of R500.  For a cluster with Y500 in square arcminutes and theta500
    in arcminutes the Compton parameter is ``Y500 / theta500^2`` times this.

    Parameters
    ----------
    x
        Angles from the centre, in units of theta500.
    profile
        Pressure profile.

    Returns
    -------
    ndarray
        Of the shape of `x`; zero from :data:`GAS_RADIUS` on.

    References
    ----------
    Arnaud et al. 2010, A&A 517, A92, eq. 14 to 17.
    """
    table_x, table_y = _compton_table(profile)
    radius = np.asarray(x, np.float64)
    inside = np.clip(radius, table_x[0], GAS_RADIUS)
    return np.asarray(np.where(radius < GAS_RADIUS, np.interp(np.log(inside), np.log(table_x), table_y), 0.0))


def beam_convolved_profile(
    theta500: float, fwhm: float, radii: ArrayLike, *, profile: GnfwProfile = ARNAUD_2010
) -> NDArray[np.float64]:
    """Return the Compton parameter of a cluster with Y500 = 1 square arcminute, convolved with a beam.

    Parameters
    ----------
    theta500
        Angle of R500, in arcminutes.
    fwhm
        FWHM of the Gaussian beam, in arcminutes; zero for none.
    radii
        Angles from the centre, in arcminutes.
    profile
        Pressure profile.

    Returns
    -------
    ndarray
        Of the shape of `radii`, in arcmin^-2.

    Notes
    -----
    The convolution of a radial profile f with a Gaussian is ``integral f(s) s / sigma^2 exp(-(r - s)^2 / 2
    sigma^2) I0e(r s / sigma^2) ds`` with the scaled Bessel function I0e.  The integrand is positive: nothing
    oscillates.
    """
    from scipy.special import i0e

    r = np.asarray(radii, np.float64)
    if fwhm <= 0:
        return compton_profile(r / theta500, profile=profile) / theta500**2
    sigma = fwhm / FWHM_PER_SIGMA
    low = np.clip(r - _BEAM_SIGMAS * sigma, 0.0, GAS_RADIUS * theta500)
    high = np.clip(r + _BEAM_SIGMAS * sigma, 0.0, GAS_RADIUS * theta500)
    # nodes are denser towards the lower end, where the centre of the cluster may lie
    t = ((_NODES + 1) / 2) ** 2
    s = low[..., None] + (high - low)[..., None] * t
    width = (high - low)[..., None] * (_NODES + 1) / 2 * _WEIGHTS
    y = compton_profile(s / theta500, profile=profile)
    spread = s / sigma**2 * np.exp(-(((r[..., None] - s) / sigma) ** 2) / 2)
    return np.asarray((y * spread * i0e(r[..., None] * s / sigma**2) * width).sum(-1) / theta500**2)


@lru_cache(maxsize=8)
def _compton_table(profile: GnfwProfile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return angles in units of theta500, and the normalised Compton parameter at these angles."""
    x = np.concatenate(
        [np.geomspace(_MIN_RADIUS, 0.98 * GAS_RADIUS, 1500), np.linspace(0.981 * GAS_RADIUS, GAS_RADIUS, 100)]
    )
    half = np.sqrt(np.maximum(GAS_RADIUS**2 - x**2, 0))
    # substitute depth = half * t^3: the pressure is steep in the centre
    t = (_NODES + 1) / 2
    depth = half[:, None] * t**3
    width = half[:, None] * 3 * t**2 * _WEIGHTS / 2
    y = 2 * (profile.pressure(np.hypot(x[:, None], depth)) * width).sum(1)
    return x, y / profile.sphere_integral(1.0)
