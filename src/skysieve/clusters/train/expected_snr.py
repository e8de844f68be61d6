"""Expected signal-to-noise ratio of clusters in white noise; it selects the clusters that can be learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.pressure_profile import beam_convolved_profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = ["expected_snr"]

SIZES = np.geomspace(0.5, 120.0, 16)
"""T500 in arcminutes at which the noise is computed; it is interpolated between them and constant beyond."""

RADII = 100
PROFILE_RADIUS = 5.0
"""Radius to which profiles are integrated, in T500."""


def expected_snr(
    y500: NDArray[np.float64], t500: NDArray[np.float64], bands: Iterable[Band]
) -> NDArray[np.float64]:
    """Return the signal-to-noise ratio of a matched filter for clusters in white noise.

    With the beam-convolved profile tau of a cluster in a band, per unit Y500, the band's response f to y and
    its noise sigma, it is ``Y500 sqrt(sum_bands (f / sigma)^2 integral tau^2 dOmega)``.  The CMB, dust and
    infrared galaxies add noise: a filter that accounts for them reaches about half of this in Planck's maps.

    Parameters
    ----------
    y500 : ndarray, shape (N,)
        Square arcminutes.
    t500 : ndarray, shape (N,)
        Arcminutes.
    bands
        Bands; those of unknown response or noise, such as maps of y, contribute nothing.

    Returns
    -------
    ndarray, shape (N,)
        Signal-to-noise ratios.

    References
    ----------
    Melin, Bartlett & Delabrouille 2006, A&A 459, 341, eq. 10, with white noise alone.
    """
    information = np.zeros(len(SIZES))
    for band in bands:
        ratio = band.y_in_unit / band.noise if band.noise else np.nan
        if np.isfinite(ratio):
            information += ratio**2 * np.array([_squared_profile(size, band.fwhm) for size in SIZES])
    with np.errstate(divide="ignore"):
        logarithm = np.interp(np.log(t500), np.log(SIZES), np.log(information))
    return np.asarray(y500 * np.exp(logarithm / 2))


def _squared_profile(size: float, fwhm: float) -> float:
    """Return the integral of the squared profile of a cluster, per Y500, in arcmin^-2."""
    # dense near the centre, where the gas of large clusters is concentrated
    radii = (PROFILE_RADIUS * size + 2 * fwhm) * np.linspace(0, 1, RADII) ** 2
    profile = beam_convolved_profile(size, fwhm, radii)
    return float(np.trapezoid(profile**2 * 2 * np.pi * radii, radii))
