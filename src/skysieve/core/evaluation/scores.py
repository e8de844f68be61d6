"""Measures of a detector, computed from histograms of its scores for pixels in a class and outside it.

Between two bins, and so within ties, the ROC curve is a straight line (Fawcett 2006, section 5), which is the
expected result if ties are broken at random.  The precision-recall curve follows from the same line (Davis &
Goadrich 2006, section 4).  A measure is NaN if no pixel belongs to the class, or all do.

References
----------
Fawcett 2006, Pattern Recognition Letters 27, 861; Davis & Goadrich 2006, ICML 23, 233.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skysieve.core.evaluation.histograms import Tally

__all__ = [
    "MEASURES",
    "Measure",
    "average_precision",
    "f1",
    "iou",
    "precision_at_recall",
    "precision_recall_curve",
    "roc_auc",
    "roc_curve",
    "tpr_at_fpr",
]


@dataclass(frozen=True)
class Measure:
    """One measure of quality.

    Attributes
    ----------
    name
        Name of the column in tables.
    title
        Title in reports.
    compute
        Function from a tally with leading axes ``...`` to ``(...)`` float64.
    higher_is_better
        False for errors.
    """

    name: str
    title: str
    compute: Callable[[Tally], NDArray[np.float64]]
    higher_is_better: bool = True


def roc_auc(tally: Tally) -> NDArray[np.float64]:
    """Return the area under the ROC curve.

    It is the probability that a pixel of the class has a higher score than a pixel outside it.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.

    Returns
    -------
    ndarray
        ``(...)`` float64.

    References
    ----------
    Hanley & McNeil 1982, Radiology 143, 29, equation 1: ties count one half.
    """
    above = _falling(tally.positives) - tally.positives[..., ::-1] / 2
    return _ratio(
        (tally.negatives[..., ::-1] * above).sum(axis=-1), _total(tally.positives), _total(tally.negatives)
    )


def average_precision(tally: Tally) -> NDArray[np.float64]:
    """Return the average precision, ``Σ (R_n - R_(n-1)) P_n`` over decreasing thresholds.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.

    Returns
    -------
    ndarray
        ``(...)`` float64.

    References
    ----------
    Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, section 8.4; as in
    ``sklearn.metrics.average_precision_score``.
    """
    true, false = _falling(tally.positives), _falling(tally.negatives)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true > 0)
    return _ratio((tally.positives[..., ::-1] * precision).sum(axis=-1), _total(tally.positives))


def tpr_at_fpr(tally: Tally, rate: float) -> NDArray[np.float64]:
    """Return the true-positive rate at a false-positive rate.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.
    rate
        False-positive rate.

    Returns
    -------
    ndarray
        ``(...)`` float64.
    """
    true, false = _falling(tally.positives), _falling(tally.negatives)
    wanted = rate * _total(tally.negatives)
    found = _on_the_line(false, true, wanted)
    return _ratio(np.where(wanted > 0, found, np.nan), _total(tally.positives))


def precision_at_recall(tally: Tally, recall: float) -> NDArray[np.float64]:
    """Return the precision at a recall.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.
    recall
        Fraction of the class's pixels that is found.

    Returns
    -------
    ndarray
        ``(...)`` float64.
    """
    true, false = _falling(tally.positives), _falling(tally.negatives)
    wanted = recall * _total(tally.positives)
    found = _on_the_line(true, false, wanted)
    return _ratio(np.where(wanted > 0, wanted, np.nan), wanted + found)


def f1(tally: Tally) -> NDArray[np.float64]:
    """Return F1, ``2 TP / (2 TP + FP + FN)``, at the detector's own threshold.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.

    Returns
    -------
    ndarray
        ``(...)`` float64.

    References
    ----------
    van Rijsbergen 1979, Information Retrieval, chapter 7.
    """
    return _ratio(2 * tally.hits, tally.hits + tally.false_alarms + _known(tally.positives))


def iou(tally: Tally) -> NDArray[np.float64]:
    """Return the intersection over union, ``TP / (TP + FP + FN)``, at the detector's own threshold.

    Parameters
    ----------
    tally
        Counts ``(..., B)``.

    Returns
    -------
    ndarray
        ``(...)`` float64.

    References
    ----------
    Jaccard 1912, New Phytologist 11, 37.
    """
    return _ratio(tally.hits, tally.false_alarms + _known(tally.positives))


MEASURES: tuple[Measure, ...] = (
    Measure("auc", "ROC AUC", roc_auc),
    Measure("ap", "average precision", average_precision),
    Measure("tpr_1e-2", "TPR at FPR 1e-2", partial(tpr_at_fpr, rate=1e-2)),
    Measure("tpr_1e-3", "TPR at FPR 1e-3", partial(tpr_at_fpr, rate=1e-3)),
    Measure("tpr_1e-4", "TPR at FPR 1e-4", partial(tpr_at_fpr, rate=1e-4)),
    Measure("p_at_r95", "precision at 95 % recall", partial(precision_at_recall, recall=0.95)),
    Measure("f1", "F1", f1),
    Measure("iou", "IoU", iou),
)
"""All measures of a report; F1 and IoU are at the default threshold."""


def roc_curve(tally: Tally) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ROC curve, from (0, 0) to (1, 1).

    Parameters
    ----------
    tally
        Counts ``(B,)``.

    Returns
    -------
    false_positive_rate, true_positive_rate
        ``(B + 1,)`` float64.
    """
    rates = [_falling(counts) / max(counts.sum(), 1) for counts in (tally.negatives, tally.positives)]
    return np.concatenate(([0.0], rates[0])), np.concatenate(([0.0], rates[1]))


