"""Scores of catalogues against true clusters: completeness, purity, position errors, calibration.

All are pure functions of the matches of :func:`skysieve.clusters.evaluate.sky.match_to_truth`.  Binned
fractions have Wilson intervals.  Scores that are compared have intervals of a block bootstrap over the sky,
because clusters and dust in a neighbourhood are not independent.  All detectors have the same resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.evaluation.binomial import wilson_interval
from skysieve.core.evaluation.bootstrap import RESAMPLES, Estimate, draw_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.evaluate.sky import TruthMatch

__all__ = [
    "BinnedFraction",
    "BlockWeights",
    "Curve",
    "calibration",
    "calibration_error",
    "completeness_at_purity",
    "completeness_in_bins",
    "curve",
    "position_errors",
    "purity_in_bins",
    "threshold_at_purity",
]

SEED = 2207_2021
"""Seed of the resamples, the same for all detectors."""

_CHUNK = 50


@dataclass(frozen=True, eq=False)
class Curve:
    """Purity and completeness of a catalogue as a function of the threshold.

    Attributes
    ----------
    threshold : ndarray of float64, shape (T,)
        Distinct scores, decreasing.
    count : ndarray of int64, shape (T,)
        Number of candidates with this score or more.
    purity : ndarray of float64, shape (T,)
        Fraction of these candidates that are real.
    completeness : ndarray of float64, shape (T,)
        Fraction of the findable clusters that these candidates match; NaN if no cluster is findable.
    """

    threshold: NDArray[np.float64]
    count: NDArray[np.int64]
    purity: NDArray[np.float64]
    completeness: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BinnedFraction:
    """Binomial fractions in bins, with 68 % intervals (Wilson 1927).

    Attributes
    ----------
    edges : ndarray of float64, shape (B + 1,)
        Edges of the bins.
    mean : ndarray of float64, shape (B,)
        Mean of the values in the bin; NaN if it is empty.
    hits, trials : ndarray of int64, shape (B,)
        Numbers of successes and of values.
    low, high : ndarray of float64, shape (B,)
        Limits of the interval of ``hits / trials``.
    """

    edges: NDArray[np.float64]
    mean: NDArray[np.float64]
    hits: NDArray[np.int64]
    trials: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def fraction(self) -> NDArray[np.float64]:
        """``hits / trials``; NaN without trials."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.hits / np.where(self.trials > 0, self.trials, np.nan))


class BlockWeights:
    """Random weights of the blocks of the sky, for the Bayesian bootstrap.

    Parameters
    ----------
    detectors
        Matches of all detectors.  Blocks without candidates and clusters are left out.
    resamples
        Number R of resamples.
    """

    def __init__(self, detectors: Iterable[TruthMatch], resamples: int = RESAMPLES) -> None:
        used = [blocks for one in detectors for blocks in (one.block, one.true_block)]
        self._blocks = np.unique(np.concatenate([np.empty(0, np.int64), *used]))
        self._weights = draw_weights(self._blocks.size, np.random.default_rng(SEED), resamples)

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self._weights)

    def known(self) -> bool:
        """Return whether there are enough blocks for intervals.

        Returns
        -------
        bool
            False for fewer than two blocks.
        """
        return bool(self._weights.size and np.isfinite(self._weights).all())

    def of(self, blocks: NDArray[np.int64], resamples: slice) -> NDArray[np.float64]:
        """Return the weights of candidates or clusters.

        Parameters
        ----------
        blocks : ndarray of int64, shape (N,)
            Their blocks.
        resamples
            Which resamples.

        Returns
        -------
        ndarray of float64, shape (R, N)
            Weights in these resamples.
        """
        return np.asarray(self._weights[resamples][:, np.searchsorted(self._blocks, blocks)])


