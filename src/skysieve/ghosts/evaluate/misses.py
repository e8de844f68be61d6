"""Why ghosts were missed, and what was found that is none: each in the words of a table."""

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

__all__ = ["SAME", "Miss", "find_misses"]

SAME = 0.5
"""Intersection over union from which on two outlines are of one ghost."""

SEEN = 0.1
"""Part of a ghost that must be covered for it to count as seen in part."""

INSIDE = 0.5
"""Part of a detection that must lie in a ghost for it to belong to it."""


@dataclass(frozen=True)
class Miss:
    """A ghost that was missed, or a detection of none.

    Attributes
    ----------
    missed
        True for a ghost that was missed, False for a detection that is wrong.
    class_name
        Of the ghost, or of the detection.
    area
        Pixels of the picture.
    place
        Row and column of its middle, in pixels.
    score
        Of the detection; NaN of a ghost.
    why
        What was said instead, or what is there.
    """

    missed: bool
    class_name: str
    area: int
    place: tuple[float, float]
    score: float
    why: str

    @property
    def radius(self) -> float:
        """Of a disc as large, in pixels."""
        return math.sqrt(self.area / math.pi)


def find_misses(
    truth: Sequence[tuple[str, NDArray[np.bool_]]],
    detections: Sequence[tuple[str, NDArray[np.bool_], float]],
) -> list[Miss]:
    """Return what a picture's detections miss and what they have too much, at IoU 0.5.

    Parameters
    ----------
    truth
        Class and mask ``(H, W)`` of each true ghost.
    detections
        Class, mask ``(H, W)`` and score of each.

    Examples
    --------
    >>> disc = np.hypot(*np.ogrid[-20:20, -20:20]) < 15
    >>> [miss.why for miss in find_misses([("Bright", disc)], [("Faint", disc, 0.9)])]
    ['called Faint', 'there is Bright']
    """
    found = sorted(detections, key=lambda detection: -detection[2])
    overlaps = measure_overlaps(truth, found)
    matched = match(overlaps, SAME)
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
    """Return what was said where a ghost is."""
    alike = [kind for (kind, _, _), value in zip(found, iou, strict=True) if value >= SAME and kind != name]
    if alike:
        return f"called {alike[0]}"
    area = np.count_nonzero(mask)
    for kinds, word in (({name}, "outlined"), ({kind for kind, *_ in found} - {name}, "covered by others")):
        covering = [other for kind, other, _ in found if kind in kinds]
        if not covering:
            continue
        part = np.count_nonzero(np.logical_or.reduce(covering) & mask) / area
        if part >= SEEN:
            # all of it, but with much around it
            return f"{word} too widely" if part > 1 - SEEN else f"{word} in part, {100 * part:.0f} %"
    return "not seen"


def _why_wrong(
    name: str, mask: NDArray[np.bool_], iou: Floats, truth: Sequence[tuple[str, NDArray[np.bool_]]]
) -> str:
    """Return what is there where a detection is wrong."""
    for (kind, _), value in zip(truth, iou, strict=True):
        if value >= SAME:
            return "found twice" if kind == name else f"there is {kind}"
    area = np.count_nonzero(mask)
    inside = [(np.count_nonzero(other & mask) / area, kind) for kind, other in truth]
    part, kind = max(inside, default=(0.0, ""))
    if part >= INSIDE:
        return "a part of a ghost" if kind == name else f"in a ghost that is {kind}"
    return "nobody saw a ghost there" if part < SEEN else f"more than half of it beside a ghost, {kind}"


def _miss(name: str, mask: NDArray[np.bool_], score: float, why: str, *, missed: bool) -> Miss:
    rows, columns = np.nonzero(mask)
    return Miss(missed, name, rows.size, (float(rows.mean()), float(columns.mean())), score, why)
