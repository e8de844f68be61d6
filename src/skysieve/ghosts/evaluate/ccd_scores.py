"""Scores of CCDs as the study defines them: which CCDs ghosts touch, and which we say they touch.

A CCD is touched if more than ``max(1, t A)`` pixels of a mask lie in its box, where ``A`` is the study's area
of a CCD and ``t`` a fraction; the rule is the same for truth and detections.  All instances of a class
make the truth.  Detections of a single class are tested one by one, so that two which each cover a little too
little do not add up; for Rays+Bright and All they are taken together.  Precision, recall and F1 are of all
CCDs of all images at once.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing 39, 100580, section 5.1, and the study's own evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
"""The study's area of a CCD in pixels of the picture."""

THRESHOLDS: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(19))
"""Fractions of a CCD that a ghost must cover: 0, 5 %, ..., 90 %."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in CLASS_NAMES},
    "Rays+Bright": ("Rays", "Bright"),
    "All": CLASS_NAMES,
}
"""What is scored: each class, and unions of classes."""


def mask_counts(mask: NDArray[np.bool_], boxes: Sequence[Box] | None = None) -> NDArray[np.int64]:
    """Return how many pixels of a mask lie in the box of each CCD.

    Parameters
    ----------
    mask
        ``(H, W)`` bool.
    boxes
        One a CCD, inside the picture; the study's for DECam if None.

    Returns
    -------
    ndarray of int64, shape (CCDs,)
    """
    x0, y0, x1, y1 = np.array(_boxes(boxes)).T
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1, out=sums[1:, 1:])
    counts: NDArray[np.int64] = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return counts


def touched(counts: NDArray[np.int64], threshold: float = 0.0) -> NDArray[np.bool_]:
    """Return which CCDs have enough mask pixels: more than one, and more than this fraction of a CCD.

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
    """Return mask pixels a CCD of the true ghosts of an image, for each of :data:`GROUPS`.

    Parameters
    ----------
    instances
        Class and mask ``(H, W)`` of each.
    boxes
        See :func:`mask_counts`.

    Returns
    -------
    ndarray of int64, shape (groups, CCDs)
        Of the union of the instances of each group.
    """
    true = list(instances)
    return np.stack([_union_counts(true, names, boxes) for names in GROUPS.values()])


def detected_counts(
    instances: Iterable[tuple[str, NDArray[np.bool_], float]], boxes: Sequence[Box] | None = None
) -> NDArray[np.int64]:
    """Return mask pixels a CCD of the detections in an image, for each of :data:`GROUPS`.

    Parameters
    ----------
    instances
        Class, mask ``(H, W)`` and score of each; whichever are given count, so leave out weak ones before.
    boxes
        See :func:`mask_counts`.

    Returns
    -------
    ndarray of int64, shape (groups, CCDs)
        Of a single class, the most that any one instance has on a CCD; of groups, of the union.
    """
    found = [(name, mask) for name, mask, _ in instances]
    rows = []
    for names in GROUPS.values():
        if len(names) > 1:
            rows.append(_union_counts(found, names, boxes))
            continue
        alone = [mask_counts(mask, boxes) for name, mask in found if name in names]
        rows.append(np.max(alone, axis=0) if alone else _none(boxes))
    return np.stack(rows)


@dataclass(frozen=True)
class CcdScores:
    """Scores of one group at each of :data:`THRESHOLDS`.

    Attributes
    ----------
    true_positives, false_positives, false_negatives
        CCDs, int64.
    """

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    false_negatives: NDArray[np.int64]

    @property
    def positives(self) -> NDArray[np.int64]:
        """CCDs that are touched in truth."""
        return self.true_positives + self.false_negatives

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of the CCDs said to be touched, the fraction that is; NaN if none is said to be."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of the CCDs that are touched, the fraction said to be; NaN if none is."""
        return _ratio(self.true_positives, self.positives)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of both; NaN if no CCD is touched or said to be."""
        wrong = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + wrong)


class CcdTally:
    """Images scored so far.

    Parameters
    ----------
    boxes
        See :func:`mask_counts`.
    """

    def __init__(self, boxes: Sequence[Box] | None = None) -> None:
        self._boxes = boxes
        self._truth: list[NDArray[np.int64]] = []
        self._found: list[NDArray[np.int64]] = []

    def add(
        self,
        truth: Iterable[tuple[str, NDArray[np.bool_]]],
        detections: Iterable[tuple[str, NDArray[np.bool_], float]],
    ) -> None:
        """Add an image: its true ghosts, and the detections in it."""
        self._truth.append(truth_counts(truth, self._boxes))
        self._found.append(detected_counts(detections, self._boxes))

    @property
    def images(self) -> int:
        """How many images were added."""
        return len(self._truth)

    def scores(self, images: Sequence[int] | NDArray[np.int64] | None = None) -> dict[str, CcdScores]:
        """Return the scores of each group.

        Parameters
        ----------
        images
            Which images count, by their order, each as often as it is named: for bootstrap samples.
        """
        chosen = range(self.images) if images is None else images
        shape = (0, len(GROUPS), len(_boxes(self._boxes)))
        truth, found = (
            np.stack([counts[index] for index in chosen]) if len(chosen) else np.zeros(shape, np.int64)
            for counts in (self._truth, self._found)
        )
        scores = {}
        for group, name in enumerate(GROUPS):
            rows = []
            for threshold in THRESHOLDS:
                real, said = (touched(counts[:, group], threshold) for counts in (truth, found))
                rows.append([np.count_nonzero(pair) for pair in (real & said, said & ~real, real & ~said)])
            scores[name] = CcdScores(*np.array(rows, np.int64).T)
        return scores


def _union_counts(
    instances: Iterable[tuple[str, NDArray[np.bool_]]], names: tuple[str, ...], boxes: Sequence[Box] | None
) -> NDArray[np.int64]:
    """Return mask pixels a CCD of all instances of some classes together."""
    masks = [mask for name, mask in instances if name in names]
    return mask_counts(np.logical_or.reduce(masks), boxes) if masks else _none(boxes)


def _boxes(boxes: Sequence[Box] | None) -> Sequence[Box]:
    """Return the boxes that hold."""
    return list(published_boxes().values()) if boxes is None else boxes


def _none(boxes: Sequence[Box] | None) -> NDArray[np.int64]:
    """Return no pixel for each CCD."""
    return np.zeros(len(_boxes(boxes)), np.int64)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return a fraction, NaN of nothing."""
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
