"""Amplitudes of candidates in each band: matched-filter photometry with the covariance of the local noise.

For maps ``d`` with cross-power spectra ``P``, and an object of one profile whose amplitude in band ``b`` is
``a_b`` times the template ``t_b``, the amplitudes that maximise the likelihood solve ``F a = h`` with

    h_b = sum(t_b (P^-1 d)_b),    F_bc = sum(t_b (P^-1)_bc t_c)

over all Fourier modes, and ``F`` is the inverse of their covariance.  Any spectrum is fitted to them with
``h`` and ``F`` alone, as exactly as to the maps themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.matched_filter.filter_templates import foreground_responses, responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.matched_filter.filter_noise import FourierModes
    from skysieve.clusters.physics.bands import Band

__all__ = ["BandAmplitudes"]


@dataclass(frozen=True, eq=False)
class BandAmplitudes:
    """What the amplitudes of objects in each band are computed from.

    Attributes
    ----------
    modes
        Fourier modes of the patch.
    weighted : ndarray of complex64, shape (B, side, side // 2 + 1)
        Maps in units of their noise: ``P^-1 d``, convolved with the beam of each band.
    gas : ndarray, shape (S, R)
        Transforms of the profiles of clusters of each size, by radius.
    information : ndarray, shape (S, B, B)
        Matrix ``F`` of each size: inverse of the covariance of the amplitudes.
    cluster : ndarray, shape (B,)
        Spectrum of a cluster, in the units of the bands.
    dust, co : ndarray, shape (K, B)
        Spectra of kinds of dust and of carbon monoxide.
    """

    modes: FourierModes
    weighted: NDArray[np.complex64]
    gas: NDArray[np.float64]
    information: NDArray[np.float64]
    cluster: NDArray[np.float64]
    dust: NDArray[np.float64]
    co: NDArray[np.float64]

    @classmethod
    def of(  # noqa: PLR0917 (called once)
        cls,
        bands: Sequence[Band],
        modes: FourierModes,
        inverse: NDArray[np.float64],
        beams: NDArray[np.float64],
        gas: NDArray[np.float64],
        transforms: NDArray[np.complex64],
    ) -> BandAmplitudes:
        """Weight the transforms of a patch.

        Parameters
        ----------
        bands
            Bands of the maps.
        modes
            Fourier modes of the patch.
        inverse : ndarray, shape (R, B, B)
            Inverse cross-power spectra.
        beams : ndarray, shape (R, B)
            Transform of a point source of amplitude 1 in each band.
        gas : ndarray, shape (S, R)
            Transforms of the profiles of clusters.
        transforms : ndarray of complex64, shape (B, side, side // 2 + 1)
            Fourier transforms of the maps.

        Returns
        -------
        BandAmplitudes
            Ready for :meth:`at`.
        """
        filters = (beams[:, :, None] * inverse).astype(np.float32)
        weighted = np.zeros_like(transforms)
        for number, row in enumerate(filters.transpose(1, 2, 0)):
            for values, band in zip(row, transforms, strict=True):
                weighted[number] += values[modes.radius] * band
        counts = modes.counts / modes.side**2
        information = np.einsum("sr,rb,rbc,rc,r->sbc", gas**2, beams, inverse, beams, counts, optimize=True)
        return cls(modes, weighted, gas, information, responses(bands), *foreground_responses(bands))

    def at(
        self, row: NDArray[np.float64], column: NDArray[np.float64], size: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what spectra are fitted to, for objects at some positions.

        Parameters
        ----------
        row, column : ndarray, shape (N,)
            Positions in fractional pixels.
        size : ndarray of int, shape (N,)
            Indices of the sizes.

        Returns
        -------
        weighted : ndarray, shape (N, B)
            Vector ``h`` of each object.
        information : ndarray, shape (N, B, B)
            Matrix ``F``.
        """
        side = self.modes.side
        columns = np.arange(side // 2 + 1)
        multiplicities = np.where((columns == 0) | (2 * columns == side), 1.0, 2.0) / side**2
        found = np.empty((len(row), len(self.weighted)))
        for number in np.unique(size):
            profile = self.gas[number].astype(np.float32)[self.modes.radius]
            filtered = self.weighted * profile
            for index in np.flatnonzero(size == number):
                down = np.exp(2j * np.pi * np.fft.fftfreq(side) * row[index]).astype(np.complex64)
                across = np.exp(2j * np.pi * columns / side * column[index]) * multiplicities
                found[index] = ((down @ filtered) @ across).real
        return found, self.information[size]
