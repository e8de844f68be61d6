"""Test whether the amplitudes of candidates in the bands agree with the spectrum of a cluster.

The amplitudes of :mod:`skysieve.clusters.matched_filter.band_amplitudes` are compared with two models: the
thermal Sunyaev-Zel'dovich effect alone, and together with dust and carbon monoxide at the same place, of
several temperatures and line ratios.  A candidate is consistent if one of them fits.  The second must also
need a significant cluster, so that a cluster on a molecular cloud is kept, and a cloud without a cluster is
not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.clusters.matched_filter.band_amplitudes import BandAmplitudes

__all__ = ["Consistency", "check_consistency"]

_PROBABILITY = 0.003
"""Probability that noise alone makes a real cluster inconsistent."""
_MODEL_ERROR, _JOINT_MODEL_ERROR = 0.3, 0.2
"""Errors of beams, profiles and calibration that are tolerated, as a fraction of the amplitude: with one and
with both foregrounds in the model, of which the latter absorb some of these errors."""
_MIN_JOINT = 4.5
"""Minimum signal-to-noise ratio of a cluster that is fitted with dust and carbon monoxide."""


@dataclass(frozen=True, eq=False)
class Consistency:
    """Result of the test: arrays ``(N,)``; NaN where there are too few bands.

    Attributes
    ----------
    chi2
        Chi-square per degree of freedom of the spectrum of a cluster, whose amplitude is fitted.
    joint
        Signal-to-noise ratio of the cluster if dust and carbon monoxide are fitted with it: square root of
        the chi-square by which a fit without the cluster is worse.
    dust, co
        Signal-to-noise ratio of dust, and of carbon monoxide, in this fit.
    consistent : ndarray of bool
        Whether a model fits; True if there are too few bands for a test.
    """

    chi2: NDArray[np.float64]
    joint: NDArray[np.float64]
    dust: NDArray[np.float64]
    co: NDArray[np.float64]
    consistent: NDArray[np.bool_]


def check_consistency(
    bands: BandAmplitudes, row: NDArray[np.float64], column: NDArray[np.float64], size: NDArray[np.intp]
) -> Consistency:
    """Compare the amplitudes of candidates with the spectrum of a cluster.

    Parameters
    ----------
    bands
        Amplitudes in each band.
    row, column : ndarray, shape (N,)
        Positions of the candidates, in fractional pixels.
    size : ndarray of int, shape (N,)
        Indices of their sizes.

    Returns
    -------
    Consistency
        Result for each candidate.
    """
    from scipy.special import chdtri

    count, total = len(row), len(bands.cluster)
    missing = np.full(count, np.nan)
    if total < 2 or not count:
        return Consistency(missing, missing, missing, missing, np.ones(count, bool))
    weighted, information = bands.at(row, column, size)
    squared = np.einsum("nb,nbc,nc->n", weighted, np.linalg.pinv(information, hermitian=True), weighted)
    snr, explained = _fit(weighted, information, bands.cluster[None])
    misfit = np.maximum(squared - explained, 0)
    limit = chdtri(total - 1, _PROBABILITY) + (_MODEL_ERROR * snr[:, 0]) ** 2
    consistent = misfit <= limit
    joint = dust = co = missing
    # One band more than spectra is needed, or else everything fits
    if total > 2:
        best = _best_fit(weighted, information, bands, with_co=total > 3 and bool(bands.co.any()))
        joint, dust, co = best.joint, best.dust, best.co
        limit = chdtri(total - 1 - best.foregrounds, _PROBABILITY) + (_JOINT_MODEL_ERROR * joint) ** 2
        consistent |= (np.maximum(squared - best.explained, 0) <= limit) & (joint >= _MIN_JOINT)
    return Consistency(misfit / (total - 1), joint, dust, co, consistent)


@dataclass(frozen=True, eq=False)
class _BestFit:
    """Best fit of a cluster with foregrounds: arrays ``(N,)``, and the number of foregrounds."""

    joint: NDArray[np.float64]
    dust: NDArray[np.float64]
    co: NDArray[np.float64]
    explained: NDArray[np.float64]
    foregrounds: int


def _best_fit(
    weighted: NDArray[np.float64], information: NDArray[np.float64], bands: BandAmplitudes, *, with_co: bool
) -> _BestFit:
    """Fit a cluster with each kind of dust and of carbon monoxide, and keep the best of them.

    The significance of the cluster is that of the improvement over the best fit without one.  Otherwise a
    cloud whose lines have other ratios than those of the model would leave a false cluster.
    """
    count = len(weighted)
    without, best = np.full(count, -np.inf), np.full(count, -np.inf)
    values = np.full((count, 3), np.nan)
    for dust in bands.dust:
        for co in bands.co if with_co else [None]:
            foregrounds = np.stack([dust] if co is None else [dust, co])
            _, explained = _fit(weighted, information, foregrounds)
            without = np.maximum(without, explained)
            fitted, explained = _fit(weighted, information, np.vstack([bands.cluster, foregrounds]))
            better = explained > best
            best[better] = explained[better]
            values[better, : fitted.shape[1]] = fitted[better]
    joint = np.sign(values[:, 0]) * np.sqrt(np.maximum(best - without, 0))
    return _BestFit(joint, values[:, 1], values[:, 2], best, 2 if with_co else 1)


def _fit(
    weighted: NDArray[np.float64], information: NDArray[np.float64], spectra: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit spectra ``(K, B)`` to amplitudes.

    Returns the signal-to-noise ratio of each ``(N, K)``, and the chi-square that they explain together
    ``(N,)``.
    """
    normal = np.einsum("ib,nbc,jc->nij", spectra, information, spectra)
    scale = np.sqrt(np.einsum("nii->ni", normal))
    covariance = np.linalg.inv(normal / (scale[:, :, None] * scale[:, None, :]))
    projected = weighted @ spectra.T / scale
    amplitudes = np.einsum("nij,nj->ni", covariance, projected)
    errors = np.sqrt(np.einsum("nii->ni", covariance))
    return amplitudes / errors, np.einsum("ni,ni->n", amplitudes, projected)
