"""Star-like peaks of a block of a frame: light that falls off to all sides, as a PSF gives it.

A median of 3 x 3 pixels comes first: nothing is left after it of hot pixels, single columns and most cosmic
rays, which are narrower than the light of stars.  Then peaks are looked for at three scales, in pixels and in
means of 2 x 2 and 4 x 4, so that defocused stars are found, too.  A peak is star-like where

- it curves downwards in all directions (the lesser principal curvature, Lindeberg 1998), by some times the
  scatter of curvatures nearby, so that noise on a lamp or in a pupil does not count, nor lines or edges;
- it stands out: around it the light above the sky falls by a third or more in nearly all directions, so that
  texture on wider light does not count.

References
----------
Lindeberg 1998, Int. J. Computer Vision 30, 79 (blobs by the Hessian matrix, at several scales); Smith 1996,
Xcell 23, 16 (median of 3 x 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.frame_sample import CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Block

__all__ = ["count_star_peaks", "mean_over", "without_specks"]

SCALES = (1, 2, 4)
"""Sides of the squares of pixels that are averaged."""

SIGNIFICANT = 8.0
"""Least curvature, in standard deviations of the curvatures nearby."""

ROUND = 0.35
"""Least of the two principal curvatures, in units of their mean."""

STANDING_OUT = 0.35
"""Part of the light above the sky by which it falls."""

AROUND = ((4, 0), (3, 3), (0, 4), (-3, 3), (-4, 0), (-3, -3), (0, -4), (3, -3))
"""Where the light around a peak is looked at: rows and columns, in squares."""
NEIGHBOURS_AS_BRIGHT = 1
"""Directions in which there may be another star."""

LEAST_SQUARES = 12
"""Fewer along an axis, and the scale is left out."""
NOISE_CELL = 16
"""Least side in squares of the cells whose scatter is taken."""
LEAST_SCATTER = 0.5
"""In units of the median over the block: cells without noise make no stars."""


def without_specks(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return medians of 3 x 3 pixels, ``(h, w)`` as the pixels are."""
    padded = np.pad(pixels, 1, mode="edge")
    first, second = _sorted(padded[:-2], padded[1:-1])
    second, highest = _sorted(second, padded[2:])
    lowest, middle = _sorted(first, second)
    # the median of the highest of the lowest, of the middle, and of the lowest of the highest (Smith 1996)
    low = np.maximum(np.maximum(lowest[:, :-2], lowest[:, 1:-1]), lowest[:, 2:])
    high = np.minimum(np.minimum(highest[:, :-2], highest[:, 1:-1]), highest[:, 2:])
    return _middle(low, _middle(middle[:, :-2], middle[:, 1:-1], middle[:, 2:]), high)


def mean_over(pixels: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return means of squares of pixels, ``(h // side, w // side)``."""
    rows, columns = (length // side * side for length in pixels.shape)
    # sums of strided views take a third of the time of a mean over two axes
    down = sum(pixels[start:rows:side, :columns] for start in range(1, side)) + pixels[:rows:side, :columns]
    total = sum(down[:, start::side] for start in range(1, side)) + down[:, ::side]
    means: NDArray[np.float32] = total * np.float32(1 / side**2)
    return means


def count_star_peaks(block: Block, light: NDArray[np.float32]) -> int:
    """Return how many star-like peaks the scale shows that shows most.

    Parameters
    ----------
    block
        A block ``(h, w)`` of a frame.
    light
        Its pixels :func:`without_specks`.
    """
    scales = [scale for scale in SCALES if min(light.shape) // scale >= LEAST_SQUARES]
    return max((_count(block, mean_over(light, scale), scale) for scale in scales), default=0)


def _count(block: Block, light: NDArray[np.float32], scale: int) -> int:
    """Return how many of the squares ``(h, w)`` of a scale are star-like peaks."""
    smooth = _smoothed(_smoothed(light))
    mean, lesser = _curvatures(smooth)
    highest = _highest_nearby(lesser)
    scatter = _scatter(mean, max(CELL // scale, NOISE_CELL))
    found = (lesser >= highest) & (lesser > SIGNIFICANT * scatter) & (lesser > ROUND * mean)
    if block.nodata.any():
        found &= mean_over(block.nodata.astype(np.float32), scale) == 0
    reach = max(max(place) for place in AROUND)
    padded = np.pad(smooth, reach, mode="edge")
    row, column = np.nonzero(found)
    around = np.stack([padded[row + reach + i, column + reach + j] for i, j in AROUND])
    brightest = np.sort(around, axis=0)[-1 - NEIGHBOURS_AS_BRIGHT]
    peak = smooth[row, column]
    return int(np.count_nonzero(peak - brightest > STANDING_OUT * np.maximum(peak - block.sky, 0)))


def _sorted(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lesser and the greater of two values."""
    return np.minimum(first, second), np.maximum(first, second)


def _middle(
    first: NDArray[np.float32], second: NDArray[np.float32], third: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the median of three values."""
    return np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))


def _smoothed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image smoothed by 1, 2, 1 along both axes."""
    padded = np.pad(image, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth: NDArray[np.float32] = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16
    return smooth


def _curvatures(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean and the lesser of the two downward curvatures, 0 along the borders."""
    mean, lesser = np.zeros_like(image), np.zeros_like(image)
    centre = 2 * image[1:-1, 1:-1]
    across = centre - image[1:-1, 2:] - image[1:-1, :-2]
    down = centre - image[2:, 1:-1] - image[:-2, 1:-1]
    twist = (image[2:, 2:] + image[:-2, :-2] - image[2:, :-2] - image[:-2, 2:]) / 4
    mean[1:-1, 1:-1] = (across + down) / 2
    # no hypot, which is slow and safe where nothing overflows
    lesser[1:-1, 1:-1] = mean[1:-1, 1:-1] - np.sqrt(((across - down) / 2) ** 2 + twist**2)
    return mean, lesser


def _highest_nearby(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the highest of 3 x 3 values; along the borders, which are no peaks, infinity."""
    highest = np.full_like(values, np.inf)
    down = np.maximum(np.maximum(values[:-2], values[1:-1]), values[2:])
    highest[1:-1, 1:-1] = np.maximum(np.maximum(down[:, :-2], down[:, 1:-1]), down[:, 2:])
    return highest


def _scatter(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return the standard deviation of values ``(h, w)``, by cells of that side."""
    height, width = values.shape
    tall, wide = min(side, height), min(side, width)
    rows, columns = height // tall, width // wide
    cells = values[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide)[:, ::2, :, ::2]
    medians = np.median(np.abs(cells).swapaxes(1, 2).reshape(rows, columns, -1), axis=2) / 0.6745
    medians = np.maximum(medians, LEAST_SCATTER * np.median(medians)).astype(np.float32)
    spread = medians.repeat(tall, axis=0).repeat(wide, axis=1)
    rest = ((0, height - rows * tall), (0, width - columns * wide))
    return np.pad(spread, rest, mode="edge")