def curve(matched: TruthMatch) -> Curve:
    """Compute purity and completeness as a function of the threshold.

    Parameters
    ----------
    matched
        Match of a detector.

    Returns
    -------
    Curve
        One point per distinct score.
    """
    order = np.argsort(-matched.score, kind="stable")
    score = matched.score[order]
    last = _last_of_equal(score)
    real = np.cumsum(matched.real[order])[last]
    count = last + 1
    found = np.sort(matched.found_score[matched.findable])
    above = found.size - np.searchsorted(found, score[last], side="left")
    completeness = above / found.size if found.size else np.full(last.size, np.nan)
    return Curve(score[last], count, real / count, completeness)


def threshold_at_purity(matched: TruthMatch, purity: float) -> float:
    """Return the lowest threshold with a minimum purity.

    Parameters
    ----------
    matched
        Match of a detector.
    purity
        Minimum purity, from 0 to 1.

    Returns
    -------
    float
        Score; infinity if no threshold has this purity.
    """
    scores = curve(matched)
    pure = np.flatnonzero(scores.purity >= purity)
    return float(scores.threshold[pure[-1]]) if pure.size else np.inf


def completeness_at_purity(
    matched: TruthMatch, purity: float, weights: BlockWeights | None = None
) -> Estimate:
    """Compute the completeness at the lowest threshold with a minimum purity.

    The completeness is 0 if no threshold has this purity.

    Parameters
    ----------
    matched
        Match of a detector.
    purity
        Minimum purity, from 0 to 1.
    weights
        Block weights of all detectors, for the interval.  Each resample has its own threshold.

    Returns
    -------
    Estimate
        Completeness, with samples that are NaN without weights.
    """
    threshold = threshold_at_purity(matched, purity)
    found = matched.found_score[matched.findable]
    value = float(np.mean(found >= threshold)) if found.size else np.nan
    if weights is None or not weights.known() or not found.size:
        return Estimate(value, np.full(RESAMPLES if weights is None else len(weights), np.nan))
    if not matched.score.size:
        return Estimate(0.0, np.zeros(len(weights)))
    order = np.argsort(-matched.score, kind="stable")
    score, real, block = matched.score[order], matched.real[order], matched.block[order]
    last = _last_of_equal(score)
    samples = []
    for first in range(0, len(weights), _CHUNK):
        rows = slice(first, first + _CHUNK)
        drawn = weights.of(block, rows)
        with np.errstate(invalid="ignore"):
            pure = (np.cumsum(drawn * real, axis=1) / np.cumsum(drawn, axis=1))[:, last] >= purity
        # Index of the last True: argmax of the reversed array
        lowest = pure.shape[1] - 1 - np.argmax(pure[:, ::-1], axis=1)
        limits = np.where(pure.any(axis=1), score[last][lowest], np.inf)
        share = weights.of(matched.true_block[matched.findable], rows)
        hit = found >= np.broadcast_to(limits, len(share))[:, None]
        samples.append((share * hit).sum(axis=1) / share.sum(axis=1))
    return Estimate(value, np.concatenate(samples))


def completeness_in_bins(
    matched: TruthMatch,
    by: Literal["redshift", "m500", "y500"],
    edges: ArrayLike,
    *,
    threshold: float = -np.inf,
    only_findable: bool = True,
) -> BinnedFraction:
    """Compute the completeness in bins of a property of the clusters.

    Parameters
    ----------
    matched
        Match of a detector.
    by
        Redshift, M500 in 1e14 solar masses, or Y500 in square arcminutes.
    edges : array_like, shape (B + 1,)
        Increasing edges of the bins, which include their lower edge.
    threshold
        Minimum score of candidates.
    only_findable
        Whether only findable clusters count, or all that make a candidate real.

    Returns
    -------
    BinnedFraction
        Completeness in each bin.
    """
    values = {"redshift": matched.redshift, "m500": matched.m500, "y500": matched.y500}[by]
    counts = matched.findable if only_findable else np.ones(values.size, bool)
    found = (matched.found_score >= threshold) & np.isfinite(matched.found_score)
    return _binned(values[counts], found[counts], edges)


