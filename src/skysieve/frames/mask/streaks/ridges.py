"""Straight ridges in a picture, by sums along lines: where a streak may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Ridge", "find_ridges", "line_sums"]

HALF_LENGTH = 32
"""Columns of the blocks whose sums are added in pairs: a ridge is sought over 64 columns or rows."""

WIDTHS = (1, 2, 4, 8)
"""Rows over which the ridge is averaged."""

LEAST_SIGNIFICANCE = 7.0
"""Of a ridge, in units of the scatter of all lines of its width and direction."""

OF_EACH_BLOCK = 4
"""Ridges kept of each direction, width and pair of blocks, the most significant ones."""

LEAST_VALUES = 16
"""Lines from which a scatter is measured."""

_MAD = 1.4826


class Ridge(NamedTuple):
    """A line that is brighter than both of its sides.

    Attributes
    ----------
    significance
        Excess over the brighter of both sides, over the scatter of this excess on other lines.
    start, end
        Row and column of the ends, in pixels of the picture.
    width
        Pixels across.
    """

    significance: float
    start: tuple[float, float]
    end: tuple[float, float]
    width: int


def find_ridges(picture: NDArray[np.float32]) -> list[Ridge]:
    """Return the ridges of a picture, the most significant first; one line may give many.

    Parameters
    ----------
    picture
        ``(H, W)`` float32, 0 where it has no data. Bright stars should be cut off at a few sigma, so that a
        line through one is no ridge.
    """
    found: list[Ridge] = []
    for transposed in (False, True):
        seen = picture.T if transposed else picture
        rows = seen.shape[0]
        for flipped in (False, True):
            for significance, start, end, across in _along_columns(seen[::-1] if flipped else seen):
                ends = [(rows - 1 - y if flipped else y, x) for y, x in (start, end)]
                if transposed:
                    ends = [(x, y) for y, x in ends]
                found.append(Ridge(significance, ends[0], ends[1], across))
    found.sort(key=lambda ridge: -ridge.significance)
    return found


def line_sums(picture: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return sums along lines that sink by 0 to ``length - 1`` rows over ``length`` columns.

    Parameters
    ----------
    picture
        ``(H, W)`` float32, where W is a multiple of ``length``.
    length
        A power of 2.

    Returns
    -------
    ndarray
        ``(length, W / length, H + length)`` float32: by how far the line sinks, block of columns, and the row
        in which it begins, less ``length``; beyond the picture all is 0.

    References
    ----------
    Brady 1998, SIAM Journal on Computing 27, 107 (each step adds neighbouring halves); Nir, Zackay & Ofek
    2018, AJ 156, 229 (the same for streaks).
    """
    height, width = picture.shape
    # by descent, block, row; the rows above and below are for lines that begin or end outside
    sums = np.zeros((1, width, height + 2 * length), np.float32)
    sums[0, :, length : length + height] = picture.T
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
    picture: NDArray[np.float32],
) -> Iterator[tuple[float, tuple[float, float], tuple[float, float], int]]:
    """Yield significance, both ends and width of ridges that sink by at most one row a column."""
    height, width = picture.shape
    blocks = max(2, -(-width // HALF_LENGTH))
    padded = np.zeros((height, blocks * HALF_LENGTH), np.float32)
    padded[:, :width] = picture
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
    """Yield the ridges of means ``(descent, row)`` along lines that begin at one column."""
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
        if values.size < LEAST_VALUES:
            continue
        middle = np.median(values)
        scatter = _MAD * np.median(np.abs(values - middle))
        if scatter <= 0:
            continue
        excess -= middle
        excess /= scatter
        excess[hidden] = 0.0
        for _ in range(OF_EACH_BLOCK):
            descent, at = divmod(int(excess.argmax()), excess.shape[1])
            best = float(excess[descent, at])
            if best < LEAST_SIGNIFICANCE:
                break
            top = float(begins[reach + at] + (width - 1) / 2)
            yield best, (top, float(first)), (top + descent, float(first + length - 1)), width
            excess[max(0, descent - 4) : descent + 5, max(0, at - 2 * width - 2) : at + 2 * width + 3] = 0.0
