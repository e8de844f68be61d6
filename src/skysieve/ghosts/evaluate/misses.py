"""Missed ghosts and wrong detections, each with a reason for a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.predict.overlaps import match, measure_overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.predict.overlaps import Floats

__all__ = ["MATCH_IOU", "Miss", "find_misses"]

MATCH_IOU = 0.5
"""Minimum intersection over union of two outlines of the same ghost."""

MIN_COVERED = 0.1
"""Minimum fraction of a ghost that detections cover, for a partial detection."""

MIN_INSIDE = 0.5
"""Minimum fraction of a detection inside a ghost, for the detection to belong to it."""


@dataclass(frozen=True)
class Miss:
    """A missed ghost, or a wrong detection.

    Attributes
    ----------
    missed
        True for a missed ghost, False for a wrong detection.
    class_name
        Class of the ghost or of the detection.
    area
        Area, in pixels of the picture.
    position
        Row and column of its centroid, in pixels.
    score
        Score of the detection; NaN for a ghost.
    why
        Reason: what was detected instead, or what the truth is there.
    """

    missed: bool
    class_name: str
    area: int
    position: tuple[float, float]
    score: float
    why: str

    @property
    def radius(self) -> float:
        """Radius of a disc with the same area, in pixels."""
        return math.sqrt(self.area / math.pi)


def find_misses(
    truth: Sequence[tuple[str, NDArray[np.bool_]]],
    detections: Sequence[tuple[str, NDArray[np.bool_], float]],
) -> list[Miss]:
    """List the missed ghosts and the wrong detections of a picture, at IoU 0.5.

    Parameters
    ----------
    truth
        Class and mask ``(H, W)`` of each true ghost.
    detections
        Class, mask ``(H, W)`` and score of each detection.

    Returns
    -------
    list of Miss
        Missed ghosts first, then wrong detections, strongest first.

    Examples
    --------
    >>> disc = np.hypot(*np.ogrid[-20:20, -20:20]) < 15
    >>> [miss.why for miss in find_misses([("Bright", disc)], [("Faint", disc, 0.9)])]
    ['called Faint', 'there is Bright']
    """
    found = sorted(detections, key=lambda detection: -detection[2])
    overlaps = measure_overlaps(truth, found)
    matched = match(overlaps, MATCH_IOU)
    misses = []
    for number, (name, mask) in enumerate(truth):
        if number not in matched:
            why = _why_missed(name, mask, overlaps.iou[:, number], found)
            misses.append(_miss(name, mask, math.nan, why, missed=True))
    for number, (name, mask, score) in enumerate(found):
        if matched[number] < 0:
            why = _why_wrong(name, mask, overlaps.iou[number], truth)
            misses.append(_miss(name, mask, score, why, missed=False))
    return misses


def _why_missed(
    name: str,
    mask: NDArray[np.bool_],
    iou: Floats,
    found: Sequence[tuple[str, NDArray[np.bool_], float]],
) -> str:
    """Return what was detected at a missed ghost."""
    other_classes = [
        kind for (kind, _, _), value in zip(found, iou, strict=True) if value >= MATCH_IOU and kind != name
    ]
    if other_classes:
        return f"called {other_classes[0]}"
    area = np.count_nonzero(mask)
    for kinds, word in (({name}, "outlined"), ({kind for kind, *_ in found} - {name}, "covered by others")):
        covering = [other for kind, other, _ in found if kind in kinds]
        if not covering:
            continue
        part = np.count_nonzero(np.logical_or.reduce(covering) & mask) / area
        if part >= MIN_COVERED:
            # the detections cover almost all of the ghost, and much around it
            return f"{word} too widely" if part > 1 - MIN_COVERED else f"{word} in part, {100 * part:.0f} %"
    return "not seen"


def _why_wrong(
    name: str, mask: NDArray[np.bool_], iou: Floats, truth: Sequence[tuple[str, NDArray[np.bool_]]]
) -> str:
    """Return what the truth is at a wrong detection."""
    for (kind, _), value in zip(truth, iou, strict=True):
        if value >= MATCH_IOU:
            return "found twice" if kind == name else f"there is {kind}"
    area = np.count_nonzero(mask)
    inside = [(np.count_nonzero(other & mask) / area, kind) for kind, other in truth]
    part, kind = max(inside, default=(0.0, ""))
    if part >= MIN_INSIDE:
        return "a part of a ghost" if kind == name else f"in a ghost that is {kind}"
    return (
        "nobody saw a ghost there" if part < MIN_COVERED else f"more than half of it beside a ghost, {kind}"
    )


def _miss(name: str, mask: NDArray[np.bool_], score: float, why: str, *, missed: bool) -> Miss:
    rows, columns = np.nonzero(mask)
    return Miss(missed, name, rows.size, (float(rows.mean()), float(columns.mean())), score, why)
