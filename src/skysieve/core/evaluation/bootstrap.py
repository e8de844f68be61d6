"""Uncertainties of scores by a Bayesian bootstrap over frames.

Pixels of a frame are not independent, since they share its sky, its PSF and its contaminants; frames are.
Each resample gives every frame a random weight with an exponential distribution (Rubin 1981, the Bayesian
bootstrap).  The intervals equal those of frames drawn with replacement, except for a factor
``sqrt(F / (F + 1))``.  No resample loses a rare class, which happens with replacement if no frame with the
class is drawn.

References
----------
Rubin 1981, Annals of Statistics 9, 130; Efron 1979, Annals of Statistics 7, 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.core.evaluation.histograms import ScoreHistograms
    from skysieve.core.evaluation.scores import Measure

__all__ = ["RESAMPLES", "Estimate", "difference", "draw_weights", "estimate_class", "macro_mean"]

RESAMPLES = 1000
LOW, HIGH = 0.1587, 0.8413
"""Quantiles at the ends of the 68 % interval."""

_AT_ONCE = 250
"""Resamples computed together; it limits the memory of their histograms."""


@dataclass(frozen=True)
class Estimate:
    """A value and its resamples.

    Attributes
    ----------
    value
        Value over all frames, each with weight 1.
    samples
        ``(R,)`` float64, the value in each resample of the frames.
    """

    value: float
    samples: NDArray[np.float64]

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 68 % interval; NaN if there is none, for example for a single frame."""
        if not np.isfinite(self.samples).all():
            return float("nan"), float("nan")
        low, high = np.quantile(self.samples, (LOW, HIGH))
        return float(low), float(high)

    @property
    def sign(self) -> int:
        """1 or -1 if the whole interval is above or below zero, otherwise 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


def draw_weights(frames: int, rng: Generator, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Draw the weights of frames in each resample.

    Detectors that are compared must use the same weights.

    Parameters
    ----------
    frames
        Number of frames F.
    rng
        Random generator.
    resamples
        Number of resamples R.

    Returns
    -------
    ndarray
        ``(R, F)`` float64, of mean 1 in each resample. NaN if there are fewer than two frames, which give no
        spread.
    """
    if frames < 2:
        return np.full((resamples, frames), np.nan)
    return rng.dirichlet(np.ones(frames), resamples) * frames


def estimate_class(
    histograms: ScoreHistograms, name: str, measures: Sequence[Measure], weights: NDArray[np.float64]
) -> dict[str, Estimate]:
    """Compute the scores of one class with their resamples.

    Parameters
    ----------
    histograms
        Histograms of one detector over F frames.
    name
        Name of the class.
    measures
        Scores to compute.
    weights
        ``(R, F)`` weights of :func:`draw_weights`.

    Returns
    -------
    dict
        Estimates by name of the measure.
    """
    whole = histograms.tally(name)
    samples: dict[str, list[NDArray[np.float64]]] = {measure.name: [] for measure in measures}
    known = bool(np.isfinite(weights).all())
    for first in range(0, len(weights) if known else 0, _AT_ONCE):
        tally = histograms.tally(name, weights[first : first + _AT_ONCE])
        for measure in measures:
            samples[measure.name].append(measure.compute(tally))
    unknown = np.full(len(weights), np.nan)
    return {
        measure.name: Estimate(
            float(measure.compute(whole)), np.concatenate(samples[measure.name]) if known else unknown
        )
        for measure in measures
    }


def macro_mean(estimates: Mapping[str, Estimate]) -> Estimate:
    """Return the mean over the classes with a finite value.

    Parameters
    ----------
    estimates
        Estimates by class, with the same weights.

    Returns
    -------
    Estimate
        NaN if no class has a finite value.
    """
    known = [estimate for estimate in estimates.values() if np.isfinite(estimate.value)]
    if not known:
        size = len(next(iter(estimates.values())).samples) if estimates else 0
        return Estimate(float("nan"), np.full(size, np.nan))
    return Estimate(
        float(np.mean([estimate.value for estimate in known])),
        np.mean([estimate.samples for estimate in known], axis=0),
    )


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the paired difference of two estimates.

    Parameters
    ----------
    first, second
        Estimates with the same weights.

    Returns
    -------
    Estimate
        First minus second.
    """
    return Estimate(first.value - second.value, first.samples - second.samples)
