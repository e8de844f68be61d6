"""The gas of clusters: its pressure, and the Compton parameter along the line of sight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ARNAUD_2010", "END", "GnfwProfile", "beam_convolved_profile", "compton_profile"]

END = 5.0
"""Where the gas ends, in units of R500."""

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian, in its sigma."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)
_REACH = 6.0
_INNERMOST = 1e-4


@dataclass(frozen=True)
class GnfwProfile:
    """The generalised profile of Navarro, Frenk & White for the pressure.

    Attributes
    ----------
    p0, c500, gamma, alpha, beta
        Normalisation, concentration, and slopes in the middle, between and outside.

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
        """Return the pressure at radii in units of R500, in units of P500."""
        cx = self.c500 * np.asarray(x, np.float64)
        return np.asarray(
            self.p0 / (cx**self.gamma * (1 + cx**self.alpha) ** ((self.beta - self.gamma) / self.alpha))
        )

    def within(self, x: float) -> float:
        """Return the integral of the pressure over a sphere, in units of P500 R500^3."""
        # radius u^2: the profile is steep in the middle
        u = np.sqrt(x) * (_NODES + 1) / 2
        shells = 4 * np.pi * u**4 * self.pressure(u**2) * 2 * u
        return float(shells @ _WEIGHTS * np.sqrt(x) / 2)


ARNAUD_2010 = GnfwProfile(p0=8.403 * 0.7**-1.5, c500=1.177, gamma=0.3081, alpha=1.0510, beta=5.4905)
"""The universal profile.

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
        Angles from the middle, in units of theta500.
    profile
        Of the pressure.

    Returns
    -------
    ndarray
        Zero from :data:`END` on.

    References
    ----------
    Arnaud et al. 2010, A&A 517, A92, eq. 14 to 17.
    """
    table_x, table_y = _table(profile)
    where = np.asarray(x, np.float64)
    inside = np.clip(where, table_x[0], END)
    return np.asarray(np.where(where < END, np.interp(np.log(inside), np.log(table_x), table_y), 0.0))


def beam_convolved_profile(
    theta500: float, fwhm: float, radii: ArrayLike, *, profile: GnfwProfile = ARNAUD_2010
) -> NDArray[np.float64]:
    """Return the Compton parameter of a cluster with Y500 = 1 square arcminute, seen through a beam.

    Parameters
    ----------
    theta500
        Angle of R500, in arcminutes.
    fwhm
        Of the beam, a Gaussian, in arcminutes; zero for none.
    radii
        Angles from the middle, in arcminutes.
    profile
        Of the pressure.

    Returns
    -------
    ndarray
        Of the shape of `radii`, in arcmin^-2.

    Notes
    -----
    The convolution of a round profile f with a Gaussian is ``integral f(s) s / sigma^2 exp(-(r - s)^2 / 2
    sigma^2) I0e(r s / sigma^2) ds`` with the scaled Bessel function I0e: all positive, nothing oscillates.
    """
    from scipy.special import i0e

    r = np.asarray(radii, np.float64)
    if fwhm <= 0:
        return compton_profile(r / theta500, profile=profile) / theta500**2
    sigma = fwhm / FWHM
    low = np.clip(r - _REACH * sigma, 0.0, END * theta500)
    high = np.clip(r + _REACH * sigma, 0.0, END * theta500)
    # nodes crowd towards the lower end, where the middle of the cluster may lie
    t = ((_NODES + 1) / 2) ** 2
    s = low[..., None] + (high - low)[..., None] * t
    width = (high - low)[..., None] * (_NODES + 1) / 2 * _WEIGHTS
    y = compton_profile(s / theta500, profile=profile)
    spread = s / sigma**2 * np.exp(-(((r[..., None] - s) / sigma) ** 2) / 2)
    return np.asarray((y * spread * i0e(r[..., None] * s / sigma**2) * width).sum(-1) / theta500**2)


@lru_cache(maxsize=8)
def _table(profile: GnfwProfile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return angles in units of theta500 and the normalised Compton parameter there."""
    x = np.concatenate([np.geomspace(_INNERMOST, 0.98 * END, 1500), np.linspace(0.981 * END, END, 100)])
    half = np.sqrt(np.maximum(END**2 - x**2, 0))
    # depth half * t^3: the pressure is steep in the middle
    t = (_NODES + 1) / 2
    depth = half[:, None] * t**3
    width = half[:, None] * 3 * t**2 * _WEIGHTS / 2
    y = 2 * (profile.pressure(np.hypot(x[:, None], depth)) * width).sum(1)
    return x, y / profile.within(1.0)
