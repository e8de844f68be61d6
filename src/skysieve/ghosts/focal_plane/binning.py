"""From the pixels of a CCD to those of the picture: bins, and the sky below them."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysieve.core.fits.sections import Region

__all__ = ["SAMPLE", "Binning", "background_of", "bin_pixels", "sky_of"]

Binning = Literal["medians", "samples"]
"""``medians``: means of the middle half of all valid pixels of a bin, about their median, so that stars and
cosmic rays vanish; ``samples``: means of the 8 x 8 pixels in the middle of each bin, with the noise and the
stars of the published pictures."""

SAMPLE = 8
"""Length in CCD pixels of the samples that the published pictures are made of, to judge by their noise."""

LEAST_VALID = 0.05
"""Bins of which fewer pixels are valid stay blank."""

SKY_PIXELS = 60_000
"""About so many pixels of a regular lattice stand for all: the level is then known to 1 % of their noise."""

CLIP_SIGMA = 3.0
CLIP_ROUNDS = 8


def sky_of(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the level of the sky and the noise of a pixel, from a lattice of pixels.

    The level is the mode ``2.5 median - 1.5 mean`` of values clipped at three sigma about the median, or
    their median where the two differ by more than 0.3 sigma.  A ghost that rises little above the noise of a
    pixel moves it: see :func:`background_of`.  The noise is the robust scatter of differences between
    neighbours, which gradients leave alone.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32; NaN where there is no data.

    Returns
    -------
    level, noise : float
        In the unit of the pixels; NaN without valid pixels.

    References
    ----------
    Bertin & Arnouts 1996, A&AS 117, 393, section 4: the mode.
    """
    every = max(1, isqrt(pixels.size // SKY_PIXELS))
    lattice = pixels[::every, :-1:every]
    steps = pixels[::every, 1::every] - lattice
    sample = lattice[np.isfinite(lattice)].astype(np.float64)
    steps = np.abs(steps[np.isfinite(steps)])
    if not sample.size or not steps.size:
        return float("nan"), float("nan")
    # a difference is sqrt(2) times as noisy as a pixel
    noise = 1.4826 * float(np.median(steps)) / np.sqrt(2)
    for _ in range(CLIP_ROUNDS):
        middle, spread = np.median(sample), sample.std()
        kept = sample[np.abs(sample - middle) <= CLIP_SIGMA * spread]
        if kept.size == sample.size:
            break
        sample = kept
    middle, mean, spread = np.median(sample), sample.mean(), sample.std()
    near = abs(mean - middle) < 0.3 * spread
    return float(2.5 * middle - 1.5 * mean if near else middle), float(noise)


def bin_pixels(
    pixels: NDArray[np.float32], shape: tuple[int, int], *, binning: Binning = "medians"
) -> NDArray[np.float32]:
    """Bin the pixels of a CCD.

    Bins begin at whole pixels and are alike; where their size is no whole number, as of 4096 pixels in 58
    bins, up to one row and column between two of them belongs to none.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32; NaN where there is no data.
    shape
        Bins along each axis.
    binning
        See :data:`Binning`.

    Returns
    -------
    ndarray of float32
        Of this shape; NaN where fewer than 5 % of the pixels are valid.
    """
    height, width = (length // bins for length, bins in zip(pixels.shape, shape, strict=True))
    tops, lefts = (np.arange(bins) * length // bins for length, bins in zip(pixels.shape, shape, strict=True))
    if binning == "samples":
        tops, lefts = tops + max(height - SAMPLE, 0) // 2, lefts + max(width - SAMPLE, 0) // 2
        height, width = min(height, SAMPLE), min(width, SAMPLE)
    mean = _means if binning == "samples" else _middle_means
    binned = np.empty(shape, np.float32)
    # one row of bins at a time: a copy of a whole CCD would be as large as the CCD
    bins = np.empty((shape[1], height, width), np.float32)
    for row, top in enumerate(tops):
        strip = pixels[top : top + height]
        for column, left in enumerate(lefts):
            bins[column] = strip[:, left : left + width]
        binned[row] = mean(bins.reshape(shape[1], height * width))
    return binned


def background_of(
    binned: NDArray[np.float32], parts: Iterable[Region], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the background under the bins of a CCD: one level a part.

    It is the median of the bins of the part, clipped at three sigma.  Bins have little noise, and ghosts that
    cover less than half of the part stand out of it and are left out.

    Parameters
    ----------
    binned
        ``(rows, columns)`` float32, from :func:`bin_pixels`.
    parts
        Rows and columns of pixels that have a background of their own.
    shape
        Of the CCD in pixels.

    Returns
    -------
    ndarray of float32
        Of the shape of `binned`; bins across two parts have the mean of all levels, and all are NaN where
        no bin is valid.
    """
    under = np.full(binned.shape, np.nan, np.float32)
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
            under[rows, columns] = level
    if levels:
        under[np.isnan(under)] = np.mean(levels)
    return under


def _clipped_median(values: NDArray[np.float32]) -> float:
    """Return the median of the finite values that are within three robust sigma of it."""
    sample = values[np.isfinite(values)].astype(np.float64)
    for _ in range(CLIP_ROUNDS):
        if not sample.size:
            return float("nan")
        away = np.abs(sample - np.median(sample))
        kept = sample[away <= CLIP_SIGMA * 1.4826 * np.median(away)]
        if kept.size == sample.size:
            break
        sample = kept
    return float(np.median(sample)) if sample.size else float("nan")


def _means(bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the valid pixels of each of the ``(bins, pixels)``."""
    counts = np.count_nonzero(np.isfinite(bins), axis=-1)
    means = np.empty(len(bins), np.float32)
    means[:] = np.nansum(bins, axis=-1, dtype=np.float64) / np.maximum(counts, 1)
    means[~_enough(counts, bins.shape[-1])] = np.nan
    return means


def _middle_means(bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the middle half of the valid pixels of each of the ``(bins, pixels)``.

    They are sorted in place.  A median of whole numbers is a whole number, or half of one, so that bins of a
    raw frame would differ by steps of several grey levels; the mean of the values about it does not.
    """
    bins.sort(axis=-1)  # NaN come last
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
    means[~_enough(counts, pixels)] = np.nan
    return means


def _enough(counts: NDArray[np.int64], pixels: int) -> NDArray[np.bool_]:
    """Return which bins have enough valid pixels."""
    return counts >= max(1.0, LEAST_VALID * pixels)
