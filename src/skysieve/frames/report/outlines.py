"""Outlines of the classes of a mask, as SVG paths along the edges of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["MAX_RUNS", "outline_path", "outlines"]

Integers = TypeVar("Integers", bound="np.integer[Any] | np.bool_")

MAX_RUNS = 100_000
"""Straight lines in the outline of a class. A class that needs more is drawn on blocks of pixels."""

_MAX_SIDE = 8192


def outlines(bits: NDArray[np.integer], planes: Mapping[str, int]) -> dict[str, str]:
    """Return the outline of each plane of a mask that has pixels.

    Parameters
    ----------
    bits
        ``(H, W)`` mask.
    planes
        Mask value of each plane, by name.

    Returns
    -------
    dict of str to str
        SVG path by name, see :func:`outline_path`.
    """
    height, width = bits.shape
    step = -(-max(height, width) // _MAX_SIDE)
    shrunk = _merged(bits, step)
    found = {}
    for name, value in planes.items():
        region = (shrunk & value) != 0
        if region.any():
            found[name] = outline_path(region, height, width, step=step)
    return found


def outline_path(region: NDArray[np.bool_], height: int, width: int, *, step: int = 1) -> str:
    """Return the outline of a region.

    Parameters
    ----------
    region
        ``(h, w)``, True in the region.  Its first row is the lowest, as in a frame.
    height, width
        Size of the frame in pixels.
    step
        Side of the pixels of `region`, in pixels of the frame.

    Returns
    -------
    str
        Path of horizontal and vertical lines.  Its unit is a pixel of the frame, its origin the upper left
        corner of the picture, and y increases downwards.

    Examples
    --------
    >>> import numpy as np
    >>> outline_path(np.array([[False, True], [False, False]]), 2, 2)
    'M1 2h1M1 1h1M1 1v1M2 1v1'
    """
    while True:
        padded = np.pad(region, 1)
        across = _runs(padded[1:, 1:-1] != padded[:-1, 1:-1])
        down = _runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)
        if len(across) + len(down) <= MAX_RUNS or max(region.shape) < 2:
            break
        region, step = _merged(region, 2), step * 2
    parts = []
    for row, start, stop in across:
        left = min(start * step, width)
        parts.append(f"M{left} {height - min(row * step, height)}h{min(stop * step, width) - left}")
    for column, start, stop in down:
        low, high = min(start * step, height), min(stop * step, height)
        parts.append(f"M{min(column * step, width)} {height - high}v{high - low}")
    return "".join(parts)


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Return the runs of True in each row: the row, and the first and last column plus 1."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _merged(bits: NDArray[Integers], step: int) -> NDArray[Integers]:
    """Return a mask with the bits of all pixels of each block."""
    if step == 1:
        return bits
    rows, columns = (np.arange(0, length, step) for length in bits.shape)
    merged = np.bitwise_or.reduceat(np.bitwise_or.reduceat(bits, rows, axis=0), columns, axis=1)
    return cast("NDArray[Integers]", merged)
