"""Trace the outline of a mask as one polygon that contains exactly its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.annotations.outlines import Polygon

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["trace"]


def trace(mask: NDArray[np.bool_]) -> Polygon:
    """Trace a mask as one polygon with exactly its pixels.

    The polygon follows the edges of the pixels.  Pairs of coincident edges connect the components and holes
    of the mask.  They have no area, and they run between pixel centres, so that they add no pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        True where the ghost is.

    Returns
    -------
    Polygon
        The outline; it has no corners if no pixel is True.

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
    """Return the closed boundaries between True and False as lists of corners (x, y)."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # sides of pixels run clockwise: neighbour beyond the side, its start corner, and its direction
    for neighbour, begin, step in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    ):
        ys, xs = np.nonzero(inside & ~neighbour)
        for corner in zip((xs + begin[0]).tolist(), (ys + begin[1]).tolist(), strict=True):
            steps.setdefault(corner, []).append(step)
    loops = []
    while steps:
        start = position = next(iter(steps))
        loop: list[tuple[int, int]] = []
        last = None
        while position in steps:
            step = steps[position].pop()
            if not steps[position]:
                del steps[position]
            if step != last:
                loop.append(position)
            position, last = (position[0] + step[0], position[1] + step[1]), step
            if position == start:
                break
        loops.append(loop)
    return loops
