"""The cosmic microwave background: its lensed temperature spectrum."""

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
"""Degrees are computed up to a multiple of this: maps of many sizes share one computation."""

_camb_lock = threading.Lock()
"""CAMB's Fortran falls over when two threads are in it."""


@dataclass(frozen=True, kw_only=True)
class CosmicBackground:
    """The primary background as a Gaussian field, the power of its lensing included.

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
        """Add it to the harmonics of a band in the band's unit, in place, seen through a window by degree."""
        from skysieve.clusters.physics.units import conversion_factor

        amplitude = np.sqrt(temperature_spectrum(harmonics.lmax)) * window
        amplitude *= conversion_factor("K_CMB", band.unit, band)
        harmonics.add_field(coefficients, stream, amplitude)


def temperature_spectrum(lmax: int) -> NDArray[np.float64]:
    """Return the lensed temperature spectrum of the Planck 2018 cosmology, computed with CAMB once a process.

    Parameters
    ----------
    lmax
        Highest degree.

    Returns
    -------
    ndarray, shape (lmax + 1,)
        C_l in K_CMB², zero for monopole and dipole; not to be written to.

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
