"""Class proportions of a frame, estimated from the network's own probabilities, within bounds.

Expectation maximisation: given proportions, the mean of the probabilities they lead to is a better estimate
of them; repeat until nothing changes.  Each class is taken against the rest, as the networks' outputs are.
Probabilities are held as a histogram of log odds, so that a frame of any size needs little memory.

That is right for calibrated probabilities only.  On frames unlike the training frames, those of a class may
be a little too high in all pixels; the estimate then grows until the class covers the frame.  Four bounds
hold it:

- a beta prior about the default: the maximum of the posterior, not of the likelihood;
- a least and a highest proportion, by the odds of the default;
- a class whose estimate lies above its default must be decided: most of it must come from pixels that are
  probably of the class, not from many pixels that hardly are;
- its part of the frame, as decided, must not become several times larger or smaller by the estimate alone.

A class that fails one of the last three keeps its default.

References
----------
Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21, section 2.2; the maximum of the posterior by
expectation maximisation: Dempster, Laird & Rubin 1977, J. R. Stat. Soc. B 39, 1, section 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.frames.mask.decide import prior_factors, raw_thresholds

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PriorEstimate", "ProbabilityHistogram", "estimate_priors"]

LARGEST_LOG_ODDS = 20.0
BINS = 4000
ITERATIONS = 500
TOLERANCE = 1e-4

WEIGHT = 0.02
"""Weight of the beta prior, in units of the pixels of the frame."""
LARGEST_FACTOR, SMALLEST_FACTOR = 200.0, 0.05
"""Odds that an estimate may have, in units of those of the default."""
MOST = 0.5
"""No estimate of a class that covers less of an ordinary frame is higher."""
UNDECIDED = 0.25
"""Most that may be expected to be wrong among the pixels that an estimate above the default rests on."""
MOST_CHANGE = 4.0
"""Factor by which the part of the frame that is decided for a class may change."""


class ProbabilityHistogram:
    """Counts of log odds, one histogram a class.

    Parameters
    ----------
    classes
        Number of classes.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, BINS), np.int64)

    def add(self, probabilities: NDArray[np.float32], nodata: NDArray[np.bool_]) -> None:
        """Count ``(C, H, W)`` probabilities of the pixels that have data (``(H, W)`` nodata is False)."""
        valid = ~nodata
        for index, plane in enumerate(probabilities):
            position = _position(plane[valid].astype(np.float64))
            self.counts[index] += np.bincount(position, minlength=BINS)

    def shares(self, limits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``(C,)``, the part of the pixels above a limit on the probability of each class."""
        first = _position(limits.astype(np.float64))
        above = np.array([counts[start:].sum() for counts, start in zip(self.counts, first, strict=True)])
        shares: NDArray[np.float64] = above / np.maximum(self.counts.sum(axis=1), 1)
        return shares


class PriorEstimate(NamedTuple):
    """Estimated proportions of the classes.

    Attributes
    ----------
    priors
        ``(C,)`` float64.
    refused
        ``(C,)`` bool, True for classes that keep their default because their estimate cannot be trusted.
    """

    priors: NDArray[np.float64]
    refused: NDArray[np.bool_]


def estimate_priors(
    histogram: ProbabilityHistogram, training_priors: ArrayLike, defaults: ArrayLike, thresholds: ArrayLike
) -> PriorEstimate:
    """Estimate the proportions of the classes.

    Parameters
    ----------
    histogram
        Probabilities at the training priors.
    training_priors
        ``(C,)`` proportions in the training set.
    defaults
        ``(C,)`` proportions in an ordinary frame.
    thresholds
        ``(C,)`` probabilities, after the change of priors, above which pixels are of the class.

    Returns
    -------
    PriorEstimate
        The defaults where there is no pixel.
    """
    default = np.asarray(defaults, np.float64)
    total = histogram.counts.sum(axis=1)
    if not total.all():
        return PriorEstimate(default.copy(), np.zeros(default.shape, np.bool_))
    found = _most_probable(histogram.counts / total[:, None], training_priors, default)
    odds = default / (1 - default)
    least = SMALLEST_FACTOR * odds / (1 + SMALLEST_FACTOR * odds)
    most = LARGEST_FACTOR * odds / (1 + LARGEST_FACTOR * odds)
    most = np.where(default > MOST, most, np.minimum(most, MOST))
    refused = (found > most) | (
        (found > default) & (_expected_wrong(histogram.counts, training_priors, found) > UNDECIDED)
    )
    found = np.where(refused, default, np.maximum(found, least))
    before, after = (
        histogram.shares(raw_thresholds(thresholds, training_priors, priors)) for priors in (default, found)
    )
    refused |= (after > MOST_CHANGE * before) | (before > MOST_CHANGE * after)
    return PriorEstimate(np.where(refused, default, found), refused)


def _position(probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the bins of probabilities."""
    with np.errstate(divide="ignore"):
        log_odds = np.log(probabilities) - np.log1p(-probabilities)
    position = (log_odds / LARGEST_LOG_ODDS + 1) * (BINS / 2)
    return np.clip(position, 0, BINS - 1).astype(np.intp)


def _changed(training_priors: ArrayLike, priors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(C, BINS)``, the probability of each bin after the change of priors."""
    centres = ((np.arange(BINS) + 0.5) / (BINS / 2) - 1) * LARGEST_LOG_ODDS
    odds = np.exp(centres)
    changed: NDArray[np.float64] = odds / (odds + prior_factors(training_priors, priors)[:, None])
    return changed


def _most_probable(
    parts: NDArray[np.float64], training_priors: ArrayLike, default: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the proportions of the highest posterior, from ``(C, BINS)`` parts of the pixels."""
    priors = default.copy()
    for _ in range(ITERATIONS):
        mean = (parts * _changed(training_priors, priors)).sum(axis=1)
        updated = (mean + WEIGHT * default) / (1 + WEIGHT)
        converged = np.all(np.abs(updated - priors) <= TOLERANCE * priors)
        priors = updated
        if converged:
            break
    return priors


def _expected_wrong(
    counts: NDArray[np.int64], training_priors: ArrayLike, priors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``(C,)``, which part of the expected pixels of each class is wrong by its probabilities."""
    probability = _changed(training_priors, priors)
    expected = (counts * probability).sum(axis=1)
    wrong = (counts * probability * (1 - probability)).sum(axis=1)
    share: NDArray[np.float64] = wrong / np.maximum(expected, 1e-300)
    return share
