"""Cosmic microwave background: lensed temperature spectrum."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.harmonics import Harmonics

__all__ = ["CosmicBackground", "temperature_spectrum"]

PLANCK_2018 = {
    "H0": 67.36,
    "ombh2": 0.02237,
    "omch2": 0.1200,
    "tau": 0.0544,
    "As": 2.100e-9,
    "ns": 0.9649,
    "mnu": 0.06,
    "TCMB": 2.7255,
}
"""Planck 2018 results VI, Table 2, last column: TT, TE, EE, lowE and lensing."""

_K2_PER_UK2 = 1e-12
_LMAX_STEP = 512
"""Spectra are computed up to a multiple of this, so that maps of many sizes share one computation."""

_camb_lock = threading.Lock()
"""Lock around CAMB, whose Fortran code is not thread-safe."""


@dataclass(frozen=True, kw_only=True)
class CosmicBackground:
    """Primary CMB as a Gaussian field, with the power of the lensed spectrum.

    Attributes
    ----------
    enabled
        Whether it is in the sky.
    """

    enabled: bool = True

    def add(
        self,
        coefficients: NDArray[np.complex64],
        harmonics: Harmonics,
        band: Band,
        stream: Sequence[int],
        window: NDArray[np.float64],
    ) -> None:
        """Add the CMB to the harmonic coefficients of a band, in the band's unit.

        Parameters
        ----------
        coefficients
            Harmonic coefficients ``(count,)`` complex64, changed in place.
        harmonics
            Their multipoles and orders.
        band
            Band, which gives frequency and unit.
        stream
            Seeds of the field; the same numbers give the same field.
        window
            Window of beam and pixels by multipole ``(lmax + 1,)``.
        """
        from skysieve.clusters.physics.units import conversion_factor

        amplitude = np.sqrt(temperature_spectrum(harmonics.lmax)) * window
        amplitude *= conversion_factor("K_CMB", band.unit, band)
        harmonics.add_field(coefficients, stream, amplitude)


def temperature_spectrum(lmax: int) -> NDArray[np.float64]:
    """Return the lensed temperature spectrum of the Planck 2018 cosmology, by CAMB once per process.

    Parameters
    ----------
    lmax
        Maximum multipole.

    Returns
    -------
    ndarray, shape (lmax + 1,)
        C_l in K_CMB², zero for monopole and dipole; read-only.

    References
    ----------
    Lewis, Challinor & Lasenby 2000 (CAMB); Planck 2018 results VI, Table 2.
    """
    with _camb_lock:
        return _camb_spectrum(ceil(lmax / _LMAX_STEP) * _LMAX_STEP)[: lmax + 1]


@lru_cache(maxsize=4)
def _camb_spectrum(lmax: int) -> NDArray[np.float64]:
    import camb

    parameters = camb.set_params(**PLANCK_2018, lmax=lmax, lens_potential_accuracy=1)
    spectra = camb.get_results(parameters).get_lensed_scalar_cls(lmax=lmax, CMB_unit="muK", raw_cl=True)
    spectrum: NDArray[np.float64] = spectra[:, 0] * _K2_PER_UK2
    spectrum.flags.writeable = False
    return spectrum
