"""Scores of catalogues against true clusters: completeness, purity, position errors, calibration.

All are pure functions of what :func:`skysieve.clusters.evaluate.sky.judge` says.  Intervals of what is
counted are Wilson's; those of scores that are compared come from resamples of blocks of the sky, the same for
all detectors, since clusters and dust of a neighbourhood are no independent draws.
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

    from skysieve.clusters.evaluate.sky import Judged

__all__ = [
    "BlockWeights",
    "Counted",
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
"""Of the resamples: the same for all that is compared."""

_AT_ONCE = 50


@dataclass(frozen=True, eq=False)
class Curve:
    """What a catalogue is worth above each of its scores, the highest first: arrays ``(T,)``.

    Attributes
    ----------
    threshold
        The scores.
    count
        Candidates with this score or more.
    purity
        Part of these that are real.
    completeness
        Part of the findable clusters that are among them; NaN if nothing is findable.
    """

    threshold: NDArray[np.float64]
    count: NDArray[np.int64]
    purity: NDArray[np.float64]
    completeness: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counted:
    """Parts of what is in bins, with 68 % intervals (Wilson 1927): arrays ``(B,)``.

    Attributes
    ----------
    edges
        ``(B + 1,)``.
    middle
        Mean of what is in the bin; NaN if it is empty.
    hits, trials
        Counts.
    low, high
        Ends of the interval of ``hits / trials``.
    """

    edges: NDArray[np.float64]
    middle: NDArray[np.float64]
    hits: NDArray[np.int64]
    trials: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def part(self) -> NDArray[np.float64]:
        """Hits in trials; NaN without trials."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.hits / np.where(self.trials > 0, self.trials, np.nan))


class BlockWeights:
    """Random weights of the blocks of all that is compared.

    Parameters
    ----------
    detectors
        All of them: blocks with nothing in them for any weigh nothing.
    resamples
        How many.
    """

    def __init__(self, detectors: Iterable[Judged], resamples: int = RESAMPLES) -> None:
        seen = [blocks for one in detectors for blocks in (one.block, one.true_block)]
        self._blocks = np.unique(np.concatenate([np.empty(0, np.int64), *seen]))
        self._weights = draw_weights(self._blocks.size, np.random.default_rng(SEED), resamples)

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self._weights)

    def known(self) -> bool:
        """Tell whether there are blocks enough to say how sure anything is."""
        return bool(self._weights.size and np.isfinite(self._weights).all())

    def of(self, blocks: NDArray[np.int64], resamples: slice) -> NDArray[np.float64]:
        """Return weights ``(R, N)`` of what is in these blocks ``(N,)``."""
        return np.asarray(self._weights[resamples][:, np.searchsorted(self._blocks, blocks)])


def curve(judged: Judged) -> Curve:
    """Return purity and completeness above every score."""
    order = np.argsort(-judged.score, kind="stable")
    score = judged.score[order]
    last = _last_of_equal(score)
    real = np.cumsum(judged.real[order])[last]
    count = last + 1
    found = np.sort(judged.found_score[judged.findable])
    above = found.size - np.searchsorted(found, score[last], side="left")
    part = above / found.size if found.size else np.full(last.size, np.nan)
    return Curve(score[last], count, real / count, part)


def threshold_at_purity(judged: Judged, purity: float) -> float:
    """Return the lowest score above which candidates are as pure as asked; infinity if there is none."""
    scores = curve(judged)
    pure = np.flatnonzero(scores.purity >= purity)
    return float(scores.threshold[pure[-1]]) if pure.size else np.inf


