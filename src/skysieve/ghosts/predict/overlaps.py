"""Compare detections with true ghosts of an image: IoU, and matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["ALL", "Overlaps", "correct_detections", "match", "measure_overlaps"]

ALL = "All"
"""All classes together; a match still needs the same class."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Overlaps:
    """IoU of the detections and true ghosts of an image; metrics need no masks.

    Attributes
    ----------
    truth
        Class of each true ghost.
    found
        Class of each detection, sorted by decreasing score.
    scores
        Score of each detection ``(detections,)`` float64, decreasing.
    iou
        Intersection over union of their masks ``(detections, true ghosts)`` float64.
    """

    truth: tuple[str, ...]
    found: tuple[str, ...]
    scores: Floats
    iou: Floats

    def select(self, group: str = ALL, *, cut: float | None = None) -> Overlaps:
        """Select the ghosts of one class, and the detections above a score.

        Parameters
        ----------
        group
            A class, or :data:`ALL`.
        cut
            Minimum score of the detections; None for no cut.

        Returns
        -------
        Overlaps
            The selected ghosts and detections.
        """
        truth = [i for i, name in enumerate(self.truth) if group in (ALL, name)]
        found = [
            i
            for i, name in enumerate(self.found)
            if group in (ALL, name) and (cut is None or self.scores[i] >= cut)
        ]
        return Overlaps(
            tuple(self.truth[i] for i in truth),
            tuple(self.found[i] for i in found),
            self.scores[found],
            self.iou[np.ix_(found, truth)],
        )


def measure_overlaps(
    truth: Iterable[tuple[str, NDArray[np.bool_]]],
    detections: Iterable[tuple[str, NDArray[np.bool_], float]],
) -> Overlaps:
    """Measure the IoU of all detections and true ghosts of an image.

    Parameters
    ----------
    truth
        Class and mask ``(H, W)`` bool of each true ghost.
    detections
        Class, mask ``(H, W)`` bool and score of each detection, in any order.

    Returns
    -------
    Overlaps
        Classes, scores and IoU.
    """
    true = list(truth)
    found = sorted(detections, key=lambda detection: -detection[2])
    iou = np.zeros((len(found), len(true)))
    if true and found:
        # float32 counts pixels exactly up to 2^24
        one, other = (
            np.stack([np.asarray(item[1], np.bool_).ravel() for item in items]).astype(np.float32)
            for items in (found, true)
        )
        both = (one @ other.T).astype(np.float64)
        either = one.sum(1, dtype=np.float64)[:, None] + other.sum(1, dtype=np.float64)[None, :] - both
        iou = np.divide(both, either, out=iou, where=either > 0)
    return Overlaps(
        tuple(name for name, _ in true),
        tuple(name for name, _, _ in found),
        np.array([float(score) for _, _, score in found], np.float64),
        iou,
    )


def correct_detections(overlaps: Overlaps, iou: float = 0.5) -> NDArray[np.bool_]:
    """Tell which detections match a true ghost; see :func:`match`.

    Parameters
    ----------
    overlaps
        Detections and true ghosts of the image.
    iou
        Minimum IoU of a match.

    Returns
    -------
    ndarray of bool, shape (detections,)
        True for true positives, False for false positives.
    """
    return match(overlaps, iou) >= 0


def match(overlaps: Overlaps, iou: float = 0.5) -> NDArray[np.intp]:
    """Match detections with true ghosts.

    In the order of decreasing score, each detection is matched with the true ghost of its class with the
    highest IoU among those without a match.  The published protocol and COCO use the same rule.

    Parameters
    ----------
    overlaps
        Detections and true ghosts of the image.
    iou
        Minimum IoU of a match.

    Returns
    -------
    ndarray of intp, shape (detections,)
        Index of the matched true ghost; -1 without a match.
    """
    matched = np.full(len(overlaps.found), -1, np.intp)
    free = np.ones(len(overlaps.truth), np.bool_)
    truth = np.array(overlaps.truth, object)
    for index, name in enumerate(overlaps.found):
        possible = free & (truth == name)
        if not possible.any():
            continue
        candidates = np.where(possible, overlaps.iou[index], -1.0)
        best = int(np.argmax(candidates))
        if candidates[best] >= iou:
            matched[index], free[best] = best, False
    return matched
