"""Average precision of instances: by the published protocol, and pooled over images.

Published protocol: the average precision of each image, averaged over the images.  An image without a ghost
of the class counts as zero, whatever is detected in it.  So a class cannot score more than the fraction of
images with that class: its ceiling, which must be reported with the score.  The study first removed
detections with a score below 0.8, which truncates the curves.

Pooled: detections of all images are ranked together, as in COCO, without a minimum score.

In both, a detection is a true positive if it overlaps a true ghost of its class with an intersection over
union of at least a threshold, and no stronger detection matched that ghost.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580, section 5.2.
Everingham et al. 2010, IJCV 88, 303, section 4.2, and its kit of 2012: all points of the envelope.
Lin et al. 2014, ECCV, 740: COCO, whose evaluation takes precision at 101 recalls, 100 detections an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.overlaps import ALL, correct_detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.overlaps import Overlaps

__all__ = [
    "IOU_THRESHOLDS",
    "PUBLISHED_CUT",
    "Curve",
    "PublishedPrecision",
    "image_precision",
    "pooled_curve",
    "pooled_precision",
    "published_curve",
    "published_precision",
]

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(9))
"""Thresholds of the published table: 0.50, 0.55, ..., 0.90."""

PUBLISHED_CUT = 0.8
"""Minimum score of the study's detections."""

CURVE_POINTS = 50
RECALLS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class PublishedPrecision:
    """Average precision by the published protocol.

    Attributes
    ----------
    mean
        Mean over all images.
    ceiling
        Maximum possible mean: the fraction of images with a ghost of the class.
    """

    mean: float
    ceiling: float


@dataclass(frozen=True)
class Curve:
    """Precision against recall.

    Attributes
    ----------
    recall, precision
        Arrays of the same length, float64.
    """

    recall: Floats
    precision: Floats


def image_precision(overlaps: Overlaps, iou: float = 0.5) -> float:
    """Compute the average precision of one image: the area under the envelope of all points.

    Parameters
    ----------
    overlaps
        The image.
    iou
        Minimum intersection over union of a true positive.

    Returns
    -------
    float
        0 without detections and, by the published protocol, without true ghosts.
    """
    total = len(overlaps.truth)
    true_positive = correct_detections(overlaps, iou)
    if not total or not true_positive.any():
        return 0.0
    hits = np.cumsum(true_positive)
    precision = np.concatenate([hits / np.arange(1, len(true_positive) + 1), [0.0]])
    recall = np.concatenate([[0.0], hits / total, [1.0]])
    # the maximum precision at this recall or a higher one
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def published_precision(
    images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5, cut: float | None = PUBLISHED_CUT
) -> PublishedPrecision:
    """Compute the average precision by the published protocol.

    Parameters
    ----------
    images
        All images, including those without ghosts.
    group
        A class or :data:`ALL`.
    iou
        Minimum intersection over union of a true positive.
    cut
        Minimum score of detections; None for no minimum.

    Returns
    -------
    PublishedPrecision
        Mean and ceiling; NaN without images.
    """
    chosen = [image.select(group, cut=cut) for image in images]
    if not chosen:
        return PublishedPrecision(float("nan"), float("nan"))
    return PublishedPrecision(
        float(np.mean([image_precision(image, iou) for image in chosen])),
        float(np.mean([bool(image.truth) for image in chosen])),
    )


def published_curve(
    images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5, cut: float | None = PUBLISHED_CUT
) -> Curve:
    """Compute the published precision-recall curve: 50 points, averaged over images point by point.

    The envelope and the recall of each image, from zero to the end of the ranking, are resampled to 50 points
    by linear interpolation along the ranking.  Images without ghosts or detections of the class count zero.

    Parameters
    ----------
    images
        All images, including those without ghosts.
    group
        A class or :data:`ALL`.
    iou
        Minimum intersection over union of a true positive.
    cut
        Minimum score of detections; None for no minimum.

    Returns
    -------
    Curve
        50 points; NaN without images.
    """
    points = np.linspace(0.0, 1.0, CURVE_POINTS)
    recalls, precisions = np.zeros((2, len(images), CURVE_POINTS))
    for row, image in enumerate(images):
        chosen = image.select(group, cut=cut)
        total = len(chosen.truth)
        if not total or not chosen.found:
            continue
        hits = np.cumsum(correct_detections(chosen, iou))
        precision = np.concatenate([[0.0], hits / np.arange(1, len(hits) + 1), [0.0]])
        recall = np.concatenate([[0.0], hits / total, [1.0]])
        along = np.linspace(0.0, 1.0, len(recall))
        recalls[row] = np.interp(points, along, recall)
        precisions[row] = np.interp(points, along, np.maximum.accumulate(precision[::-1])[::-1])
    if not len(images):
        return Curve(np.full(CURVE_POINTS, np.nan), np.full(CURVE_POINTS, np.nan))
    return Curve(recalls.mean(0), precisions.mean(0))


def pooled_precision(images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5) -> float:
    """Compute COCO's average precision: the mean precision at 101 recalls, over all images.

    Parameters
    ----------
    images
        All images, including those without ghosts, where all detections are false positives.
    group
        A class.  For :data:`ALL`, the mean of the classes with true ghosts, which COCO calls mAP.
    iou
        Minimum intersection over union of a true positive.

    Returns
    -------
    float
        NaN if there is no true ghost.
    """
    if group != ALL:
        return _mean_precision(pooled_curve(images, group, iou=iou))
    each = [_mean_precision(pooled_curve(images, name, iou=iou)) for name in CLASS_NAMES]
    known = [value for value in each if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def pooled_curve(images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5) -> Curve:
    """Compute precision against recall of the detections of all images, with one point for each detection.

    Parameters
    ----------
    images
        All images.
    group
        A class, or :data:`ALL` for one ranking of all classes with matching labels.
    iou
        Minimum intersection over union of a true positive.

    Returns
    -------
    Curve
        Precision is cumulative, not the envelope; recall is NaN without true ghosts.
    """
    chosen = [image.select(group) for image in images]
    total = sum(len(image.truth) for image in chosen)
    true_positive = [correct_detections(image, iou)[:MAX_DETECTIONS] for image in chosen]
    scores = [image.scores[:MAX_DETECTIONS] for image in chosen]
    if not true_positive or not sum(map(len, true_positive)):
        return Curve(np.zeros(0) if total else np.full(1, np.nan), np.zeros(0 if total else 1))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.cumsum(np.concatenate(true_positive)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    return Curve(hits / total if total else np.full(len(hits), np.nan), precision)


def _mean_precision(curve: Curve) -> float:
    """Return the mean of the envelope at 101 recalls; it is 0 above the highest recall."""
    if np.isnan(curve.recall).any():
        return float("nan")
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    indices = np.searchsorted(curve.recall, RECALLS, side="left")
    reached = np.concatenate([envelope, [0.0]])[np.minimum(indices, len(envelope))]
    return float(reached.mean())
