"""Templates of the matched filter: clusters, and sources that resemble them, in all bands.

All templates are axisymmetric, so that their Fourier transforms are functions of the wave number alone.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.pressure_profile import GAS_RADIUS, compton_profile
from skysieve.clusters.physics.spectra import CO_RATIOS, modified_blackbody, power_law
from skysieve.clusters.physics.units import conversion_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = [
    "SOURCES",
    "beam_transforms",
    "foreground_responses",
    "gas_transform",
    "responses",
    "source_responses",
]

SOURCES: dict[str, tuple[float, float]] = {
    "radio": (-0.6, 0.0),
    "flat radio": (0.2, 0.0),
    "warm dust": (1.6, 25.0),
    "cool dust": (1.6, 14.0),
    "cold dust": (1.6, 8.0),
    "cold core": (2.1, 12.0),
}
"""Spectral index and temperature of sources: power laws where the temperature is 0, else dust.

Temperatures of dust are observed ones, that is redshifted.

References
----------
Planck Collaboration 2016, A&A 594, A26, section 4 (spectral indices of radio sources, dust of galaxies);
Planck Collaboration 2016, A&A 594, A28, figure 6 (cold cores).
"""

_GALACTIC_DUST = ((19.6, 1.6), (16.0, 1.8), (12.0, 2.1))
"""Temperature and emissivity index of the dust of the Galaxy: diffuse, of molecular clouds, and of cold cores
(Planck 2013 results XI; Planck early results XXV and XXIII)."""

_CO_KINDS = ((0.4, 0.15), CO_RATIOS[1:], (0.8, 0.45), (1.0, 0.7))
"""Ratios of the lines 2-1 and 3-2 of carbon monoxide to the line 1-0: cold gas, the mean, and warm gas, up to
the limit of thick gas in equilibrium."""

_REFERENCE = 217.0
"""Frequency in GHz at which the brightness of sources is 1 MJy/sr."""
_PIXEL_VARIANCE = 1 / 12
_INTERPOLATION_VARIANCE = 0.198
"""Variance of the blurring along an axis, in units of a HEALPix pixel's area.

It is that of the mean over a square of this area, and that of interpolation between four pixels, measured on
Gaussians all over the sky: 0.30 along rings and 0.10 across.
"""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(800)
_MAX_X, _TABLE_SIZE = 160.0, 4000
"""Largest argument, and number of entries, of the table of the gas transform."""


def responses(bands: Sequence[Band]) -> NDArray[np.float64]:
    """Return the change of maps per unit of Compton parameter.

    Parameters
    ----------
    bands
        Bands.

    Returns
    -------
    ndarray, shape (B,)
        In the units of the bands.
    """
    return np.array([band.y_in_unit for band in bands])


def source_responses(bands: Sequence[Band]) -> NDArray[np.float64]:
    """Return the brightness of sources relative to 1 MJy/sr at 217 GHz.

    Parameters
    ----------
    bands
        Bands.

    Returns
    -------
    ndarray, shape (S, B)
        In the units of the bands, sources in the order of :data:`SOURCES`.
    """
    frequencies = np.array([band.frequency for band in bands])
    factors = np.array([conversion_factor("MJy/sr", band.unit, band) for band in bands])
    spectra = [
        modified_blackbody(frequencies, temperature=temperature, beta=index, reference=_REFERENCE)
        if temperature
        else power_law(frequencies, index=index, reference=_REFERENCE)
        for index, temperature in SOURCES.values()
    ]
    return np.asarray(np.array(spectra) * factors)


def foreground_responses(bands: Sequence[Band]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the spectra of the extended foregrounds of the Galaxy.

    Parameters
    ----------
    bands
        Bands.

    Returns
    -------
    dust, co : ndarray, shape (K, B)
        Kinds of dust relative to 1 MJy/sr at 217 GHz, and of carbon monoxide per K km/s of the line J = 1-0,
        in the units of the bands; carbon monoxide is 0 in bands without a line.
    """
    factors = np.array([conversion_factor("MJy/sr", band.unit, band) for band in bands])
    frequencies = np.array([band.frequency for band in bands])
    dust = [
        modified_blackbody(frequencies, temperature=temperature, beta=index, reference=_REFERENCE) * factors
        for temperature, index in _GALACTIC_DUST
    ]
    lines = [[(0.0, 1.0, *ratios)[band.co_line] * band.co_in_unit for band in bands] for ratios in _CO_KINDS]
    return np.array(dust), np.array(lines)


def beam_transforms(
    wave_numbers: NDArray[np.float64], bands: Sequence[Band], *, nside: int | None = None
) -> NDArray[np.float64]:
    """Return the Fourier transforms of the beams, blurred by map pixels and interpolation.

    Parameters
    ----------
    wave_numbers : ndarray, shape (K,)
        Radians per arcminute.
    bands
        Bands with their beams.
    nside
        Nside of the maps from which patches were interpolated; None if they were not.

    Returns
    -------
    ndarray, shape (B, K)
        1 at wave number 0.
    """
    area = 0.0 if nside is None else math.pi / 3 * math.degrees(60 / nside) ** 2
    spread = (_PIXEL_VARIANCE + _INTERPOLATION_VARIANCE) * area
    variances = np.array([band.fwhm**2 / (8 * math.log(2)) + spread for band in bands])
    return np.asarray(np.exp(-(wave_numbers**2) * variances[:, None] / 2))


def gas_transform(x: ArrayLike) -> NDArray[np.float64]:
    """Return the Fourier transform of the Compton parameter of a cluster with Y500 = 1.

    It is 1.8 at 0, as gas beyond the sphere of R500 contributes along the line of sight and around it.

    Parameters
    ----------
    x
        Wave number times theta500.

    Returns
    -------
    ndarray
        Of the shape of `x`.

    References
    ----------
    Arnaud et al. 2010, A&A 517, A92, eq. 12 and 17.
    """
    table_x, table = _gas_table()
    return np.asarray(np.interp(np.asarray(x, np.float64), table_x, table, right=0.0))


@lru_cache(maxsize=1)
def _gas_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import j0

    # Substitute radius = u^2: the profile is steep in the centre
    u = math.sqrt(GAS_RADIUS) * (_NODES + 1) / 2
    radius = u**2
    shells = 2 * np.pi * radius * compton_profile(radius) * 2 * u * _WEIGHTS * math.sqrt(GAS_RADIUS) / 2
    x = np.linspace(0, 1, _TABLE_SIZE) ** 2 * _MAX_X
    return x, np.concatenate([j0(part[:, None] * radius) @ shells for part in np.array_split(x, 8)])