def completeness_at_purity(judged: Judged, purity: float, weights: BlockWeights | None = None) -> Estimate:
    """Return the part of the findable clusters that is found where candidates are as pure as asked.

    That is at the lowest score above which they are; nothing is found if there is none.

    Parameters
    ----------
    judged
        Of a detector.
    purity
        From 0 to 1.
    weights
        Of all detectors, for the interval; each resample finds its own threshold.
    """
    threshold = threshold_at_purity(judged, purity)
    found = judged.found_score[judged.findable]
    value = float(np.mean(found >= threshold)) if found.size else np.nan
    if weights is None or not weights.known() or not found.size:
        return Estimate(value, np.full(RESAMPLES if weights is None else len(weights), np.nan))
    if not judged.score.size:
        return Estimate(0.0, np.zeros(len(weights)))
    order = np.argsort(-judged.score, kind="stable")
    score, real, block = judged.score[order], judged.real[order], judged.block[order]
    last = _last_of_equal(score)
    samples = []
    for first in range(0, len(weights), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        drawn = weights.of(block, rows)
        with np.errstate(invalid="ignore"):
            pure = (np.cumsum(drawn * real, axis=1) / np.cumsum(drawn, axis=1))[:, last] >= purity
        # Of the pure ones the last: the first from behind
        lowest = pure.shape[1] - 1 - np.argmax(pure[:, ::-1], axis=1)
        limits = np.where(pure.any(axis=1), score[last][lowest], np.inf)
        share = weights.of(judged.true_block[judged.findable], rows)
        hit = found >= np.broadcast_to(limits, len(share))[:, None]
        samples.append((share * hit).sum(axis=1) / share.sum(axis=1))
    return Estimate(value, np.concatenate(samples))


def completeness_in_bins(
    judged: Judged,
    by: Literal["redshift", "m500", "y500"],
    edges: ArrayLike,
    *,
    threshold: float = -np.inf,
    only_findable: bool = True,
) -> Counted:
    """Return the part of true clusters that is found, in bins of what they are.

    Parameters
    ----------
    judged
        Of a detector.
    by
        Redshift, mass in 1e14 solar masses, or Y500 in square arcminutes.
    edges
        Of the bins, rising; each holds its lower edge.
    threshold
        Only candidates of this score or more.
    only_findable
        Whether only findable clusters count, or all real ones.
    """
    values = {"redshift": judged.redshift, "m500": judged.m500, "y500": judged.y500}[by]
    counts = judged.findable if only_findable else np.ones(values.size, bool)
    found = (judged.found_score >= threshold) & np.isfinite(judged.found_score)
    return _counted(values[counts], found[counts], edges)


def purity_in_bins(judged: Judged, edges: ArrayLike) -> Counted:
    """Return the part of candidates that is real, in bins of their score."""
    return _counted(judged.score, judged.real, edges)


def calibration(judged: Judged, bins: int = 10) -> Counted | None:
    """Return the part of candidates that is real in bins of equal width of a score from 0 to 1.

    A score that is the purity lies on the diagonal of ``middle`` and ``part``.  None for a score that goes
    beyond, such as a signal to noise.
    """
    if judged.score.size and not (judged.score.min() >= 0 and judged.score.max() <= 1):
        return None
    edges = np.linspace(0, 1, bins + 1)
    # What is 1 belongs to the last
    return purity_in_bins(judged, np.append(edges[:-1], np.nextafter(1.0, 2.0)))


def calibration_error(counted: Counted) -> float:
    """Return how far score and purity are apart on average, over the candidates; NaN without any."""
    there = counted.trials > 0
    apart = np.abs(counted.middle[there] - counted.part[there])
    return float(np.average(apart, weights=counted.trials[there])) if there.any() else np.nan


def position_errors(
    judged: Judged,
    quantiles: Sequence[float],
    *,
    threshold: float = -np.inf,
    weights: BlockWeights | None = None,
) -> list[Estimate]:
    """Return quantiles of how far real candidates are from their clusters, in arcminutes.

    Parameters
    ----------
    judged
        Of a detector.
    quantiles
        From 0 to 1, as 0.5 for the median.
    threshold
        Only candidates of this score or more.
    weights
        Of all detectors, for intervals.
    """
    counts = judged.real & (judged.score >= threshold)
    apart = np.sort(judged.separation[counts])
    block = judged.block[counts][np.argsort(judged.separation[counts], kind="stable")]
    if not apart.size:
        return [Estimate(np.nan, np.full(RESAMPLES, np.nan)) for _ in quantiles]
    values = np.quantile(apart, quantiles)
    if weights is None or not weights.known():
        return [Estimate(float(value), np.full(RESAMPLES, np.nan)) for value in values]
    samples = np.empty((len(quantiles), len(weights)))
    for first in range(0, len(weights), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        drawn = weights.of(block, rows)
        share = (np.cumsum(drawn, axis=1) - drawn / 2) / drawn.sum(axis=1, keepdims=True)
        for number, places in enumerate(share, first):
            samples[:, number] = np.interp(quantiles, places, apart)
    return [Estimate(float(value), sample) for value, sample in zip(values, samples, strict=True)]


def _last_of_equal(descending: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the last place of each value."""
    if not descending.size:
        return np.empty(0, np.intp)
    return np.append(np.flatnonzero(np.diff(descending) != 0), descending.size - 1)


def _counted(values: NDArray[np.float64], hit: NDArray[np.bool_], edges: ArrayLike) -> Counted:
    limits = np.asarray(edges, np.float64)
    number = np.digitize(values, limits) - 1
    inside = (number >= 0) & (number < limits.size - 1) & np.isfinite(values)
    bins = limits.size - 1
    trials = np.bincount(number[inside], minlength=bins)
    hits = np.bincount(number[inside & hit], minlength=bins)
    total = np.bincount(number[inside], values[inside], minlength=bins)
    low, high = wilson_interval(hits, trials)
    with np.errstate(invalid="ignore"):
        middle = total / np.where(trials > 0, trials, np.nan)
    return Counted(limits, middle, hits, trials, low, high)
