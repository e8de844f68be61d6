"""Scores of logits against the truth of tiles, on the way and at the end of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.histograms import LIMIT, ScoreHistograms, count_pixels
from skysieve.core.evaluation.scores import average_precision
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.train.tiles import targets_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["add_logits", "average_precisions"]


def add_logits(histograms: ScoreHistograms, logits: Tensor, bits: Tensor) -> None:
    """Add tiles to histograms, as if each were a frame.

    Parameters
    ----------
    histograms
        Of all classes.
    logits
        ``(N, C, H, W)``.
    bits
        ``(N, H, W)`` int16, codes of classes.
    """
    targets, valid = targets_of(bits)
    odds = logits.float().clamp(-LIMIT, LIMIT).cpu().numpy()
    truth, counted = targets.bool().cpu().numpy(), valid.bool().cpu().numpy()
    for scores, classes, known in zip(odds, truth, counted[:, 0], strict=True):
        counts = {
            name: count_pixels(plane, belongs, decided=plane > 0, valid=known)
            for name, plane, belongs in zip(CLASS_NAMES, scores, classes, strict=True)
        }
        histograms.add(str(len(histograms.frames)), counts)


def average_precisions(histograms: ScoreHistograms) -> dict[str, float]:
    """Return the average precision of each class, and their mean without the background as ``AP``.

    Classes of which there are no pixels have none: NaN, and not in the mean.
    """
    values = {name: float(average_precision(histograms.tally(name))) for name in CLASS_NAMES}
    known = [value for name, value in values.items() if name != "BG" and np.isfinite(value)]
    mean = float(np.mean(known)) if known else float("nan")
    return {f"AP {name}": value for name, value in values.items()} | {"AP": mean}
