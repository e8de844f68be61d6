"""Average precision of instances: by the published protocol, and by the sound one.

Published protocol: the average precision of each image by itself, and then the mean over images.  An image
without a ghost of the class counts zero whatever is found in it, so that a class cannot score more than the
fraction of images that have it: its ceiling, which belongs beside the score.  Detections below a score of 0.8
had been cut off before, which cuts curves short.

Sound: detections of all images are ranked together, as COCO does it, without a cut.

In both a detection is right if a true ghost of its class, not yet found by a stronger detection, overlaps
with it by an intersection over union of at least a threshold.

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
"""Those of the published table: 0.50, 0.55, ..., 0.90."""

PUBLISHED_CUT = 0.8
"""Least score of the study's detections."""

CURVE_POINTS = 50
RECALLS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
MOST_DETECTIONS = 100

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class PublishedPrecision:
    """Average precision by the published protocol.

    Attributes
    ----------
    mean
        Over all images.
    ceiling
        The most that it can be: the fraction of images with a ghost of the class.
    """

    mean: float
    ceiling: float


@dataclass(frozen=True)
class Curve:
    """Precision against recall.

    Attributes
    ----------
    recall, precision
        Of one length, float64.
    """

    recall: Floats
    precision: Floats


def image_precision(overlaps: Overlaps, iou: float = 0.5) -> float:
    """Return the average precision of one image: the area under the envelope of all its points.

    0 without detections, and 0 by the published protocol without true ghosts.

    Parameters
    ----------
    overlaps
        The image.
    iou
        Least intersection over union of a right detection.
    """
    total = len(overlaps.truth)
    right = correct_detections(overlaps, iou)
    if not total or not right.any():
        return 0.0
    hits = np.cumsum(right)
    precision = np.concatenate([hits / np.arange(1, len(right) + 1), [0.0]])
    recall = np.concatenate([[0.0], hits / total, [1.0]])
    # the best precision at this recall or a higher one
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def published_precision(
    images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5, cut: float | None = PUBLISHED_CUT
) -> PublishedPrecision:
    """Return average precision by the published protocol.

    Parameters
    ----------
    images
        All images, those without ghosts too.
    group
        A class, or :data:`ALL`.
    iou
        Least intersection over union of a right detection.
    cut
        Least score of detections; None for no cut.
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
    """Return the published precision-recall curve: 50 points a curve, averaged over images point by point.

    The envelope of each image and its recalls, both from 0 to the end of the ranking, are resampled to 50
    points by linear interpolation along the ranking.  Images without ghosts or detections of the class count
    zero.
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
    """Return COCO's average precision: the mean precision at 101 recalls, of all images at once.

    Parameters
    ----------
    images
        All images, those without ghosts too: what is found there is wrong.
    group
        A class.  For :data:`ALL`, the mean of the classes that are there, which COCO calls mAP.
    iou
        Least intersection over union of a right detection.

    Returns
    -------
    float
        NaN if there is no true ghost.
    """
    if group != ALL:
        return _mean_precision(pooled_curve(images, group, iou=iou))
    each = [_mean_precision(pooled_curve(images, name, iou=iou)) for name in CLASS_NAMES]
    there = [value for value in each if not np.isnan(value)]
    return float(np.mean(there)) if there else float("nan")


def pooled_curve(images: Sequence[Overlaps], group: str = ALL, *, iou: float = 0.5) -> Curve:
    """Return precision against recall of the detections of all images at once, one point a detection.

    Parameters
    ----------
    images
        All images.
    group
        A class, or :data:`ALL`: all classes in one ranking, labels matching.
    iou
        Least intersection over union of a right detection.

    Returns
    -------
    Curve
        Precision is that of the detections so far, not the envelope; without true ghosts recall is NaN.
    """
    chosen = [image.select(group) for image in images]
    total = sum(len(image.truth) for image in chosen)
    right = [correct_detections(image, iou)[:MOST_DETECTIONS] for image in chosen]
    scores = [image.scores[:MOST_DETECTIONS] for image in chosen]
    if not right or not sum(map(len, right)):
        return Curve(np.zeros(0) if total else np.full(1, np.nan), np.zeros(0 if total else 1))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.cumsum(np.concatenate(right)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    return Curve(hits / total if total else np.full(len(hits), np.nan), precision)


def _mean_precision(curve: Curve) -> float:
    """Return the mean of the envelope at 101 recalls, 0 beyond the last."""
    if np.isnan(curve.recall).any():
        return float("nan")
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    places = np.searchsorted(curve.recall, RECALLS, side="left")
    reached = np.concatenate([envelope, [0.0]])[np.minimum(places, len(envelope))]
    return float(reached.mean())
