"""Shapes that outline ghosts, and the pixels inside them.

Coordinates are in pixels of the picture: x to the right, y downwards, and the centre of the first pixel
at (0, 0).  The position of its centre decides whether a pixel belongs to a shape:

========= ===================== ====================================================
shape     a pixel belongs       its centre on the outline itself
========= ===================== ====================================================
circle    inside                does not belong
ellipse   inside                does not belong
polygon   inside, by even-odd   belongs
rectangle rows and columns      from round(y) up to, not including, round(y + height)
========= ===================== ====================================================

These are the rules of the published study (Tanoglidis et al. 2022), with one difference: shapes are clipped
at all four sides of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MAX_COORDINATE",
    "Circle",
    "Ellipse",
    "Outline",
    "Polygon",
    "Rectangle",
    "Shape",
]

Shape = tuple[int, int]
"""Height and width of a picture, in pixels."""

MAX_COORDINATE = 1e6
"""Maximum coordinate in a file, in pixels.  A larger one means that the file is damaged."""

_CROSSINGS_PER_BATCH = 10**6

Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom of a shape in pixels."""


@dataclass(frozen=True)
class Circle:
    """A circle with centre and radius in pixels."""

    shape_name: ClassVar[str] = "circle"

    cx: float
    cy: float
    r: float

    @property
    def bounds(self) -> Bounds:
        """Left, top, right and bottom in pixels."""
        return self.cx - self.r, self.cy - self.r, self.cx + self.r, self.cy + self.r

    @property
    def encloses(self) -> bool:
        """Whether its area is larger than zero."""
        return self.r > 0

    def mask(self, shape: Shape) -> NDArray[np.bool_]:
        """Return the pixels inside the circle.

        Parameters
        ----------
        shape
            Height and width of the picture in pixels.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True inside.
        """
        mask, window, x, y = _window(self.bounds, shape)
        mask[window] = (x - self.cx) ** 2 + (y - self.cy) ** 2 < self.r**2
        return mask


@dataclass(frozen=True)
class Ellipse:
    """An ellipse with centre and semi-axes in pixels, and a position angle.

    The semi-axis ``rx`` is rotated by `theta` radians from x towards y, which is clockwise in the picture.
    """

    shape_name: ClassVar[str] = "ellipse"

    cx: float
    cy: float
    rx: float
    ry: float
    theta: float = 0.0

    @property
    def bounds(self) -> Bounds:
        """Left, top, right and bottom in pixels."""
        cosine, sine = np.cos(self.theta), np.sin(self.theta)
        half_width = float(np.hypot(self.rx * cosine, self.ry * sine))
        half_height = float(np.hypot(self.rx * sine, self.ry * cosine))
        return self.cx - half_width, self.cy - half_height, self.cx + half_width, self.cy + half_height

    @property
    def encloses(self) -> bool:
        """Whether its area is larger than zero."""
        return self.rx > 0 and self.ry > 0

    def mask(self, shape: Shape) -> NDArray[np.bool_]:
        """Return the pixels inside the ellipse.

        Parameters
        ----------
        shape
            Height and width of the picture in pixels.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True inside.
        """
        mask, window, x, y = _window(self.bounds, shape)
        cosine, sine = np.cos(self.theta), np.sin(self.theta)
        along = (x - self.cx) * cosine + (y - self.cy) * sine
        across = (y - self.cy) * cosine - (x - self.cx) * sine
        # avoiding a division keeps axis-aligned ellipses with integer coordinates exact
        mask[window] = (along * self.ry) ** 2 + (across * self.rx) ** 2 < (self.rx * self.ry) ** 2
        return mask


@dataclass(frozen=True)
class Rectangle:
    """An axis-aligned rectangle with its top left corner and size in pixels."""

    shape_name: ClassVar[str] = "rect"

    x: float
    y: float
    width: float
    height: float

    @property
    def bounds(self) -> Bounds:
        """First column, first row, last column and last row."""
        return round(self.x), round(self.y), round(self.x + self.width) - 1, round(self.y + self.height) - 1

    @property
    def encloses(self) -> bool:
        """Whether its area is larger than zero."""
        return self.width > 0 and self.height > 0

    def mask(self, shape: Shape) -> NDArray[np.bool_]:
        """Return the pixels inside the rectangle.

        Parameters
        ----------
        shape
            Height and width of the picture in pixels.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True inside.
        """
        mask, window, _, _ = _window(self.bounds, shape)
        mask[window] = True
        return mask


