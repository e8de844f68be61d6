"""Class proportions of a frame, estimated from the probabilities of the network, within bounds.

The method is expectation maximisation: for given proportions, the mean of the resulting probabilities is a
better estimate of the proportions; this is repeated until convergence.  Each class is separate, as the
outputs of the networks are.  The probabilities are stored as a histogram of log odds, so that a frame of any
size needs little memory.

The method needs calibrated probabilities.  In frames that differ from the training frames, probabilities of a
class may be a little too high in all pixels; the estimate then increases until the class covers the frame.
Four rules prevent this:

- There is a beta prior around the default.  The estimate is the maximum of the posterior, not of the
  likelihood.
- There is a minimum and a maximum proportion, in terms of the odds of the default.
- If the estimate is above the default, most of the class must be in pixels with a high probability of it, not
  in many pixels with a low probability.
- The estimate must not change the fraction of the pixels above the threshold by a factor of several.

A class that exceeds its maximum or breaks one of the last two rules keeps its default.

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

MAX_LOG_ODDS = 20.0
BINS = 4000
ITERATIONS = 500
TOLERANCE = 1e-4

WEIGHT = 0.02
"""Weight of the beta prior, as a fraction of the number of pixels of the frame."""
MAX_ODDS_RATIO, MIN_ODDS_RATIO = 200.0, 0.05
"""Maximum and minimum odds of an estimate, in units of those of the default."""
MAX_PRIOR = 0.5
"""Maximum estimate of a class whose default is not larger."""
MAX_EXPECTED_ERROR = 0.25
"""Maximum expected fraction of wrong pixels of a class whose estimate is above the default."""
MAX_CHANGE = 4.0
"""Maximum factor by which the fraction of pixels above the threshold may change."""


class ProbabilityHistogram:
    """Histograms of the log odds of probabilities, one per class.

    Parameters
    ----------
    classes
        Number of classes.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, BINS), np.int64)

    def add(self, probabilities: NDArray[np.float32], nodata: NDArray[np.bool_]) -> None:
        """Add the probabilities of pixels that have data.

        Parameters
        ----------
        probabilities
            ``(C, H, W)`` float32.
        nodata
            ``(H, W)`` bool, True where there is no data.
        """
        valid = ~nodata
        for index, plane in enumerate(probabilities):
            position = _bin_index(plane[valid].astype(np.float64))
            self.counts[index] += np.bincount(position, minlength=BINS)

    def fractions_above(self, limits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the fraction of the pixels above a limit on the probability of each class.

        Parameters
        ----------
        limits
            ``(C,)`` float32.

        Returns
        -------
        ndarray
            ``(C,)`` float64.
        """
        first = _bin_index(limits.astype(np.float64))
        above = np.array([counts[start:].sum() for counts, start in zip(self.counts, first, strict=True)])
        fractions: NDArray[np.float64] = above / np.maximum(self.counts.sum(axis=1), 1)
        return fractions


class PriorEstimate(NamedTuple):
    """Estimated proportions of the classes.

    Attributes
    ----------
    priors
        ``(C,)`` float64.
    rejected
        ``(C,)`` bool, True for classes that keep their default because their estimate is unreliable.
    """

    priors: NDArray[np.float64]
    rejected: NDArray[np.bool_]


def estimate_priors(
    histogram: ProbabilityHistogram, training_priors: ArrayLike, defaults: ArrayLike, thresholds: ArrayLike
) -> PriorEstimate:
    """Estimate the proportions of the classes.

    Parameters
    ----------
    histogram
        Probabilities of the network, at the training priors.
    training_priors
        ``(C,)`` proportions in the training set.
    defaults
        ``(C,)`` default proportions.
    thresholds
        ``(C,)`` thresholds on probabilities after the change of priors.

    Returns
    -------
    PriorEstimate
        The defaults if the histogram is empty.
    """
    default = np.asarray(defaults, np.float64)
    total = histogram.counts.sum(axis=1)
    if not total.all():
        return PriorEstimate(default.copy(), np.zeros(default.shape, np.bool_))
    found = _maximum_posterior(histogram.counts / total[:, None], training_priors, default)
    odds = default / (1 - default)
    lowest = MIN_ODDS_RATIO * odds / (1 + MIN_ODDS_RATIO * odds)
    highest = MAX_ODDS_RATIO * odds / (1 + MAX_ODDS_RATIO * odds)
    highest = np.where(default > MAX_PRIOR, highest, np.minimum(highest, MAX_PRIOR))
    rejected = (found > highest) | (
        (found > default) & (_expected_error(histogram.counts, training_priors, found) > MAX_EXPECTED_ERROR)
    )
    found = np.where(rejected, default, np.maximum(found, lowest))
    before, after = (
        histogram.fractions_above(raw_thresholds(thresholds, training_priors, priors))
        for priors in (default, found)
    )
    rejected |= (after > MAX_CHANGE * before) | (before > MAX_CHANGE * after)
    return PriorEstimate(np.where(rejected, default, found), rejected)


def _bin_index(probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices of the bins of probabilities."""
    with np.errstate(divide="ignore"):
        log_odds = np.log(probabilities) - np.log1p(-probabilities)
    position = (log_odds / MAX_LOG_ODDS + 1) * (BINS / 2)
    return np.clip(position, 0, BINS - 1).astype(np.intp)


def _modified_probabilities(training_priors: ArrayLike, priors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each bin after the change of priors, ``(C, BINS)``."""
    centres = ((np.arange(BINS) + 0.5) / (BINS / 2) - 1) * MAX_LOG_ODDS
    odds = np.exp(centres)
    changed: NDArray[np.float64] = odds / (odds + prior_factors(training_priors, priors)[:, None])
    return changed


def _maximum_posterior(
    parts: NDArray[np.float64], training_priors: ArrayLike, default: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the proportions that maximise the posterior, from ``(C, BINS)`` normalised histograms."""
    priors = default.copy()
    for _ in range(ITERATIONS):
        mean = (parts * _modified_probabilities(training_priors, priors)).sum(axis=1)
        updated = (mean + WEIGHT * default) / (1 + WEIGHT)
        converged = np.all(np.abs(updated - priors) <= TOLERANCE * priors)
        priors = updated
        if converged:
            break
    return priors


def _expected_error(
    counts: NDArray[np.int64], training_priors: ArrayLike, priors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected fraction of wrong pixels among those of each class, ``(C,)``."""
    probability = _modified_probabilities(training_priors, priors)
    expected = (counts * probability).sum(axis=1)
    wrong = (counts * probability * (1 - probability)).sum(axis=1)
    fraction: NDArray[np.float64] = wrong / np.maximum(expected, 1e-300)
    return fraction
