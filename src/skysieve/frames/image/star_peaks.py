"""Star-like peaks of a block of a frame: light that decreases in all directions, as a PSF does.

A 3 x 3 median filter first removes hot pixels, single columns and most cosmic rays, which are narrower than
stars.  Peaks are then searched for at three scales: in pixels, and in means of 2 x 2 and 4 x 4 pixels, so
that defocused stars are found too.  A peak is star-like if

- it curves downwards in all directions: the smaller principal curvature (Lindeberg 1998) exceeds a multiple
  of the scatter of curvatures nearby.  This excludes noise on a lamp or in a pupil, lines and edges.
- it stands out: around it the light above the sky is lower by a third or more in nearly all directions.  This
  excludes texture on extended light.

References
----------
Lindeberg 1998, Int. J. Computer Vision 30, 79 (blobs by the Hessian matrix, at several scales); Smith 1996,
Xcell 23, 16 (3 x 3 median).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.frame_sample import CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Block

__all__ = ["block_mean", "count_star_peaks", "median_3x3"]

SCALES = (1, 2, 4)
"""Sides of the squares of pixels that are averaged."""

MIN_CURVATURE = 8.0
"""Minimum curvature, in standard deviations of the curvatures nearby."""

MIN_ROUNDNESS = 0.35
"""Minimum of the smaller principal curvature, in units of the mean of the two."""

MIN_CONTRAST = 0.35
"""Minimum decrease of the light around a peak, as a fraction of its light above the sky."""

RING = ((4, 0), (3, 3), (0, 4), (-3, 3), (-4, 0), (-3, -3), (0, -4), (3, -3))
"""Offsets at which the light around a peak is measured: rows and columns, in squares of the scale."""
MAX_BRIGHT_DIRECTIONS = 1
"""Number of directions without a decrease that is allowed: another star may be there."""

MIN_SQUARES = 12
"""Minimum number of squares along an axis; scales with fewer are left out."""
NOISE_CELL = 16
"""Minimum side, in squares, of the cells in which the scatter is measured."""
MIN_SCATTER = 0.5
"""Minimum scatter in units of the median over the block, so that cells without noise give no stars."""


def median_3x3(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply a 3 x 3 median filter.

    Parameters
    ----------
    pixels
        ``(h, w)`` float32.

    Returns
    -------
    ndarray
        ``(h, w)`` float32.

    References
    ----------
    Smith 1996, Xcell 23, 16.
    """
    padded = np.pad(pixels, 1, mode="edge")
    first, second = _sorted(padded[:-2], padded[1:-1])
    second, highest = _sorted(second, padded[2:])
    lowest, middle = _sorted(first, second)
    # median of: the maximum of the lowest, the median of the middle, and the minimum of the highest values
    low = np.maximum(np.maximum(lowest[:, :-2], lowest[:, 1:-1]), lowest[:, 2:])
    high = np.minimum(np.minimum(highest[:, :-2], highest[:, 1:-1]), highest[:, 2:])
    return _median_of_three(low, _median_of_three(middle[:, :-2], middle[:, 1:-1], middle[:, 2:]), high)


