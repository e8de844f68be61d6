"""Connected pieces of marks as shapes: trails as lines, everything else as outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Line", "Piece", "find_pieces", "fit_line", "outline"]

LONG = 20.0
"""A trail that is shorter, in pixels, is a piece as any other."""

SLENDER = 4.0
"""A trail that is less times as long as it is wide is a piece as any other."""

_NEIGHBOURS = np.ones((3, 3), np.int8)


@dataclass(frozen=True)
class Piece:
    """Pixels that touch each other, by sides or corners.

    Attributes
    ----------
    row, column
        Of the first pixel of :attr:`pixels`.
    pixels
        ``(h, w)`` bool, True for those of the piece.
    """

    row: int
    column: int
    pixels: NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """A straight trail; in pixels, the centre of the first pixel of the frame being at (0, 0).

    Attributes
    ----------
    x1, y1, x2, y2
        End points in the middle of the trail.
    width
        Area over length.
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


def find_pieces(marked: NDArray[np.bool_]) -> Iterator[Piece]:
    """Yield the connected pieces of the marked pixels of a frame, ``(H, W)`` bool, by rows."""
    labels, _ = ndimage.label(marked, _NEIGHBOURS)
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        yield Piece(window[0].start, window[1].start, labels[window] == number)


def fit_line(piece: Piece) -> Line | None:
    """Return the line that a piece of a trail lies along, or None if it is no slender line.

    It is the principal axis of the pixels, from the first to the last of them along it.
    """
    rows, columns = np.nonzero(piece.pixels)
    x, y = columns + float(piece.column), rows + float(piece.row)
    if len(x) < LONG:
        return None
    middle = np.array([x.mean(), y.mean()])
    away = np.stack([x, y]) - middle[:, None]
    _, axes = np.linalg.eigh(away @ away.T)
    axis = axes[:, -1] if axes[0, -1] >= 0 else -axes[:, -1]
    along = axis @ away
    # from edge to edge of the first and last pixels, not from centre to centre
    first, last = along.min() - 0.5, along.max() + 0.5
    width = len(x) / (last - first)
    if last - first < max(LONG, SLENDER * width):
        return None
    (x1, y1), (x2, y2) = middle + first * axis, middle + last * axis
    return Line(float(x1), float(y1), float(x2), float(y2), float(width))


def outline(piece: Piece) -> NDArray[np.float64]:
    """Return the corners of the outer edge of a piece.

    Parameters
    ----------
    piece
        A connected piece; holes in it are not followed.

    Returns
    -------
    ndarray
        ``(N, 2)`` float64, x and y of the corners in turn, along the edges of pixels: halves of pixels.
    """
    edges = _edges(np.pad(piece.pixels, 1))
    # The first edge in reading order is the upper one of the first pixel, which is on the outer edge.
    start = min(edges, key=lambda corner: (corner[1], corner[0]))
    direction, corner, corners = (1, 0), start, [start]
    while True:
        corner = (corner[0] + direction[0], corner[1] + direction[1])
        if corner == start:
            break
        onward = edges[corner]
        # Where two pixels touch by their corners, the turn to the left goes on to the other one.
        left = (direction[1], -direction[0])
        taken = left if left in onward else onward[0]
        if taken != direction:
            corners.append(corner)
            direction = taken
    shift = (piece.column - 1.5, piece.row - 1.5)  # the padding, and the edge of a pixel from its centre
    return np.array(corners, np.float64) + shift


def _edges(pixels: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return in which directions edges of pixels leave each corner; the pixel is on their right."""
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
