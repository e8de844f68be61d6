"""Connected components of a mask as shapes: lines for trails, outlines for all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Component", "Line", "find_components", "fit_line", "outline"]

MIN_LENGTH = 20.0
"""Minimum length of a line in pixels."""

MIN_ASPECT = 4.0
"""Minimum ratio of the length of a line to its width."""

_NEIGHBOURS = np.ones((3, 3), np.int8)


@dataclass(frozen=True)
class Component:
    """A connected component: pixels that touch each other by sides or corners.

    Attributes
    ----------
    row, column
        Position of the first pixel of :attr:`pixels` in the frame.
    pixels
        ``(h, w)`` bool, True in pixels of the component.
    """

    row: int
    column: int
    pixels: NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """A straight trail, in pixels.

    Attributes
    ----------
    x1, y1, x2, y2
        End points of the centre line; the centre of the first pixel of the frame is at (0, 0).
    width
        Area divided by length.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    width: float

    @property
    def length(self) -> float:
        """Distance of the end points, in pixels."""
        return float(np.hypot(self.x2 - self.x1, self.y2 - self.y1))


def find_components(marked: NDArray[np.bool_]) -> Iterator[Component]:
    """Find the connected components of the marked pixels of a frame.

    Parameters
    ----------
    marked
        ``(H, W)`` bool.

    Yields
    ------
    Component
        Components, by rows.
    """
    labels, _ = ndimage.label(marked, _NEIGHBOURS)
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        yield Component(window[0].start, window[1].start, labels[window] == number)


def fit_line(component: Component) -> Line | None:
    """Fit a line to a component: the principal axis of its pixels, from the first to the last along it.

    Parameters
    ----------
    component
        A component.

    Returns
    -------
    Line or None
        None if the component is short or wide.
    """
    rows, columns = np.nonzero(component.pixels)
    x, y = columns + float(component.column), rows + float(component.row)
    if len(x) < MIN_LENGTH:
        return None
    centre = np.array([x.mean(), y.mean()])
    offsets = np.stack([x, y]) - centre[:, None]
    _, axes = np.linalg.eigh(offsets @ offsets.T)
    axis = axes[:, -1] if axes[0, -1] >= 0 else -axes[:, -1]
    along = axis @ offsets
    # from edge to edge of the first and last pixels, not from centre to centre
    first, last = along.min() - 0.5, along.max() + 0.5
    width = len(x) / (last - first)
    if last - first < max(MIN_LENGTH, MIN_ASPECT * width):
        return None
    (x1, y1), (x2, y2) = centre + first * axis, centre + last * axis
    return Line(float(x1), float(y1), float(x2), float(y2), float(width))


def outline(component: Component) -> NDArray[np.float64]:
    """Return the corners of the outer boundary of a component.

    Parameters
    ----------
    component
        A component; the boundaries of holes are ignored.

    Returns
    -------
    ndarray
        ``(N, 2)`` float64, x and y of the corners in order; they lie on pixel edges, at half-integers.
    """
    edges = _edges(np.pad(component.pixels, 1))
    # The first edge in reading order is the upper edge of the first pixel, which is on the outer boundary.
    start = min(edges, key=lambda corner: (corner[1], corner[0]))
    direction, corner, corners = (1, 0), start, [start]
    while True:
        corner = (corner[0] + direction[0], corner[1] + direction[1])
        if corner == start:
            break
        directions = edges[corner]
        # Where two pixels touch by their corners, the turn to the left leads to the other one.
        left = (direction[1], -direction[0])
        taken = left if left in directions else directions[0]
        if taken != direction:
            corners.append(corner)
            direction = taken
    shift = (component.column - 1.5, component.row - 1.5)  # the padding, and half a pixel from centre to edge
    return np.array(corners, np.float64) + shift


def _edges(pixels: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the directions of the pixel edges that leave each corner; the pixel is on their right."""
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for dx, dy, beyond, corner_x, corner_y in (
        (1, 0, np.roll(pixels, 1, 0), 0, 0),  # upper edges, to the right
        (0, 1, np.roll(pixels, -1, 1), 1, 0),  # right edges, downwards
        (-1, 0, np.roll(pixels, -1, 0), 1, 1),  # lower edges, to the left
        (0, -1, np.roll(pixels, 1, 1), 0, 1),  # left edges, upwards
    ):
        for row, column in np.argwhere(pixels & ~beyond).tolist():
            edges.setdefault((column + corner_x, row + corner_y), []).append((dx, dy))
    return edges
