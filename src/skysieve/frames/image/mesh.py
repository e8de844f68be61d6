"""Sky level and noise of the blocks of a mesh, by sigma clipping.

Each block is sorted once.  Whatever clipping keeps is then one run of the
sorted values, so that its median, mean and standard deviation follow from
cumulative sums, and a round of clipping costs two binary searches.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["BLOCK", "BlockGrid", "Window", "block_edges", "measure_blocks", "measure_whole"]

BLOCK = 200
"""Side of a block in pixels (MaxiMask's mesh)."""

CLIP_SIGMA = 3.0
STABLE_SIGMA = 0.2
"""A sigma that clipping changes by less than this fraction speaks for a sky free of sources."""

FAR_BELOW = 10.0
"""No sky lies so many sigma below the median of a block: it is overscan, or dead pixels."""

MAD_SIGMA = 1.4826
"""Sigma of a normal distribution, in units of its median absolute deviation."""

MINIMUM_VALID = 0.05
"""A block with a smaller fraction of valid pixels is not measured."""

LEAST_WHOLE = 0.01
"""Nor is a frame as a whole."""


@dataclass(frozen=True)
class Window:
    """The range of pixel values that is looked at, in the frame's unit."""

    low: float
    high: float


@dataclass(frozen=True)
class BlockGrid:
    """Level and noise of each block.

    Attributes
    ----------
    level, sigma
        ``(rows, columns)`` float64 in the frame's unit; NaN where a block has too few valid pixels, and a
        NaN sigma where its pixels are all alike.
    """

    level: NDArray[np.float64]
    sigma: NDArray[np.float64]


def block_edges(length: int) -> list[tuple[int, int]]:
    """Return first and last-plus-one pixel of each block along one axis.

    Whole blocks are centred in the remainder, as in MaxiMask; an axis shorter than a block is one block.

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
        Values outside are set to its limits first.
    ignore_nodata
        If true, pixels without data do not count; if false they count with the value that the frame
        gives them, as in the published code.
    ignore_far_below
        If true, pixels far below the median of their block do not count.  Where overscan takes a tenth of a
        block or more, clipping by the standard deviation alone keeps it, and takes its distance for noise.
    threads
        Blocks measured at a time.
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


def measure_whole(frame: Frame, window: Window) -> tuple[float, float]:
    """Measure the level and the noise of a frame as one block, for frames of which no block can be measured.

    Blocks leave out the borders of a frame, where all that is valid may be.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels, read in strips.
    window
        Values outside are set to its limits first.

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
    if valid.size < LEAST_WHOLE * height * width:
        return np.nan, np.nan
    return _clipped_level(valid, valid.size, window, far_below=True)


def _clipped_level(
    values: NDArray[np.float32], size: int, window: Window, *, far_below: bool
) -> tuple[float, float]:
    """Return level and sigma of the valid pixels of one block of ``size`` pixels."""
    if values.size < max(2, MINIMUM_VALID * size):
        return np.nan, np.nan
    ordered = np.sort(values)
    np.clip(ordered, window.low, window.high, out=ordered)
    if ordered[0] == ordered[-1]:
        # A block of zeros is blank sky to the published weights; any other constant has a level but no noise.
        return float(ordered[0]), 1.0 if ordered[0] == 0 else np.nan

    if far_below:
        ordered = ordered[_first_near(ordered) :]
    # Sums of deviations from a value near the sky lose no digits to a large level.
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
    """Return the place of the first of sorted values that is not far below their median."""
    middle = ordered.size // 2
    median = float(ordered[middle])
    # Of the half of the values next to the median, the farther end is as far as the median deviation
    least, most = 0, middle
    while least < most:
        start = (least + most) // 2
        if median - float(ordered[start]) > float(ordered[start + middle]) - median:
            least = start + 1
        else:
            most = start
    farthest = float(ordered[min(least + middle, ordered.size - 1)])
    deviation = max(median - float(ordered[least]), farthest - median)
    if deviation <= 0:
        return 0
    return int(np.searchsorted(ordered, np.float32(median - FAR_BELOW * MAD_SIGMA * deviation), "left"))
