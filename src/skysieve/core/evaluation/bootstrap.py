"""How sure a score is: the bootstrap over frames.

Pixels of a frame are no independent draws, since they share its sky, its PSF and its contaminants; frames
are.  Each resample gives every frame a random weight, exponentially distributed (Rubin 1981, the Bayesian
bootstrap): intervals are those of frames drawn with replacement, but for a factor ``sqrt(F / (F + 1))``, and
no resample loses a rare class, as it would if all frames with it went undrawn.

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
"""Quantiles of the interval that holds 68 %."""

_AT_ONCE = 250
"""Resamples computed together: their histograms are to stay small beside the frames."""


@dataclass(frozen=True)
class Estimate:
    """A value, and what it is in each resample of the frames.

    Attributes
    ----------
    value
        Over all frames as they are.
    samples
        ``(R,)`` float64.
    """

    value: float
    samples: NDArray[np.float64]

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 68 % interval; NaN if there is none, as for a single frame."""
        if not np.isfinite(self.samples).all():
            return float("nan"), float("nan")
        low, high = np.quantile(self.samples, (LOW, HIGH))
        return float(low), float(high)

    @property
    def sign(self) -> int:
        """1 or -1 if the whole interval lies above or below zero, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


def draw_weights(frames: int, rng: Generator, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return weights ``(R, F)`` of frames, of mean 1 in each resample.

    They are NaN if there are fewer than two frames: nothing is known of others then.
    All that is compared must use the same weights.
    """
    if frames < 2:
        return np.full((resamples, frames), np.nan)
    return rng.dirichlet(np.ones(frames), resamples) * frames


def estimate_class(
    histograms: ScoreHistograms, name: str, measures: Sequence[Measure], weights: NDArray[np.float64]
) -> dict[str, Estimate]:
    """Return scores of one class, by the name of the measure.

    Parameters
    ----------
    histograms
        Of one detector over F frames.
    name
        The class.
    measures
        What to compute.
    weights
        ``(R, F)``, of :func:`draw_weights`.
    """
    whole = histograms.tally(name)
    samples: dict[str, list[NDArray[np.float64]]] = {measure.name: [] for measure in measures}
    known = bool(np.isfinite(weights).all())
    for first in range(0, len(weights) if known else 0, _AT_ONCE):
        tally = histograms.tally(name, weights[first : first + _AT_ONCE])
        for measure in measures:
            samples[measure.name].append(measure.compute(tally))
    nothing = np.full(len(weights), np.nan)
    return {
        measure.name: Estimate(
            float(measure.compute(whole)), np.concatenate(samples[measure.name]) if known else nothing
        )
        for measure in measures
    }


def macro_mean(estimates: Mapping[str, Estimate]) -> Estimate:
    """Return the mean over classes, of those whose value is known."""
    known = [estimate for estimate in estimates.values() if np.isfinite(estimate.value)]
    if not known:
        size = len(next(iter(estimates.values())).samples) if estimates else 0
        return Estimate(float("nan"), np.full(size, np.nan))
    return Estimate(
        float(np.mean([estimate.value for estimate in known])),
        np.mean([estimate.samples for estimate in known], axis=0),
    )


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the paired difference of two estimates made with the same weights."""
    return Estimate(first.value - second.value, first.samples - second.samples)
