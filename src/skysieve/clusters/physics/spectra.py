"""Frequency spectra: Sunyaev-Zel'dovich effect, black body, dust and radio sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CO_RATIOS", "T_CMB", "modified_blackbody", "planck_derivative", "power_law", "tsz_spectrum"]

T_CMB = 2.7255
"""Temperature of the cosmic microwave background in K (Fixsen 2009, ApJ 707, 916)."""

H_OVER_K = 0.047992430733662
"""Planck's constant over Boltzmann's, in K per GHz (CODATA 2018)."""

RAYLEIGH_JEANS = 0.030723576
"""``2 k nu^2 / c^2`` at 1 GHz, in MJy/sr per K."""

CO_RATIOS = (1.0, 0.595, 0.297)
"""Mean of the lines J = 1-0, 2-1 and 3-2 of carbon monoxide in K km/s, relative to the first.

References
----------
Planck Collaboration 2014, A&A 571, A13.
"""


def tsz_spectrum(frequency: ArrayLike) -> NDArray[np.float64]:
    """Return the change of the CMB temperature, ``dT / T``, per unit of Compton parameter.

    Parameters
    ----------
    frequency
        Frequencies in GHz.

    Returns
    -------
    ndarray
        Of the shape of `frequency`; negative below 217 GHz.

    References
    ----------
    Sunyaev & Zel'dovich 1972, Comm. Astrophys. Space Phys. 4, 173; Carlstrom, Holder & Reese 2002, ARA&A 40,
    643, eq. 2, without relativistic corrections.

    Examples
    --------
    >>> [round(float(tsz_spectrum(nu)), 2) for nu in (143, 220, 353)]
    [-1.04, 0.04, 2.24]
    """
    x = H_OVER_K * np.asarray(frequency, np.float64) / T_CMB
    return np.asarray(x / np.tanh(x / 2) - 4)


def planck_derivative(frequency: ArrayLike) -> NDArray[np.float64]:
    """Return the change of intensity per K_CMB, for a black body at :data:`T_CMB`.

    Parameters
    ----------
    frequency
        Frequencies in GHz.

    Returns
    -------
    ndarray
        MJy/sr per K_CMB, of the shape of `frequency`.

    Examples
    --------
    >>> round(float(planck_derivative(217)))
    484
    """
    nu = np.asarray(frequency, np.float64)
    x = H_OVER_K * nu / T_CMB
    return np.asarray(RAYLEIGH_JEANS * nu**2 * (x / 2 / np.sinh(x / 2)) ** 2)


def modified_blackbody(
    frequency: ArrayLike, *, temperature: ArrayLike, beta: ArrayLike, reference: float
) -> NDArray[np.float64]:
    """Return the intensity of optically thin dust relative to that at a reference frequency.

    It is proportional to ``nu^(3 + beta) / (exp(h nu / k T) - 1)``.

    Parameters
    ----------
    frequency, reference
        Frequencies in GHz.
    temperature
        Dust temperature in K.
    beta
        Spectral index of the emissivity.

    Returns
    -------
    ndarray
        Ratios of intensities.

    References
    ----------
    Planck Collaboration 2014, A&A 571, A11, eq. 1.

    Examples
    --------
    >>> round(float(modified_blackbody(353, temperature=19.6, beta=1.6, reference=857)), 4)
    0.0881
    """
    nu, t, index = (np.asarray(value, np.float64) for value in (frequency, temperature, beta))
    ratio = np.expm1(H_OVER_K * reference / t) / np.expm1(H_OVER_K * nu / t)
    return np.asarray((nu / reference) ** (3 + index) * ratio)


def power_law(frequency: ArrayLike, *, index: ArrayLike, reference: float) -> NDArray[np.float64]:
    """Return the flux of a source relative to that at a reference frequency, ``(nu / reference)^index``.

    Parameters
    ----------
    frequency, reference
        Frequencies in GHz.
    index
        Spectral index; negative for sources that are brighter at lower frequencies.

    Returns
    -------
    ndarray
        Ratios of fluxes.
    """
    nu, alpha = np.asarray(frequency, np.float64), np.asarray(index, np.float64)
    return np.asarray((nu / reference) ** alpha)