def block_mean(pixels: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Average squares of pixels.

    Parameters
    ----------
    pixels
        ``(h, w)`` float32.
    side
        Side of a square in pixels.

    Returns
    -------
    ndarray
        ``(h // side, w // side)`` float32; incomplete squares are left out.
    """
    rows, columns = (length // side * side for length in pixels.shape)
    # summing strided views takes a third of the time of a mean over two axes
    down = sum(pixels[start:rows:side, :columns] for start in range(1, side)) + pixels[:rows:side, :columns]
    total = sum(down[:, start::side] for start in range(1, side)) + down[:, ::side]
    means: NDArray[np.float32] = total * np.float32(1 / side**2)
    return means


def count_star_peaks(block: Block, light: NDArray[np.float32]) -> int:
    """Count the star-like peaks of a block at the scale with the most.

    Parameters
    ----------
    block
        A block ``(h, w)`` of a frame.
    light
        Its pixels after :func:`median_3x3`.

    Returns
    -------
    int
        Number of peaks; 0 if the block is smaller than the smallest scale needs.
    """
    scales = [scale for scale in SCALES if min(light.shape) // scale >= MIN_SQUARES]
    return max((_count(block, block_mean(light, scale), scale) for scale in scales), default=0)


def _count(block: Block, light: NDArray[np.float32], scale: int) -> int:
    """Count the star-like peaks among the squares ``(h, w)`` of a scale."""
    smooth = _smoothed(_smoothed(light))
    mean, smaller = _curvatures(smooth)
    highest = _local_maximum(smaller)
    scatter = _scatter(mean, max(CELL // scale, NOISE_CELL))
    found = (smaller >= highest) & (smaller > MIN_CURVATURE * scatter) & (smaller > MIN_ROUNDNESS * mean)
    if block.nodata.any():
        found &= block_mean(block.nodata.astype(np.float32), scale) == 0
    reach = max(max(offset) for offset in RING)
    padded = np.pad(smooth, reach, mode="edge")
    row, column = np.nonzero(found)
    around = np.stack([padded[row + reach + i, column + reach + j] for i, j in RING])
    brightest = np.sort(around, axis=0)[-1 - MAX_BRIGHT_DIRECTIONS]
    peak = smooth[row, column]
    return int(np.count_nonzero(peak - brightest > MIN_CONTRAST * np.maximum(peak - block.sky, 0)))


def _sorted(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the smaller and the larger of two values."""
    return np.minimum(first, second), np.maximum(first, second)


def _median_of_three(
    first: NDArray[np.float32], second: NDArray[np.float32], third: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the median of three values."""
    return np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))


def _smoothed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image convolved with (1, 2, 1) / 4 along both axes."""
    padded = np.pad(image, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth: NDArray[np.float32] = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16
    return smooth


def _curvatures(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean and the smaller of the principal curvatures, positive at peaks, 0 along the borders."""
    mean, smaller = np.zeros_like(image), np.zeros_like(image)
    centre = 2 * image[1:-1, 1:-1]
    across = centre - image[1:-1, 2:] - image[1:-1, :-2]
    down = centre - image[2:, 1:-1] - image[:-2, 1:-1]
    mixed = (image[2:, 2:] + image[:-2, :-2] - image[2:, :-2] - image[:-2, 2:]) / 4
    mean[1:-1, 1:-1] = (across + down) / 2
    # hypot would be slower, and nothing overflows here
    smaller[1:-1, 1:-1] = mean[1:-1, 1:-1] - np.sqrt(((across - down) / 2) ** 2 + mixed**2)
    return mean, smaller


def _local_maximum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the maximum of 3 x 3 values, and infinity along the borders, where there are no peaks."""
    highest = np.full_like(values, np.inf)
    down = np.maximum(np.maximum(values[:-2], values[1:-1]), values[2:])
    highest[1:-1, 1:-1] = np.maximum(np.maximum(down[:, :-2], down[:, 1:-1]), down[:, 2:])
    return highest


def _scatter(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the standard deviation of values in cells of a given side, ``(h, w)``."""
    height, width = values.shape
    tall, wide = min(side, height), min(side, width)
    rows, columns = height // tall, width // wide
    cells = values[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide)[:, ::2, :, ::2]
    medians = np.median(np.abs(cells).swapaxes(1, 2).reshape(rows, columns, -1), axis=2) / 0.6745
    medians = np.maximum(medians, MIN_SCATTER * np.median(medians)).astype(np.float32)
    spread = medians.repeat(tall, axis=0).repeat(wide, axis=1)
    rest = ((0, height - rows * tall), (0, width - columns * wide))
    return np.pad(spread, rest, mode="edge")