def purity_in_bins(matched: TruthMatch, edges: ArrayLike) -> BinnedFraction:
    """Compute the purity in bins of the score.

    Parameters
    ----------
    matched
        Match of a detector.
    edges : array_like, shape (B + 1,)
        Increasing edges of the bins, which include their lower edge.

    Returns
    -------
    BinnedFraction
        Purity in each bin.
    """
    return _binned(matched.score, matched.real, edges)


def calibration(matched: TruthMatch, bins: int = 10) -> BinnedFraction | None:
    """Compute the purity in bins of equal width of a score from 0 to 1.

    For a calibrated score, ``fraction`` equals ``mean``.

    Parameters
    ----------
    matched
        Match of a detector.
    bins
        Number of bins.

    Returns
    -------
    BinnedFraction or None
        None for a score outside of 0 to 1, such as a signal to noise.
    """
    if matched.score.size and not (matched.score.min() >= 0 and matched.score.max() <= 1):
        return None
    edges = np.linspace(0, 1, bins + 1)
    # The last bin includes 1
    return purity_in_bins(matched, np.append(edges[:-1], np.nextafter(1.0, 2.0)))


def calibration_error(binned: BinnedFraction) -> float:
    """Compute the expected calibration error: the mean of ``|score - purity|`` over the candidates.

    Parameters
    ----------
    binned
        Purity of :func:`calibration`.

    Returns
    -------
    float
        Error from 0 to 1; NaN without candidates.
    """
    filled = binned.trials > 0
    error = np.abs(binned.mean[filled] - binned.fraction[filled])
    return float(np.average(error, weights=binned.trials[filled])) if filled.any() else np.nan


def position_errors(
    matched: TruthMatch,
    quantiles: Sequence[float],
    *,
    threshold: float = -np.inf,
    weights: BlockWeights | None = None,
) -> list[Estimate]:
    """Compute quantiles of the position errors of real candidates.

    Parameters
    ----------
    matched
        Match of a detector.
    quantiles
        Quantiles from 0 to 1, such as 0.5 for the median.
    threshold
        Minimum score of candidates.
    weights
        Block weights of all detectors, for intervals.

    Returns
    -------
    list of Estimate
        Separations in arcminutes, one per quantile.
    """
    counts = matched.real & (matched.score >= threshold)
    separation = np.sort(matched.separation[counts])
    block = matched.block[counts][np.argsort(matched.separation[counts], kind="stable")]
    if not separation.size:
        return [Estimate(np.nan, np.full(RESAMPLES, np.nan)) for _ in quantiles]
    values = np.quantile(separation, quantiles)
    if weights is None or not weights.known():
        return [Estimate(float(value), np.full(RESAMPLES, np.nan)) for value in values]
    samples = np.empty((len(quantiles), len(weights)))
    for first in range(0, len(weights), _CHUNK):
        rows = slice(first, first + _CHUNK)
        drawn = weights.of(block, rows)
        cumulative = (np.cumsum(drawn, axis=1) - drawn / 2) / drawn.sum(axis=1, keepdims=True)
        for number, probabilities in enumerate(cumulative, first):
            samples[:, number] = np.interp(quantiles, probabilities, separation)
    return [Estimate(float(value), sample) for value, sample in zip(values, samples, strict=True)]


def _last_of_equal(descending: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the last element of each distinct value."""
    if not descending.size:
        return np.empty(0, np.intp)
    return np.append(np.flatnonzero(np.diff(descending) != 0), descending.size - 1)


def _binned(values: NDArray[np.float64], hit: NDArray[np.bool_], edges: ArrayLike) -> BinnedFraction:
    limits = np.asarray(edges, np.float64)
    number = np.digitize(values, limits) - 1
    inside = (number >= 0) & (number < limits.size - 1) & np.isfinite(values)
    bins = limits.size - 1
    trials = np.bincount(number[inside], minlength=bins)
    hits = np.bincount(number[inside & hit], minlength=bins)
    total = np.bincount(number[inside], values[inside], minlength=bins)
    low, high = wilson_interval(hits, trials)
    with np.errstate(invalid="ignore"):
        mean = total / np.where(trials > 0, trials, np.nan)
    return BinnedFraction(limits, mean, hits, trials, low, high)
