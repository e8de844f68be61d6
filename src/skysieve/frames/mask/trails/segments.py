"""Pieces of trails in a mask, joined across gaps: where the measurement of trails starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.classes import find_class
from skysieve.frames.mask.components import find_components, fit_line
from skysieve.frames.mask.streaks.tracing import Course, robust_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.mask.components import Line
    from skysieve.frames.mask.streaks.trails import Trail

__all__ = ["Segment", "along_and_across", "find_segments", "join_segments"]

TRAIL, SPIKE = find_class("TRL").code, find_class("SP").code

MAX_GAP = 1.0
"""Maximum gap between two pieces, relative to their summed lengths."""

MIN_GAP = 60.0
"""Gap in pixels that is always allowed, as behind a star."""

ANGLE_ERROR = 1.5
"""Uncertainty of the direction of a piece: this many pixels divided by its length."""


@dataclass(frozen=True)
class Segment:
    """A piece of a trail.

    Attributes
    ----------
    course
        Its centre line.
    ends
        Positions of both ends along it, in pixels.
    width
        Approximate width in pixels.
    is_traced
        Whether it, or a part of it, was detected as a line in the frame, and not in the mask only.
    """

    course: Course
    ends: tuple[float, float]
    width: float
    is_traced: bool

    @property
    def length(self) -> float:
        """Distance of the ends in pixels."""
        return self.ends[1] - self.ends[0]

    def distances(
        self, rows: NDArray[np.floating], columns: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the positions of points along and across the course.

        Parameters
        ----------
        rows, columns
            ``(N,)`` positions in pixels.

        Returns
        -------
        along, across
            ``(N,)`` float64 in pixels.
        """
        return along_and_across(self.course, rows, columns)


def along_and_across(
    course: Course, rows: NDArray[np.floating], columns: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions of points along and across a course.

    Parameters
    ----------
    course
        The course.
    rows, columns
        ``(N,)`` positions in pixels.

    Returns
    -------
    along, across
        ``(N,)`` float64 in pixels.
    """
    sine, cosine = math.sin(course.angle), math.cos(course.angle)
    dy, dx = np.asarray(rows, np.float64) - course.row, np.asarray(columns, np.float64) - course.column
    along = dx * cosine + dy * sine
    return along, dy * cosine - dx * sine - course.curvature * along**2


def find_segments(bits: NDArray[np.int16], traced: Sequence[Trail]) -> list[Segment]:
    """Return the pieces of trails in a mask.

    Parameters
    ----------
    bits
        ``(H, W)`` int16, the mask.
    traced
        Trails that were detected as lines.

    Returns
    -------
    list
        The traced trails, and the straight connected areas of TRL and SP that are not part of one.
    """
    marks = [(bits & code) != 0 for code in (TRAIL, SPIKE)]  # networks take parts of trails for spikes
    segments: list[Segment] = []
    for trail in traced:
        segment = Segment(trail.course, trail.ends, trail.width, is_traced=True)
        if _is_marked(marks[0], segment):
            segments.append(segment)
            for marked in marks:
                _clear(marked, segment)
    for marked in marks:
        lines = [fit_line(component) for component in find_components(marked)]
        segments += [_segment(line) for line in lines if line is not None]
    return segments


def join_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Join pieces that lie on one line.

    Parameters
    ----------
    segments
        The pieces.

    Returns
    -------
    list
        Pieces, the longest first; none lies on the line of another.
    """
    todo = sorted(segments, key=lambda one: -one.length)
    joined = []
    while todo:
        segment = todo.pop(0)
        while True:
            found = next((other for other in todo if _is_continued(segment, other)), None)
            if found is None:
                break
            todo.remove(found)
            segment = _joined(segment, found)
        joined.append(segment)
    return sorted(joined, key=lambda one: (not one.is_traced, -one.length))


def _segment(line: Line) -> Segment:
    angle = math.atan2(line.y2 - line.y1, line.x2 - line.x1)
    course = Course((line.y1 + line.y2) / 2, (line.x1 + line.x2) / 2, angle)
    return Segment(course, (-line.length / 2, line.length / 2), line.width, is_traced=False)


def _is_marked(marked: NDArray[np.bool_], segment: Segment) -> bool:
    """Return whether some of the pixels on a line are marked."""
    rows, columns = segment.course.at(np.linspace(*segment.ends, 65), 0.0)
    y, x = np.rint(rows).astype(int), np.rint(columns).astype(int)
    inside = (y >= 0) & (y < marked.shape[0]) & (x >= 0) & (x < marked.shape[1])
    return bool(marked[y[inside], x[inside]].mean() > 0.2) if inside.any() else False


def _clear(marked: NDArray[np.bool_], segment: Segment) -> None:
    """Remove the marks along a line."""
    half = 1.5 * segment.width + 3
    t = np.arange(segment.ends[0] - half, segment.ends[1] + half, 0.5)
    rows, columns = segment.course.at(t[:, None], np.arange(-half, half + 0.25, 0.5)[None])
    y, x = np.rint(rows).astype(int), np.rint(columns).astype(int)
    inside = (y >= 0) & (y < marked.shape[0]) & (x >= 0) & (x < marked.shape[1])
    marked[y[inside], x[inside]] = False


def _is_continued(segment: Segment, other: Segment) -> bool:
    """Return whether a shorter piece lies on the line of another one, not too far from it."""
    rows, columns = other.course.at(np.array([other.ends[0], 0.0, other.ends[1]]), 0.0)
    along, across = segment.distances(rows, columns)
    low, high = min(along[0], along[2]), max(along[0], along[2])
    gap = max(low - segment.ends[1], segment.ends[0] - high, 0.0)
    if gap > max(MIN_GAP, MAX_GAP * (segment.length + other.length)):
        return False
    beyond = np.maximum(np.maximum(along - segment.ends[1], segment.ends[0] - along), 0.0)
    near = 1.5 + 0.3 * max(segment.width, other.width)
    allowed = near + ANGLE_ERROR * beyond / max(segment.length, 20.0)
    if not (np.abs(across) <= np.minimum(allowed, 12.0 + 0.5 * segment.width)).all():
        return False
    turn = abs((other.course.angle - segment.course.angle + math.pi / 2) % math.pi - math.pi / 2)
    return turn <= math.radians(1.0) + 3 * (ANGLE_ERROR + other.width / 2) / max(other.length, 1.0)


def _joined(segment: Segment, other: Segment) -> Segment:
    """Return one piece fitted to the centre lines of two."""
    rows, columns = (
        np.concatenate(parts)
        for parts in zip(
            *(one.course.at(np.linspace(*one.ends, 33), 0.0) for one in (segment, other)), strict=True
        )
    )
    along, across = segment.distances(rows, columns)
    weights = np.repeat([max(one.length, 1.0) for one in (segment, other)], 33)
    offset, slope = robust_fit(along, across, weights, 1)
    course = segment.course.moved(offset, slope, segment.course.curvature)
    along, _ = along_and_across(course, rows, columns)
    width = max(segment.width, other.width) if segment.is_traced == other.is_traced else segment.width
    traced = segment.is_traced or other.is_traced
    return Segment(course, (float(along.min()), float(along.max())), width, is_traced=traced)
