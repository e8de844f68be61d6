"""Thresholds on the posteriors, for the priors of ordinary frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.calibration import prior_shift

if TYPE_CHECKING:
    from skysieve.core.evaluation.calibration import Platt
    from skysieve.core.evaluation.histograms import Tally

__all__ = ["best_threshold"]


def best_threshold(tally: Tally, line: Platt, *, prior: float, target: float) -> float:
    """Return the threshold of highest F1, were the class as common as in ordinary frames.

    Parameters
    ----------
    tally
        Pixels by their logits.
    line
        Calibration of these.
    prior
        Part of the counted pixels in the class, for which calibrated logits hold.
    target
        Part of the pixels of ordinary frames.

    Returns
    -------
    float
        On the posterior at the prior ``target``, between 0.05 and 0.95: beyond these it hangs on few pixels.
    """
    found = tally.positives[::-1].cumsum()[::-1] / max(tally.positives.sum(), 1)
    false = tally.negatives[::-1].cumsum()[::-1] / max(tally.negatives.sum(), 1)
    f1 = 2 * target * found / (target * found + (1 - target) * false + target)
    odds = line.slope * tally.centres[int(np.argmax(f1))] + line.intercept
    moved = odds + prior_shift(prior, target)
    return float(np.clip(1 / (1 + np.exp(-moved)), 0.05, 0.95).round(3))
