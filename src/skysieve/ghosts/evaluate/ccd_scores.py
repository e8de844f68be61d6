"""Scores per CCD as the study defines them: which CCDs ghosts touch, and which a detector reports.

A ghost touches a CCD if more than ``max(1, t A)`` pixels of its mask lie in the CCD's box, where ``A`` is the
study's area of a CCD and ``t`` a fraction.  The rule is the same for truth and detections.  The truth of a
class is the union of its instances.  Detections of a single class are tested one by one, so that two small
overlaps do not add up; for Rays+Bright and All, their union is tested.  Precision, recall and F1 are pooled
over all CCDs of all images.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580, section 5.1, and the study's own evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.decam import CELL_HEIGHT, MEAN_CELL_WIDTH, published_boxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.cameras import Box

__all__ = [
    "CCD_AREA",
    "GROUPS",
    "THRESHOLDS",
    "CcdScores",
    "CcdTally",
    "detected_counts",
    "mask_counts",
    "touched",
    "truth_counts",
]

CCD_AREA = CELL_HEIGHT * MEAN_CELL_WIDTH
"""The study's area of a CCD, in pixels of the picture."""

THRESHOLDS: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(19))
"""Minimum fraction of a CCD that a ghost covers: 0, 5 %, ..., 90 %."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in CLASS_NAMES},
    "Rays+Bright": ("Rays", "Bright"),
    "All": CLASS_NAMES,
}
"""Scored groups: each class, and unions of classes."""


def mask_counts(mask: NDArray[np.bool_], boxes: Sequence[Box] | None = None) -> NDArray[np.int64]:
    """Count the pixels of a mask in the box of each CCD.

    Parameters
    ----------
    mask
        ``(H, W)`` bool.
    boxes
        One for each CCD, inside the picture; the study's boxes of DECam if None.

    Returns
    -------
    ndarray of int64, shape (CCDs,)
        Number of pixels.
    """
    x0, y0, x1, y1 = np.array(_boxes(boxes)).T
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1, out=sums[1:, 1:])
    counts: NDArray[np.int64] = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return counts


def touched(counts: NDArray[np.int64], threshold: float = 0.0) -> NDArray[np.bool_]:
    """Return which CCDs are touched: more than one mask pixel, and more than a fraction of a CCD.

    Parameters
    ----------
    counts
        Mask pixels in each CCD.
    threshold
        Minimum fraction of a CCD.

    Returns
    -------
    ndarray of bool
        In the shape of `counts`.

    Examples
    --------
    >>> touched(np.array([1, 2, 96, 97])).tolist()
    [False, True, True, True]
    >>> touched(np.array([1, 2, 96, 97]), 0.05).tolist()
    [False, False, False, True]
    """
    return counts > max(1.0, CCD_AREA * threshold)


def truth_counts(
    instances: Iterable[tuple[str, NDArray[np.bool_]]], boxes: Sequence[Box] | None = None
) -> NDArray[np.int64]:
    """Count the mask pixels of the true ghosts of an image in each CCD, for each of :data:`GROUPS`.

    Parameters
    ----------
    instances
        Class and mask ``(H, W)`` of each ghost.
    boxes
        See :func:`mask_counts`.

    Returns
    -------
    ndarray of int64, shape (groups, CCDs)
        Pixels of the union of the instances of each group.
    """
    true = list(instances)
    return np.stack([_union_counts(true, names, boxes) for names in GROUPS.values()])


def detected_counts(
    instances: Iterable[tuple[str, NDArray[np.bool_], float]], boxes: Sequence[Box] | None = None
) -> NDArray[np.int64]:
    """Count the mask pixels of the detections in an image in each CCD, for each of :data:`GROUPS`.

    Parameters
    ----------
    instances
        Class, mask ``(H, W)`` and score of each detection.  All count: apply thresholds before.
    boxes
        See :func:`mask_counts`.

    Returns
    -------
    ndarray of int64, shape (groups, CCDs)
        For a single class, the maximum over its instances; for a union of classes, the pixels of their union.
    """
    found = [(name, mask) for name, mask, _ in instances]
    rows = []
    for names in GROUPS.values():
        if len(names) > 1:
            rows.append(_union_counts(found, names, boxes))
            continue
        each = [mask_counts(mask, boxes) for name, mask in found if name in names]
        rows.append(np.max(each, axis=0) if each else _no_pixels(boxes))
    return np.stack(rows)


@dataclass(frozen=True)
class CcdScores:
    """Scores of one group at each of :data:`THRESHOLDS`.

    Attributes
    ----------
    true_positives, false_positives, false_negatives
        Number of CCDs, int64.
    """

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    false_negatives: NDArray[np.int64]

    @property
    def positives(self) -> NDArray[np.int64]:
        """Number of CCDs that true ghosts touch."""
        return self.true_positives + self.false_negatives

    @property
    def precision(self) -> NDArray[np.float64]:
        """Fraction of the reported CCDs that true ghosts touch; NaN if none is reported."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Fraction of the touched CCDs that are reported; NaN if none is touched."""
        return _ratio(self.true_positives, self.positives)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall; NaN if no CCD is touched or reported."""
        wrong = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + wrong)


class CcdTally:
    """Accumulate the counts of images, and compute their scores.

    Parameters
    ----------
    boxes
        See :func:`mask_counts`.
    """

    def __init__(self, boxes: Sequence[Box] | None = None) -> None:
        self._boxes = boxes
        self._truth: list[NDArray[np.int64]] = []
        self._detected: list[NDArray[np.int64]] = []

    def add(
        self,
        truth: Iterable[tuple[str, NDArray[np.bool_]]],
        detections: Iterable[tuple[str, NDArray[np.bool_], float]],
    ) -> None:
        """Add an image.

        Parameters
        ----------
        truth
            Class and mask ``(H, W)`` of each true ghost.
        detections
            Class, mask ``(H, W)`` and score of each detection.
        """
        self._truth.append(truth_counts(truth, self._boxes))
        self._detected.append(detected_counts(detections, self._boxes))

    @property
    def images(self) -> int:
        """Number of images added."""
        return len(self._truth)

    def scores(self, images: Sequence[int] | NDArray[np.int64] | None = None) -> dict[str, CcdScores]:
        """Compute the scores of each group.

        Parameters
        ----------
        images
            Indices of the images that count, with repetitions for bootstrap samples; all images if None.

        Returns
        -------
        dict
            Scores of each of :data:`GROUPS`, by name.
        """
        chosen = range(self.images) if images is None else images
        shape = (0, len(GROUPS), len(_boxes(self._boxes)))
        truth, found = (
            np.stack([counts[index] for index in chosen]) if len(chosen) else np.zeros(shape, np.int64)
            for counts in (self._truth, self._detected)
        )
        scores = {}
        for group, name in enumerate(GROUPS):
            rows = []
            for threshold in THRESHOLDS:
                true, reported = (touched(counts[:, group], threshold) for counts in (truth, found))
                hits, false_alarms, misses = true & reported, reported & ~true, true & ~reported
                rows.append([np.count_nonzero(outcome) for outcome in (hits, false_alarms, misses)])
            scores[name] = CcdScores(*np.array(rows, np.int64).T)
        return scores


def _union_counts(
    instances: Iterable[tuple[str, NDArray[np.bool_]]], names: tuple[str, ...], boxes: Sequence[Box] | None
) -> NDArray[np.int64]:
    """Return the mask pixels in each CCD of the union of some classes."""
    masks = [mask for name, mask in instances if name in names]
    return mask_counts(np.logical_or.reduce(masks), boxes) if masks else _no_pixels(boxes)


def _boxes(boxes: Sequence[Box] | None) -> Sequence[Box]:
    """Return the given boxes, or the study's."""
    return list(published_boxes().values()) if boxes is None else boxes


def _no_pixels(boxes: Sequence[Box] | None) -> NDArray[np.int64]:
    """Return zero pixels for each CCD."""
    return np.zeros(len(_boxes(boxes)), np.int64)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a fraction; NaN where the denominator is zero."""
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
