"""Class proportions of a frame, estimated from the network's own probabilities.

Expectation maximisation: given proportions, the mean of the probabilities they
lead to is a better estimate of them; repeat until nothing changes.  Each class
is taken against the rest, as the networks' outputs are.  Probabilities are held
as a histogram of log odds, so that a frame of any size needs little memory.

References
----------
Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21, section 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.contaminants.decide import prior_factors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ProbabilityHistogram", "estimate_priors"]

LARGEST_LOG_ODDS = 20.0
BINS = 4000
ITERATIONS = 500
TOLERANCE = 1e-4
LEAST_PRIOR = 1e-7


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
            values = plane[valid].astype(np.float64)
            with np.errstate(divide="ignore"):
                log_odds = np.log(values) - np.log1p(-values)
            position = (log_odds / LARGEST_LOG_ODDS + 1) * (BINS / 2)
            self.counts[index] += np.bincount(np.clip(position, 0, BINS - 1).astype(np.intp), minlength=BINS)


def estimate_priors(
    histogram: ProbabilityHistogram, training_priors: ArrayLike, start: ArrayLike
) -> NDArray[np.float64]:
    """Estimate the proportions of the classes.

    Parameters
    ----------
    histogram
        Probabilities at the training priors.
    training_priors
        ``(C,)`` proportions in the training set.
    start
        ``(C,)`` proportions to begin with.

    Returns
    -------
    ndarray
        ``(C,)`` float64, kept within [1e-7, 1 - 1e-7]; the start where there is no pixel.
    """
    centres = ((np.arange(BINS) + 0.5) / (BINS / 2) - 1) * LARGEST_LOG_ODDS
    odds = np.exp(centres)
    priors = np.array(start, np.float64)
    total = histogram.counts.sum(axis=1)
    if not total.all():
        return priors
    for _ in range(ITERATIONS):
        factors = prior_factors(training_priors, priors)[:, None]
        updated = (histogram.counts * (odds / (odds + factors))).sum(axis=1) / total
        updated = np.clip(updated, LEAST_PRIOR, 1 - LEAST_PRIOR)
        converged = np.all(np.abs(updated - priors) <= TOLERANCE * priors)
        priors = updated
        if converged:
            break
    return priors
