"""Fill pixels from their surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

__all__ = ["fill_pixels"]

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Standard deviations of the Gaussian weights in pixels; the smallest one with enough good pixels is used."""

MIN_WEIGHT = 0.2
"""Minimum weight of the good pixels, relative to that of all pixels."""

TRUNCATE = 3.0

NOISE_SCALE, NOISE_BLOCK, MIN_NOISE_PIXELS = 4.0, 64, 200
"""Scale of the smooth light and side of the blocks in which noise is measured, in pixels; and the number of
good pixels of a block below which the noise of the frame is used."""


def fill_pixels(
    pixels: ArrayLike, bad: ArrayLike, *, noise: bool = False, rng: Generator | int | None = None
) -> NDArray[np.float64]:
    """Replace bad pixels by means of the good pixels around them, with Gaussian weights.

    The weights are as narrow as the area of bad pixels permits.  Large areas are filled with the smooth light
    around them: nothing is known of what they hide.

    Parameters
    ----------
    pixels
        ``(H, W)`` array in any unit; NaN is never used.
    bad
        ``(H, W)``, non-zero in pixels to fill.
    noise
        Whether to add Gaussian noise with the standard deviation of the sky around each pixel.
    rng
        Generator of the noise, or its seed.

    Returns
    -------
    ndarray
        ``(H, W)`` float64, a copy; all other pixels are unchanged.

    Raises
    ------
    FrameError
        If the shapes differ, or no pixel is good.

    References
    ----------
    Knutsson & Westin 1993, Proc. IEEE CVPR, 515 (normalised convolution).
    """
    given = np.array(pixels, np.float64)
    marked = np.asarray(bad) != 0
    if given.ndim != 2 or given.shape != marked.shape:
        raise FrameError(
            f"a frame of shape {given.shape} and a mask of shape {marked.shape}: "
            "expected two arrays (H, W) of one shape"
        )
    good = np.isfinite(given) & ~marked
    if not marked.any():
        return given
    if not good.any():
        raise FrameError("no pixel is good, so there is nothing to fill the bad ones from")
    filled = given.copy()
    for window in _windows(marked):
        _fill(filled, good, marked, window)
    if noise:
        sigma = _sky_noise(given, good)
        drawn = np.random.default_rng(rng).standard_normal(int(marked.sum()))
        filled[marked] += drawn * sigma[marked]
    return filled


def _windows(marked: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return windows that together contain all marked pixels: those of connected areas."""
    labels, _ = ndimage.label(marked, np.ones((3, 3)))
    return [(window[0], window[1]) for window in ndimage.find_objects(labels)]


def _fill(
    filled: NDArray[np.float64],
    good: NDArray[np.bool_],
    marked: NDArray[np.bool_],
    window: tuple[slice, slice],
) -> None:
    """Fill the marked pixels of a window."""
    todo = np.zeros(0, np.bool_)
    for scale in SCALES:
        margin = int(TRUNCATE * scale) + 1
        rows, columns = (
            slice(max(0, part.start - margin), min(size, part.stop + margin))
            for part, size in zip(window, marked.shape, strict=True)
        )
        inner = tuple(
            slice(part.start - outer.start, part.stop - outer.start)
            for part, outer in zip(window, (rows, columns), strict=True)
        )
        if not todo.size:
            todo = marked[window].copy()
        known = good[rows, columns]
        light = np.where(known, filled[rows, columns], 0.0)
        # around a mean level, so that the sum of the weights has no effect on the precision
        level = float(light[known].mean()) if known.any() else 0.0
        weight = ndimage.gaussian_filter(known.astype(np.float64), scale, mode="constant", truncate=TRUNCATE)
        total = ndimage.gaussian_filter(
            np.where(known, light - level, 0.0), scale, mode="constant", truncate=TRUNCATE
        )
        enough = todo & (weight[inner] >= (MIN_WEIGHT if scale < SCALES[-1] else 1e-12))
        filled[window][enough] = level + total[inner][enough] / weight[inner][enough]
        todo &= ~enough
        if not todo.any():
            return
    # too far from any good pixel for weights: the median of the frame
    filled[window][todo] = float(np.median(filled[good]))


def _sky_noise(pixels: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the standard deviation of the sky at each pixel: the scatter about smooth light, in blocks."""
    level = float(np.median(pixels[good]))
    light = np.where(good, pixels - level, 0.0)
    weight = ndimage.gaussian_filter(good.astype(np.float64), NOISE_SCALE)
    smooth = ndimage.gaussian_filter(light, NOISE_SCALE) / np.maximum(weight, 1e-6)
    residual = np.where(good, light - smooth, np.nan)
    whole = _scatter(residual)
    height, width = pixels.shape
    sigma = np.empty(pixels.shape, np.float64)
    for row in range(0, height, NOISE_BLOCK):
        for column in range(0, width, NOISE_BLOCK):
            # blocks overlap by half on each side, so that the noise changes little between them
            near = tuple(
                slice(max(0, start - NOISE_BLOCK // 2), start + NOISE_BLOCK * 3 // 2)
                for start in (row, column)
            )
            part = residual[near]
            enough = np.count_nonzero(np.isfinite(part)) >= MIN_NOISE_PIXELS
            block = (slice(row, row + NOISE_BLOCK), slice(column, column + NOISE_BLOCK))
            sigma[block] = _scatter(part) if enough else whole
    return sigma


def _scatter(residual: NDArray[np.float64]) -> float:
    """Return the standard deviation of most values, from their median absolute deviation."""
    known = residual[np.isfinite(residual)]
    return 1.4826 * float(np.median(np.abs(known - np.median(known))))
