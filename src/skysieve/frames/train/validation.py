"""Scores and default thresholds of a network for contaminants, from histograms of its logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.calibration import prior_shift
from skysieve.core.evaluation.scores import average_precision
from skysieve.frames.mask.classes import CLASS_NAMES

if TYPE_CHECKING:
    from skysieve.core.evaluation.calibration import Platt
    from skysieve.core.evaluation.histograms import ScoreHistograms, Tally

__all__ = ["average_precisions", "best_threshold"]


def average_precisions(histograms: ScoreHistograms) -> dict[str, float]:
    """Return the average precision of each class, and its mean over classes.

    Parameters
    ----------
    histograms
        Histograms of all classes.

    Returns
    -------
    dict
        ``AP <class>`` for each class, NaN for classes without pixels, and ``AP``, the mean over the other
        classes without the background.
    """
    values = {name: float(average_precision(histograms.tally(name))) for name in CLASS_NAMES}
    known = [value for name, value in values.items() if name != "BG" and np.isfinite(value)]
    mean = float(np.mean(known)) if known else float("nan")
    return {f"AP {name}": value for name, value in values.items()} | {"AP": mean}


def best_threshold(tally: Tally, line: Platt, *, prior: float, target: float) -> float:
    """Return the threshold that maximises F1 at the class prior of ordinary frames.

    Parameters
    ----------
    tally
        Counts of positive and negative pixels by logit.
    line
        Calibration of the logits.
    prior
        Fraction of the counted pixels in the class, the prior of the calibrated logits.
    target
        Fraction of the pixels of ordinary frames in the class.

    Returns
    -------
    float
        Threshold on the posterior at the prior `target`, clipped to [0.05, 0.95]: beyond these values it
        would depend on few pixels.
    """
    recall = tally.positives[::-1].cumsum()[::-1] / max(tally.positives.sum(), 1)
    false_positives = tally.negatives[::-1].cumsum()[::-1] / max(tally.negatives.sum(), 1)
    f1 = 2 * target * recall / (target * recall + (1 - target) * false_positives + target)
    odds = line.slope * tally.centres[int(np.argmax(f1))] + line.intercept
    shifted = odds + prior_shift(prior, target)
    return float(np.clip(1 / (1 + np.exp(-shifted)), 0.05, 0.95).round(3))