def precision_recall_curve(tally: Tally) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the precision-recall curve in order of decreasing threshold.

    Parameters
    ----------
    tally
        Counts ``(B,)``.

    Returns
    -------
    recall, precision
        At most ``(B,)`` float64; thresholds without a true positive are left out.
    """
    true, false = _falling(tally.positives), _falling(tally.negatives)
    found = true > 0
    return true[found] / max(tally.positives.sum(), 1), true[found] / (true + false)[found]


def _falling(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of scores at or above each bin, from the highest bin down."""
    found: NDArray[np.float64] = np.cumsum(counts[..., ::-1], axis=-1)
    return found


def _total(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.asarray(counts.sum(axis=-1))
    return total


def _known(positives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of positives; NaN instead of 0, so that measures without positives are NaN."""
    total = _total(positives)
    return np.where(total > 0, total, np.nan)


def _ratio(
    value: NDArray[np.float64], divisor: NDArray[np.float64], other: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    divisor = np.asarray(divisor * other, np.float64)
    value = np.broadcast_to(np.asarray(value, np.float64), divisor.shape)
    found: NDArray[np.float64] = np.divide(
        value, divisor, out=np.full(divisor.shape, np.nan), where=divisor > 0
    )
    return found


def _on_the_line(
    x: NDArray[np.float64], y: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return y ``(...)`` at a value of x on the polyline from (0, 0) through points ``(..., B)``."""
    if x.shape[-1] == 0:
        return np.full(x.shape[:-1], np.nan)
    last = np.minimum((x < wanted[..., None]).sum(axis=-1), x.shape[-1] - 1)[..., None]
    first = np.maximum(last - 1, 0)
    start_x, start_y = (np.where(last > 0, np.take_along_axis(a, first, -1), 0.0)[..., 0] for a in (x, y))
    end_x, end_y = (np.take_along_axis(a, last, -1)[..., 0] for a in (x, y))
    step = end_x - start_x
    part = np.divide(wanted - start_x, step, out=np.ones_like(step), where=step > 0)
    found: NDArray[np.float64] = start_y + np.clip(part, 0, 1) * (end_y - start_y)
    return found
