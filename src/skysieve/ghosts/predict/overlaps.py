"""Detections and true ghosts of one image: how far they overlap, and which detections are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["ALL", "Overlaps", "match", "overlaps_of", "right_detections"]

ALL = "All"
"""Every class; labels must match all the same."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Overlaps:
    """What the scores need to know of an image: the masks themselves may go.

    Attributes
    ----------
    truth
        Class of each true ghost.
    found
        Class of each detection, the strongest first.
    scores
        Of the detections, float64, falling.
    iou
        ``(detections, true ghosts)`` float64, intersection over union of their masks.
    """

    truth: tuple[str, ...]
    found: tuple[str, ...]
    scores: Floats
    iou: Floats

    def of(self, group: str = ALL, *, cut: float | None = None) -> Overlaps:
        """Return what is left of one class, and of the detections with at least this score.

        Parameters
        ----------
        group
            A class, or :data:`ALL`.
        cut
            Least score; None for no cut.
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


def overlaps_of(
    truth: Iterable[tuple[str, NDArray[np.bool_]]],
    detections: Iterable[tuple[str, NDArray[np.bool_], float]],
) -> Overlaps:
    """Compare the detections in an image with its true ghosts.

    Parameters
    ----------
    truth
        Class and mask ``(H, W)`` of each.
    detections
        Class, mask ``(H, W)`` and score of each, in any order.
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


def right_detections(overlaps: Overlaps, iou: float = 0.5) -> NDArray[np.bool_]:
    """Return which detections are right, ``(detections,)`` bool; see :func:`match`."""
    return match(overlaps, iou) >= 0


def match(overlaps: Overlaps, iou: float = 0.5) -> NDArray[np.intp]:
    """Return which true ghost each detection is, ``(detections,)``; -1 if it is none.

    The strongest first, each takes the true ghost of its class that it overlaps with most among those that
    are left.  The published protocol and COCO both do so.

    Parameters
    ----------
    overlaps
        The image.
    iou
        Least intersection over union of a right detection.
    """
    taken = np.full(len(overlaps.found), -1, np.intp)
    left = np.ones(len(overlaps.truth), np.bool_)
    truth = np.array(overlaps.truth, object)
    for index, name in enumerate(overlaps.found):
        possible = left & (truth == name)
        if not possible.any():
            continue
        candidates = np.where(possible, overlaps.iou[index], -1.0)
        best = int(np.argmax(candidates))
        if candidates[best] >= iou:
            taken[index], left[best] = best, False
    return taken
