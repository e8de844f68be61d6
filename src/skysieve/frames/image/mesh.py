"""Sky level and noise of the blocks of a mesh, by sigma clipping.

Each block is sorted once.  Clipping then keeps a contiguous range of the sorted values.  The median, mean and
standard deviation of a range follow from cumulative sums, so that a round of clipping costs two binary
searches.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["BLOCK", "BlockGrid", "Window", "block_edges", "measure_blocks", "measure_frame"]

BLOCK = 200
"""Side of a block in pixels (MaxiMask's mesh)."""

CLIP_SIGMA = 3.0
STABLE_SIGMA = 0.2
"""If clipping changes sigma by less than this fraction, the block has few sources and its level is the
mean."""

FAR_BELOW = 10.0
"""Pixels this many sigma below the median of a block are overscan or dead pixels, not sky."""

MAD_SIGMA = 1.4826
"""Sigma of a normal distribution, in units of its median absolute deviation."""

MIN_VALID = 0.05
"""Minimum fraction of valid pixels in a block; other blocks are not measured."""

MIN_VALID_FRAME = 0.01
"""Minimum fraction of valid pixels in a frame that is measured as a whole."""


@dataclass(frozen=True)
class Window:
    """Range to which pixel values are clipped, in the frame's unit."""

    low: float
    high: float


@dataclass(frozen=True)
class BlockGrid:
    """Level and noise of each block.

    Attributes
    ----------
    level, sigma
        ``(rows, columns)`` float64 in the frame's unit; NaN where a block has too few valid pixels.  Sigma is
        also NaN where all pixels of a block have the same value.
    """

    level: NDArray[np.float64]
    sigma: NDArray[np.float64]


def block_edges(length: int) -> list[tuple[int, int]]:
    """Return the range of pixels of each block along one axis.

    The blocks are centred on the axis, as in MaxiMask.  An axis shorter than a block is one block.

    Parameters
    ----------
    length
        Number of pixels of the axis.

    Returns
    -------
    list
        First pixel of each block, and the pixel after its last.

    Examples
    --------
    >>> block_edges(500)
    [(50, 250), (250, 450)]
    >>> block_edges(64)
    [(0, 64)]
    """
    if length < BLOCK:
        return [(0, length)]
    first = length % BLOCK // 2
    return [(first + i * BLOCK, first + (i + 1) * BLOCK) for i in range(length // BLOCK)]


def measure_blocks(
    frame: Frame,
    window: Window,
    *,
    ignore_nodata: bool = True,
    ignore_far_below: bool = True,
    threads: int = 2,
) -> BlockGrid:
    """Measure the level and the noise of every block of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels, read in strips of one row of blocks.
    window
        Range to which values are clipped first.
    ignore_nodata
        Whether to ignore pixels without data.  The published code uses the value that the frame gives them.
    ignore_far_below
        Whether to ignore pixels far below the median of their block.  Without this, overscan that covers a
        tenth of a block or more is not clipped and inflates sigma.
    threads
        Number of blocks measured at a time.

    Returns
    -------
    BlockGrid
        Level and sigma of each block.
    """
    rows, columns = (block_edges(length) for length in frame.shape)

    def measure(block: NDArray[np.float32], nodata: NDArray[np.bool_]) -> tuple[float, float]:
        valid = block[~nodata] if ignore_nodata and nodata.any() else block.ravel()
        return _clipped_level(valid, block.size, window, far_below=ignore_far_below)

    results: list[tuple[float, float]] = []
    with ThreadPoolExecutor(threads) as pool:
        for top, bottom in rows:
            pixels, nodata = frame.rows(top, bottom)
            cuts = [slice(left, right) for left, right in columns]
            results += pool.map(measure, [pixels[:, c] for c in cuts], [nodata[:, c] for c in cuts])
    values = np.array(results, dtype=np.float64).reshape(len(rows), len(columns), 2)
    return BlockGrid(values[..., 0], values[..., 1])


def measure_frame(frame: Frame, window: Window) -> tuple[float, float]:
    """Measure the level and the noise of a frame as one block.

    This is for frames in which no block can be measured.  Blocks do not cover the borders of a frame, where
    all valid pixels may be.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels, read in strips.
    window
        Range to which values are clipped first.

    Returns
    -------
    level, sigma : float
        In the frame's unit; NaN where less than 1 % of the pixels are valid.
    """
    height, width = frame.shape
    kept = []
    for top in range(0, height, BLOCK):
        pixels, nodata = frame.rows(top, min(top + BLOCK, height))
        kept.append(pixels[~nodata])
    valid = np.concatenate(kept)
    if valid.size < MIN_VALID_FRAME * height * width:
        return np.nan, np.nan
    return _clipped_level(valid, valid.size, window, far_below=True)


def _clipped_level(
    values: NDArray[np.float32], size: int, window: Window, *, far_below: bool
) -> tuple[float, float]:
    """Return level and sigma of the valid pixels of one block of ``size`` pixels."""
    if values.size < max(2, MIN_VALID * size):
        return np.nan, np.nan
    ordered = np.sort(values)
    np.clip(ordered, window.low, window.high, out=ordered)
    if ordered[0] == ordered[-1]:
        # The published code takes a block of zeros for blank sky with sigma 1; other constants have no noise.
        return float(ordered[0]), 1.0 if ordered[0] == 0 else np.nan

    if far_below:
        ordered = ordered[_first_near(ordered) :]
    # Sums of deviations from a value near the sky avoid rounding errors where the level is large.
    origin = float(ordered[ordered.size // 2])
    deviation = ordered.astype(np.float64)
    deviation -= origin
    first = np.cumsum(deviation)
    np.multiply(deviation, deviation, out=deviation)
    second = np.cumsum(deviation, out=deviation)

    def mean_and_sigma(start: int, stop: int) -> tuple[float, float]:
        count = stop - start
        mean = (first[stop - 1] - (first[start - 1] if start else 0.0)) / count
        square = (second[stop - 1] - (second[start - 1] if start else 0.0)) / count
        return mean + origin, max(square - mean * mean, 0.0) ** 0.5

    start, stop = 0, ordered.size
    mean, sigma = mean_and_sigma(start, stop)
    first_sigma = sigma
    while True:
        middle = (start + stop) // 2
        odd = (stop - start) % 2
        median = (
            float(ordered[middle]) if odd else 0.5 * (float(ordered[middle - 1]) + float(ordered[middle]))
        )
        # float32 limits, because searching float32 values for a float64 would convert all of them
        limits = np.array([median - CLIP_SIGMA * sigma, median + CLIP_SIGMA * sigma], np.float32)
        new_start = max(start, int(np.searchsorted(ordered, limits[0], "left")))
        new_stop = min(stop, int(np.searchsorted(ordered, limits[1], "right")))
        if (new_start, new_stop) == (start, stop):
            break
        start, stop = new_start, new_stop
        mean, sigma = mean_and_sigma(start, stop)
    stable = abs(sigma - first_sigma) < STABLE_SIGMA * first_sigma
    level = mean if stable else 2.5 * median - 1.5 * mean
    return level, sigma if sigma > 0 else np.nan


def _first_near(ordered: NDArray[np.float32]) -> int:
    """Return the index of the first of sorted values that is not far below their median."""
    middle = ordered.size // 2
    median = float(ordered[middle])
    # bisect for the half of the values closest to the median; its farther end is at the median deviation
    low, high = 0, middle
    while low < high:
        start = (low + high) // 2
        if median - float(ordered[start]) > float(ordered[start + middle]) - median:
            low = start + 1
        else:
            high = start
    farthest = float(ordered[min(low + middle, ordered.size - 1)])
    deviation = max(median - float(ordered[low]), farthest - median)
    if deviation <= 0:
        return 0
    return int(np.searchsorted(ordered, np.float32(median - FAR_BELOW * MAD_SIGMA * deviation), "left"))
