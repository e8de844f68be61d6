"""Scores of logits on frames with truth, for validation during training and for the card of a model."""

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
    """Add the logits of tiles to histograms; each tile counts as a frame.

    Parameters
    ----------
    histograms
        Histograms of all classes, changed in place.
    logits
        ``(N, C, H, W)``.
    bits
        ``(N, H, W)`` int16, codes of the classes, and of NODATA.
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
