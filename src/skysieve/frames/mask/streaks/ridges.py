"""Detection of straight ridges in an image from sums along lines: the candidates of streaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Ridge", "find_ridges", "line_sums"]

HALF_LENGTH = 32
"""Columns of a block; sums over two adjacent blocks are combined, so that ridges extend over 64 columns or
rows."""

WIDTHS = (1, 2, 4, 8)
"""Widths of ridges in rows."""

MIN_SIGNIFICANCE = 7.0
"""Minimum significance of a ridge, in units of the scatter of all lines of its width and direction."""

MAX_RIDGES = 4
"""Maximum number of ridges for each direction, width and pair of blocks."""

MIN_VALUES = 16
"""Minimum number of lines from which the scatter is measured."""

_MAD = 1.4826


class Ridge(NamedTuple):
    """A line that is brighter than both of its sides.

    Attributes
    ----------
    significance
        Excess over the brighter side, divided by the scatter of this excess among other lines.
    start, end
        Row and column of the ends, in pixels of the image.
    width
        Width in pixels.
    """

    significance: float
    start: tuple[float, float]
    end: tuple[float, float]
    width: int


def find_ridges(image: NDArray[np.float32]) -> list[Ridge]:
    """Find the ridges of an image.

    Parameters
    ----------
    image
        ``(H, W)`` float32, 0 where there is no data.  Bright stars should be clipped at a few sigma, so that
        a line through one is not a ridge.

    Returns
    -------
    list
        Ridges, the most significant first; a streak may have many.
    """
    found: list[Ridge] = []
    for transposed in (False, True):
        oriented = image.T if transposed else image
        rows = oriented.shape[0]
        for flipped in (False, True):
            for significance, start, end, across in _along_columns(oriented[::-1] if flipped else oriented):
                ends = [(rows - 1 - y if flipped else y, x) for y, x in (start, end)]
                if transposed:
                    ends = [(x, y) for y, x in ends]
                found.append(Ridge(significance, ends[0], ends[1], across))
    found.sort(key=lambda ridge: -ridge.significance)
    return found


def line_sums(image: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Sum along lines that descend by 0 to ``length - 1`` rows over `length` columns.

    Parameters
    ----------
    image
        ``(H, W)`` float32, where W is a multiple of `length`.
    length
        Number of columns, a power of 2.

    Returns
    -------
    ndarray
        ``(length, W / length, H + length)`` float32.  The axes are the descent, the block of columns, and the
        first row of the line plus `length`.  Pixels outside of the image count as 0.

    References
    ----------
    Brady 1998, SIAM Journal on Computing 27, 107 (each step combines adjacent blocks); Nir, Zackay & Ofek
    2018, AJ 156, 229 (the same for streaks).
    """
    height, width = image.shape
    # axes: descent, block, row; the rows above and below are for lines that begin or end outside
    sums = np.zeros((1, width, height + 2 * length), np.float32)
    sums[0, :, length : length + height] = image.T
    block = 1
    while block < length:
        left, right = sums[:, 0::2], sums[:, 1::2]
        added = np.empty((2 * block, left.shape[1], left.shape[2]), np.float32)
        for descent in range(block):
            for extra in (0, 1):
                shift = descent + extra
                target = added[2 * descent + extra]
                np.copyto(target, left[descent])
                stop = target.shape[1] - shift
                target[:, :stop] += right[descent, :, shift:]
        sums, block = added, 2 * block
    return sums[:, :, : height + length]


def _along_columns(
    image: NDArray[np.float32],
) -> Iterator[tuple[float, tuple[float, float], tuple[float, float], int]]:
    """Yield significance, both ends and width of ridges that descend by at most one row per column."""
    height, width = image.shape
    blocks = max(2, -(-width // HALF_LENGTH))
    padded = np.zeros((height, blocks * HALF_LENGTH), np.float32)
    padded[:, :width] = image
    halves = line_sums(padded, HALF_LENGTH)
    length = 2 * HALF_LENGTH
    for block in range(blocks - 1):
        left, right = halves[:, block], halves[:, block + 1]
        lines = np.zeros((length, left.shape[1]), np.float32)
        for descent in range(HALF_LENGTH):
            for extra in (0, 1):
                shift = descent + extra
                lines[2 * descent + extra] = left[descent]
                lines[2 * descent + extra, : left.shape[1] - shift] += right[descent, shift:]
        covered = min(width - block * HALF_LENGTH, length)
        yield from _peaks(lines / covered, block * HALF_LENGTH, height)


def _peaks(
    lines: NDArray[np.float32], first: int, height: int
) -> Iterator[tuple[float, tuple[float, float], tuple[float, float], int]]:
    """Yield the ridges from means ``(descent, row)`` along lines that begin in one column."""
    length, count = lines.shape
    total = np.zeros((length, count + 1), np.float32)
    np.cumsum(lines, axis=1, out=total[:, 1:])
    begins, descents = np.arange(count) - HALF_LENGTH, np.arange(length)[:, None]
    margin = HALF_LENGTH // 2
    outside = (begins[None] < -margin) | (begins[None] + descents >= height + margin)
    for width in WIDTHS:
        gap, side = 1 + width // 2, max(2, width)
        reach = gap + side
        last = count - width - reach
        if last < reach:
            continue

        def mean(offset: int, size: int, first: int = reach, last: int = last) -> NDArray[np.float32]:
            begin = first + offset
            found: NDArray[np.float32] = (
                total[:, begin + size : last + offset + size + 1] - total[:, begin : last + offset + 1]
            )
            found /= np.float32(size)
            return found

        excess = mean(0, width) - np.maximum(mean(-reach, side), mean(width + gap, side))
        hidden = outside[:, reach : last + 1]
        values = excess[::3, ::2][~hidden[::3, ::2]]
        if values.size < MIN_VALUES:
            continue
        median = np.median(values)
        scatter = _MAD * np.median(np.abs(values - median))
        if scatter <= 0:
            continue
        excess -= median
        excess /= scatter
        excess[hidden] = 0.0
        for _ in range(MAX_RIDGES):
            descent, at = divmod(int(excess.argmax()), excess.shape[1])
            best = float(excess[descent, at])
            if best < MIN_SIGNIFICANCE:
                break
            top = float(begins[reach + at] + (width - 1) / 2)
            yield best, (top, float(first)), (top + descent, float(first + length - 1)), width
            excess[max(0, descent - 4) : descent + 5, max(0, at - 2 * width - 2) : at + 2 * width + 3] = 0.0
