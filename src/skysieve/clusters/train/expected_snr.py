"""How well a filter would see clusters if maps held nothing but white noise: which of them can be learnt."""

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
"""T500 in arcminutes, between which the noise is interpolated; clusters beyond have that of the last."""

RADII = 100
PROFILE_ENDS = 5.0
"""In T500."""


def expected_snr(
    y500: NDArray[np.float64], t500: NDArray[np.float64], bands: Iterable[Band]
) -> NDArray[np.float64]:
    """Return the signal-to-noise ratio of a matched filter for clusters in white noise ``(N,)``.

    With the beam-convolved profile tau of a cluster in a band, per unit Y500, the band's response f to y and
    its noise sigma, it is ``Y500 sqrt(sum_bands (f / sigma)^2 integral tau^2 dOmega)``.  The background, dust
    and infrared galaxies are noise, too: a filter that knows them reaches about half of it in Planck's maps.

    Parameters
    ----------
    y500
        Square arcminutes.
    t500
        Arcminutes.
    bands
        Those whose response or noise is not known, as of maps of y, count as nothing.

    References
    ----------
    Melin, Bartlett & Delabrouille 2006, A&A 459, 341, eq. 10, with white noise alone.
    """
    sharpness = np.zeros(len(SIZES))
    for band in bands:
        ratio = band.y_in_unit / band.noise if band.noise else np.nan
        if np.isfinite(ratio):
            sharpness += ratio**2 * np.array([_sharpness(size, band.fwhm) for size in SIZES])
    with np.errstate(divide="ignore"):
        logarithm = np.interp(np.log(t500), np.log(SIZES), np.log(sharpness))
    return np.asarray(y500 * np.exp(logarithm / 2))


def _sharpness(size: float, fwhm: float) -> float:
    """Return the integral of the square of a cluster's profile, per Y500, in arcmin^-2."""
    # close together in the middle, where the gas of large clusters is
    radii = (PROFILE_ENDS * size + 2 * fwhm) * np.linspace(0, 1, RADII) ** 2
    profile = beam_convolved_profile(size, fwhm, radii)
    return float(np.trapezoid(profile**2 * 2 * np.pi * radii, radii))