@dataclass(frozen=True)
class Polygon:
    """A closed polygon.

    If it crosses itself, areas that it encloses twice are outside (even-odd rule).

    Attributes
    ----------
    xs, ys
        Coordinates of the corners in pixels; an edge joins the last corner to the first.
    is_polyline
        Whether it was drawn as a polyline; a polyline is filled as well.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    is_polyline: bool = False

    @property
    def shape_name(self) -> str:
        """Name of the shape in files of the VGG Image Annotator."""
        return "polyline" if self.is_polyline else "polygon"

    @property
    def bounds(self) -> Bounds:
        """Left, top, right and bottom in pixels."""
        if not self.xs:
            return 0.0, 0.0, -1.0, -1.0
        return min(self.xs), min(self.ys), max(self.xs), max(self.ys)

    @property
    def encloses(self) -> bool:
        """Whether it has at least three corners, not all on one row or column."""
        left, top, right, bottom = self.bounds
        return len(self.xs) > 2 and left < right and top < bottom

    def mask(self, shape: Shape) -> NDArray[np.bool_]:
        """Return the pixels inside the polygon or on its edges.

        Parameters
        ----------
        shape
            Height and width of the picture in pixels.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True inside and on the edges.
        """
        mask, window, x, y = _window(self.bounds, shape)
        if x.size and y.size:
            corners = np.column_stack([self.xs, self.ys]).astype(np.float64)
            ends = np.roll(corners, -1, axis=0)
            odd, touched = np.zeros((y.size, x.size), bool), np.zeros((y.size, x.size), bool)
            # batches limit the memory: many long edges have very many crossings with rows of pixels
            for edges in _edge_batches(corners[:, 1], ends[:, 1], y[:, 0]):
                odd ^= _enclosed(corners[edges], ends[edges], x[0], y[:, 0])
                touched |= _touched(corners[edges], ends[edges], x[0], y[:, 0])
            mask[window] = odd | touched
        return mask


Outline = Circle | Ellipse | Polygon | Rectangle


def _window(
    bounds: Bounds, shape: Shape
) -> tuple[NDArray[np.bool_], tuple[slice, slice], NDArray[np.float64], NDArray[np.float64]]:
    """Return an empty mask, the slices of the mask within `bounds`, and the x and y of the pixels there."""
    height, width = shape
    left, top, right, bottom = bounds
    columns = np.clip([np.floor(left), np.ceil(right) + 1], 0, width).astype(int)
    rows = np.clip([np.floor(top), np.ceil(bottom) + 1], 0, height).astype(int)
    x = np.arange(*columns, dtype=np.float64)[np.newaxis, :]
    y = np.arange(*rows, dtype=np.float64)[:, np.newaxis]
    return np.zeros(shape, bool), (slice(*rows), slice(*columns)), x, y


def _edge_batches(
    begins: NDArray[np.float64], ends: NDArray[np.float64], y: NDArray[np.float64]
) -> list[slice]:
    """Split edges, given by the y of both ends, into batches with about a million row crossings each."""
    low = np.clip(np.minimum(begins, ends), y[0], y[-1])
    high = np.clip(np.maximum(begins, ends), y[0], y[-1])
    parts = (np.cumsum(high - low + 1) // _CROSSINGS_PER_BATCH).astype(int)
    limits = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(parts)]
    return [slice(first, last) for first, last in pairwise(limits)]


def _enclosed(
    begins: NDArray[np.float64], ends: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` with an odd number of edges to their left; edges are ``(E, 2)``."""
    row, crossing = _crossings(begins, ends, y, with_lower_ends=False)
    counts = np.zeros((y.size, x.size + 1), np.int64)
    first = np.clip(np.ceil(crossing) - x[0], 0, x.size).astype(int)
    np.add.at(counts, (row, first), 1)
    odd: NDArray[np.bool_] = (np.cumsum(counts, axis=1)[:, :-1] & 1).astype(bool)
    return odd


def _touched(
    begins: NDArray[np.float64], ends: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` whose centres lie on an edge."""
    touched = np.zeros((y.size, x.size), bool)
    row, crossing = _crossings(begins, ends, y, with_lower_ends=True)
    here = (crossing == np.floor(crossing)) & (crossing >= x[0]) & (crossing <= x[-1])
    touched[row[here], (crossing[here] - x[0]).astype(int)] = True
    heights = begins[:, 1]
    level = (heights == ends[:, 1]) & (heights == np.floor(heights)) & (heights >= y[0]) & (heights <= y[-1])
    for (x1, height), (x2, _) in zip(begins[level], ends[level], strict=True):
        touched[int(height - y[0])] |= (min(x1, x2) <= x) & (x <= max(x1, x2))
    return touched


def _crossings(
    begins: NDArray[np.float64], ends: NDArray[np.float64], y: NDArray[np.float64], *, with_lower_ends: bool
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the index of the row and the x of each crossing of an edge with a row of pixel centres.

    Horizontal edges cross no row.  For corners on integer coordinates, x is an integer if and only if the
    exact crossing is one, because x follows from one product and one division.
    """
    low, high = np.minimum(begins[:, 1], ends[:, 1]), np.maximum(begins[:, 1], ends[:, 1])
    first = np.ceil(low)
    last = np.floor(high) if with_lower_ends else np.ceil(high) - 1
    first, last = np.maximum(first, y[0]), np.minimum(last, y[-1])
    times = np.where(low < high, np.maximum(last - first + 1, 0), 0).astype(int)
    edge = np.repeat(np.arange(low.size), times)
    # counts up from the first row of each edge
    row = np.arange(edge.size) - np.repeat(np.cumsum(times) - times - (first - y[0]).astype(int), times)
    (x1, y1), (x2, y2) = begins[edge].T, ends[edge].T
    return row, x1 + (y[row] - y1) * (x2 - x1) / (y2 - y1)
