"""Bin the pixels of a CCD to those of the picture, and estimate their sky background."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysieve.core.fits.sections import Region

__all__ = ["SAMPLE", "Binning", "bin_pixels", "estimate_background", "measure_sky"]

Binning = Literal["medians", "samples"]
"""How to bin.  ``medians``: interquartile mean of all valid pixels of a bin, which removes stars and cosmic
rays.  ``samples``: mean of the central 8 x 8 pixels of each bin, with noise and stars as in the published
pictures."""

SAMPLE = 8
"""Side of the samples in CCD pixels; the noise of the published pictures suggests this length."""

MIN_VALID_FRACTION = 0.05
"""Minimum fraction of valid pixels of a bin; other bins stay blank."""

SKY_PIXELS = 60_000
"""Approximate number of pixels, on a regular grid, that estimate the sky: its level is then known to 1 % of
the noise of a pixel."""

CLIP_SIGMA = 3.0
MAX_CLIP_ITERATIONS = 8


def measure_sky(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Measure the sky level and the noise of a pixel, on a regular grid of pixels.

    The level is the mode ``2.5 median - 1.5 mean`` of values clipped at three sigma about the median.  It is
    the median if mean and median differ by more than 0.3 sigma.  Ghosts fainter than the noise of a pixel
    bias the level; see :func:`estimate_background`.  The noise is the robust scatter of the differences
    between neighbouring pixels.  Gradients do not affect it.

    Parameters
    ----------
    pixels
        Pixels ``(H, W)`` float32; NaN where there is no data.

    Returns
    -------
    level, noise : float
        Both in the unit of the pixels; NaN without valid pixels.

    References
    ----------
    Bertin & Arnouts 1996, A&AS 117, 393, section 4: the mode.
    """
    every = max(1, isqrt(pixels.size // SKY_PIXELS))
    grid = pixels[::every, :-1:every]
    differences = pixels[::every, 1::every] - grid
    sample = grid[np.isfinite(grid)].astype(np.float64)
    differences = np.abs(differences[np.isfinite(differences)])
    if not sample.size or not differences.size:
        return float("nan"), float("nan")
    # a difference is sqrt(2) times as noisy as a pixel
    noise = 1.4826 * float(np.median(differences)) / np.sqrt(2)
    for _ in range(MAX_CLIP_ITERATIONS):
        median, spread = np.median(sample), sample.std()
        kept = sample[np.abs(sample - median) <= CLIP_SIGMA * spread]
        if kept.size == sample.size:
            break
        sample = kept
    median, mean, spread = np.median(sample), sample.mean(), sample.std()
    near = abs(mean - median) < 0.3 * spread
    return float(2.5 * median - 1.5 * mean if near else median), float(noise)


def bin_pixels(
    pixels: NDArray[np.float32], shape: tuple[int, int], *, binning: Binning = "medians"
) -> NDArray[np.float32]:
    """Bin the pixels of a CCD.

    All bins have the same size and begin at whole pixels.  If the number of pixels is not a multiple of the
    number of bins, such as 4096 pixels in 58 bins, up to one row or column between two bins is not used.

    Parameters
    ----------
    pixels
        Pixels ``(H, W)`` float32; NaN where there is no data.
    shape
        Number of bins along each axis.
    binning
        How to bin; see :data:`Binning`.

    Returns
    -------
    ndarray of float32, shape `shape`
        Binned pixels; NaN where fewer than 5 % of the pixels are valid.
    """
    height, width = (length // bins for length, bins in zip(pixels.shape, shape, strict=True))
    tops, lefts = (np.arange(bins) * length // bins for length, bins in zip(pixels.shape, shape, strict=True))
    if binning == "samples":
        tops, lefts = tops + max(height - SAMPLE, 0) // 2, lefts + max(width - SAMPLE, 0) // 2
        height, width = min(height, SAMPLE), min(width, SAMPLE)
    mean = _means if binning == "samples" else _interquartile_means
    binned = np.empty(shape, np.float32)
    # copying one row of bins at a time saves memory
    bins = np.empty((shape[1], height, width), np.float32)
    for row, top in enumerate(tops):
        strip = pixels[top : top + height]
        for column, left in enumerate(lefts):
            bins[column] = strip[:, left : left + width]
        binned[row] = mean(bins.reshape(shape[1], height * width))
    return binned


def estimate_background(
    binned: NDArray[np.float32], parts: Iterable[Region], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Estimate the background of a binned CCD, one level for each part.

    The level is the median of the bins of the part, clipped at three sigma.  Bins have little noise, so that
    clipping removes ghosts that cover less than half of the part.

    Parameters
    ----------
    binned
        Binned pixels ``(h, w)`` float32 from :func:`bin_pixels`.
    parts
        Rows and columns of pixels of each part with its own background.
    shape
        Rows and columns of the CCD in pixels.

    Returns
    -------
    ndarray of float32, shape (h, w)
        Level of each bin.  Bins across two parts get the mean of all levels.  NaN if no bin is valid.
    """
    background = np.full(binned.shape, np.nan, np.float32)
    levels = []
    for part in parts:
        ends = [(*rows.indices(length)[:2], length) for rows, length in zip(part, shape, strict=True)]
        rows, columns = (
            slice(-(-start * bins // length), stop * bins // length)
            for (start, stop, length), bins in zip(ends, binned.shape, strict=True)
        )
        level = _clipped_median(binned[rows, columns])
        if np.isfinite(level):
            levels.append(level)
            background[rows, columns] = level
    if levels:
        background[np.isnan(background)] = np.mean(levels)
    return background


def _clipped_median(values: NDArray[np.float32]) -> float:
    """Return the median of the finite values, clipped at three robust sigma."""
    sample = values[np.isfinite(values)].astype(np.float64)
    for _ in range(MAX_CLIP_ITERATIONS):
        if not sample.size:
            return float("nan")
        deviations = np.abs(sample - np.median(sample))
        kept = sample[deviations <= CLIP_SIGMA * 1.4826 * np.median(deviations)]
        if kept.size == sample.size:
            break
        sample = kept
    return float(np.median(sample)) if sample.size else float("nan")


def _means(bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the valid pixels of each bin ``(bins, pixels)``."""
    counts = np.count_nonzero(np.isfinite(bins), axis=-1)
    means = np.empty(len(bins), np.float32)
    means[:] = np.nansum(bins, axis=-1, dtype=np.float64) / np.maximum(counts, 1)
    means[~_has_enough_valid(counts, bins.shape[-1])] = np.nan
    return means


def _interquartile_means(bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the interquartile mean of the valid pixels of each bin ``(bins, pixels)``; sorts in place.

    Pixels of raw frames are integers.  Their median is a multiple of one half, which is several grey levels
    of the picture.  The interquartile mean has no such steps.
    """
    bins.sort(axis=-1)  # NaN are last
    pixels = bins.shape[-1]
    counts = np.full(len(bins), pixels)
    partial = np.flatnonzero(np.isnan(bins[:, -1]))
    counts[partial] = np.count_nonzero(~np.isnan(bins[partial]), axis=-1)
    means = np.empty(len(bins), np.float32)
    cut = (pixels - 1) // 4
    means[:] = bins[:, cut : pixels - cut].mean(axis=-1, dtype=np.float64)
    for row in partial:
        count = int(counts[row])
        cut = max(count - 1, 0) // 4
        means[row] = bins[row, cut : count - cut].mean(dtype=np.float64) if count else np.nan
    means[~_has_enough_valid(counts, pixels)] = np.nan
    return means


def _has_enough_valid(counts: NDArray[np.int64], pixels: int) -> NDArray[np.bool_]:
    """Tell which bins have enough valid pixels."""
    return counts >= max(1.0, MIN_VALID_FRACTION * pixels)
