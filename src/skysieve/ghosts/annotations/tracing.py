"""The way back: from the pixels of a ghost to one outline around exactly these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.annotations.outlines import Polygon

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["trace"]


def trace(mask: NDArray[np.bool_]) -> Polygon:
    """Return one polygon with exactly the pixels of a mask.

    It runs along the edges of the pixels.  Parts and holes of the mask are joined to it by lines there and
    back, which enclose nothing and, between the pixels, touch none.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        True where the ghost is.

    Returns
    -------
    Polygon
        Without corners if no pixel is True.

    Examples
    --------
    >>> trace(np.array([[False, True, True]])).xs
    (0.5, 2.5, 2.5, 0.5)
    """
    loops = _loops(mask)
    if not loops:
        return Polygon((), ())
    base = loops[0][0]
    path = list(loops[0])
    for loop in loops[1:]:
        bend = (loop[0][0], base[1])
        path += [base, bend, *loop, loop[0], bend]
    return Polygon(tuple(x - 0.5 for x, _ in path), tuple(y - 0.5 for _, y in path))


def _loops(mask: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Return the closed lines between True and False, as the corners (x, y) of pixels at which they turn."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # each side of a pixel runs clockwise: where it begins in the pixel, and which way it goes
    for neighbour, begin, way in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    ):
        ys, xs = np.nonzero(inside & ~neighbour)
        for corner in zip((xs + begin[0]).tolist(), (ys + begin[1]).tolist(), strict=True):
            ways.setdefault(corner, []).append(way)
    loops = []
    while ways:
        start = place = next(iter(ways))
        loop: list[tuple[int, int]] = []
        last = None
        while place in ways:
            way = ways[place].pop()
            if not ways[place]:
                del ways[place]
            if way != last:
                loop.append(place)
            place, last = (place[0] + way[0], place[1] + way[1]), way
            if place == start:
                break
        loops.append(loop)
    return loops
