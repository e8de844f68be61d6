"""Statistics of what is brighter than the sky: stars, their width and shape, how many, and what is no star.

- ``sources``: log10 of the local maxima above 10 sigma per 10^6 pixels.
- ``stars``: log10 of the star-like peaks (:mod:`skysieve.frames.image.star_peaks`) per 10^6 pixels.  Darks,
  flats, spectra and images of a pupil have next to none, whatever else is in them.
- ``starless``: log10 of the local maxima for each star-like peak.
- ``sharp``: log10 of the bright sources that are sharper than a star of a camera that samples its PSF, for
  each that is not.  Single pixels do not count.
- ``fwhm``: log10 of the median width of the brightest stars, in pixels.  Wide ones are measured by the pixels
  above half of the peak, which holds for the rings of defocused stars too, narrow ones by the equivalent
  area of their 5 x 5 pixels.
- ``elongation``: ellipticity that the brightest stars have in common, 0 to 1; trailed stars have much.
- ``bright``: log10 of the part of the pixels above 5 sigma of their cell's sky.
- ``lines``: part of the frame whose structure, cell by cell, runs in one direction: the lines and orders of a
  spectrograph (coherence of the structure tensor, Bigun & Granlund 1987).

Sigma is the noise of the emptiest cells.

References
----------
Bigun & Granlund 1987, Proc. 1st International Conference on Computer Vision, 433 (structure tensor).
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.frames.image.frame_sample import CELL
from skysieve.frames.image.star_peaks import count_star_peaks, mean_over, without_specks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Block, Sample

__all__ = ["SOURCE_STATISTICS", "source_statistics"]

SOURCE_STATISTICS = ("sources", "stars", "starless", "sharp", "fwhm", "elongation", "bright", "lines")
"""Names of the statistics."""

SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""Steps to the nearest pixels, in rows and columns."""

PEAK = 10.0
BRIGHT_PEAK = 20.0
BRIGHT_PIXEL = 5.0
SIDE, CORNER = (0.12, 2.5), (0.03, 1.0)
"""Least light of the neighbours of a star whose shape is measured: part of the peak, and sigma, whichever is
more."""
SHARP_SIDE, EVEN_SIDES = (0.02, 5.0), 3.0
"""The same of the four nearest neighbours of undersampled stars, which differ by less than the factor."""
PLATEAU, SATURATED = 0.995, 0.5
"""A neighbour as bright as this part of the peak belongs to a saturated star, where the peak is brighter than
that part of the highest pixel; others are defocused or trailed."""
WINDOW = 12
"""Pixels on each side of a star in which it is the brightest, and its light is looked at."""
SPACING = 16
MOST_STARS = 40
"""In a block."""
LEAST_STARS = 12
NARROW = 9
"""Stars of fewer pixels above half of the peak are narrow."""
VERY_BRIGHT_PEAK = 30.0
NEAR = 6
"""Pixels on each side of a source in which it is the brightest, so that its sharpness counts."""
ONE_PIXEL, SHARP = 0.8, 1.45
"""Equivalent widths in pixels: light in little more than one pixel, and the sharpest that images of stars are
in cameras that sample their PSF."""
MOST_SOURCES = 1000
"""In a block, whose sharpness is looked at."""
LEAST_AREA = 60_000
"""Pixels of a frame in which one bright star does not decide what is said of the whole."""

COHERENT = 0.7
"""Least coherence of structure that runs in one direction."""
STRUCTURED = 2.0
"""Cells hold structure where their gradients have this many times the power of noise."""
QUIET_PERCENT = 10
MOST_NOISE = 3.0
"""Power of gradients that noise has at most, in units of the square of the scatter from pixel to pixel; that
of independent pixels is measured to be 0.7."""


class _Found(NamedTuple):
    """What is in a block."""

    maxima: int
    stars: int
    widths: NDArray[np.float64]
    windows: NDArray[np.float32]
    gradients: NDArray[np.float32]


def source_statistics(sample: Sample) -> dict[str, tuple[float, float]]:
    """Measure the sources of a frame.

    Parameters
    ----------
    sample
        Of the frame.

    Returns
    -------
    dict
        Value and standard error by the names in :data:`SOURCE_STATISTICS`, without those that cannot be
        measured.
    """
    sigma = sample.noise
    highest = max(float(block.light.max()) for block in sample.blocks)
    found = [_look_into(block, sigma, highest) for block in sample.blocks]
    valid = sum(int(np.count_nonzero(~block.nodata)) for block in sample.blocks)
    maxima, stars = sum(one.maxima for one in found), sum(one.stars for one in found)
    statistics = {
        "sources": _density(maxima, valid),
        "stars": _density(stars, valid),
        "starless": _ratio(maxima, stars),
    }
    widths = np.concatenate([one.widths for one in found])
    if len(widths) >= LEAST_STARS:
        statistics["sharp"] = _sharp(widths)
    if sample.shape[0] * sample.shape[1] >= LEAST_AREA:
        bright = sum(np.count_nonzero(block.light > BRIGHT_PIXEL * sigma) for block in sample.blocks)
        statistics["bright"] = log10(bright / valid + 1e-4), 0.0
        statistics["lines"] = _lines(np.concatenate([one.gradients for one in found], axis=1), sample)
    return statistics | _shapes(np.concatenate([one.windows for one in found]), sigma)


def _density(count: int, pixels: int) -> tuple[float, float]:
    """Return log10 of a number per 10^6 pixels, and an error: twice of it allows for 3 where 0 is found."""
    value = log10((count + 1) / pixels * 1e6)
    return value, 0.5 * log10(1 + (2 * (count + 1) ** 0.5 + 1) / (count + 1))


def _ratio(first: int, second: int) -> tuple[float, float]:
    """Return log10 of the ratio of two numbers, and its error."""
    return log10((first + 1) / (second + 1)), (1 / (first + 1) + 1 / (second + 1)) ** 0.5 / 2.3


def _look_into(block: Block, sigma: float, highest: float) -> _Found:
    """Find the local maxima of a block, its stars, widths of bright sources, and gradients of its cells."""
    light = block.light
    near = np.maximum(np.maximum(light[:-2], light[1:-1]), light[2:])
    near = np.maximum(np.maximum(near[:, :-2], near[:, 1:-1]), near[:, 2:])
    core = light[1:-1, 1:-1]
    rows, columns = (place + 1 for place in np.nonzero((core == near) & (core > PEAK * sigma)))
    order = np.argsort(-light[rows, columns])
    rows, columns = rows[order], columns[order]
    clean = without_specks(block.pixels)
    return _Found(
        len(rows),
        count_star_peaks(block, clean),
        _widths(light, rows, columns, sigma, highest),
        _windows(light, rows, columns, sigma, highest),
        _gradients(mean_over(clean, 2)),
    )


def _cut_out(
    light: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], reach: int
) -> NDArray[np.float32]:
    """Return the surroundings ``(n, 2 reach + 1, 2 reach + 1)`` of places."""
    steps = np.arange(-reach, reach + 1)
    windows: NDArray[np.float32] = light[rows[:, None, None] + steps[:, None], columns[:, None, None] + steps]
    return windows


def _neighbours(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    steps: Sequence[tuple[int, int]],
) -> NDArray[np.float32]:
    """Return the pixels ``(steps, n)`` that are some steps away from ``n`` positions."""
    return np.stack([light[rows + i, columns + j] for i, j in steps])


def _inside(
    light: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], reach: int
) -> NDArray[np.bool_]:
    height, width = light.shape
    return np.asarray(
        (rows >= reach) & (rows < height - reach) & (columns >= reach) & (columns < width - reach)
    )


def _unsaturated(sides: NDArray[np.float32], peaks: NDArray[np.float32], highest: float) -> NDArray[np.bool_]:
    """Return which sources, by their nearest neighbours ``(4, n)``, are no plateau of a saturated star."""
    return np.asarray((sides.max(axis=0) < PLATEAU * peaks) | (peaks < SATURATED * highest))


def _widths(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    sigma: float,
    highest: float,
) -> NDArray[np.float64]:
    """Return equivalent widths ``(n,)`` in pixels of the bright sources that are the brightest nearby."""
    chosen = _inside(light, rows, columns, NEAR) & (light[rows, columns] > VERY_BRIGHT_PEAK * sigma)
    rows, columns = rows[chosen][:MOST_SOURCES], columns[chosen][:MOST_SOURCES]
    windows = _cut_out(light, rows, columns, NEAR)
    peaks = light[rows, columns]
    sides = _neighbours(light, rows, columns, SIDES)
    alone = (peaks >= windows.max(axis=(1, 2), initial=-np.inf)) & _unsaturated(sides, peaks, highest)
    return _equivalent(windows[alone, NEAR - 2 : NEAR + 3, NEAR - 2 : NEAR + 3])


def _equivalent(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the FWHM of Gaussians of the same noise-equivalent area, in pixels."""
    near = windows.astype(np.float64)
    area = near.sum(axis=(1, 2)) ** 2 / (near * near).sum(axis=(1, 2))
    return np.asarray(2.355 * np.sqrt(area / (4 * np.pi)))


def _sharp(widths: NDArray[np.float64]) -> tuple[float, float]:
    """Return how many sources are sharper than stars for each that is not, by their widths ``(n,)``."""
    sharp = np.count_nonzero((widths > ONE_PIXEL) & (widths < SHARP))
    return _ratio(int(sharp), int(np.count_nonzero(widths >= SHARP)))


def _windows(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    sigma: float,
    highest: float,
) -> NDArray[np.float32]:
    """Return the surroundings of the brightest sources with light in all neighbours, as a PSF gives it."""
    peaks = light[rows, columns]
    sides = _neighbours(light, rows, columns, SIDES)
    corners = _neighbours(light, rows, columns, CORNERS)
    star = sides.min(axis=0) > np.maximum(SIDE[0] * peaks, SIDE[1] * sigma)
    star &= corners.min(axis=0) > np.maximum(CORNER[0] * peaks, CORNER[1] * sigma)
    star |= (sides.min(axis=0) > np.maximum(SHARP_SIDE[0] * peaks, SHARP_SIDE[1] * sigma)) & (
        sides.max(axis=0) < EVEN_SIDES * sides.min(axis=0)
    )
    star &= _unsaturated(sides, peaks, highest) & _inside(light, rows, columns, WINDOW)
    rows, columns = rows[star], columns[star]
    # one in each square, or the brightest source has them all
    _, first = np.unique(rows // SPACING * light.shape[1] + columns // SPACING, return_index=True)
    order = np.sort(first)[:MOST_STARS]
    return _cut_out(light, rows[order], columns[order], WINDOW)


def _shapes(windows: NDArray[np.float32], sigma: float) -> dict[str, tuple[float, float]]:
    """Return width and elongation of the stars that are the brightest of their surroundings."""
    peaks = windows[:, WINDOW, WINDOW]
    alone = (peaks >= windows.max(axis=(1, 2), initial=-np.inf)) & (peaks > BRIGHT_PEAK * sigma)
    windows, peaks = windows[alone], peaks[alone]
    if len(windows) < LEAST_STARS:
        return {}
    upper = windows > 0.5 * peaks[:, None, None]
    areas = upper.sum(axis=(1, 2))
    near = windows[:, WINDOW - 2 : WINDOW + 3, WINDOW - 2 : WINDOW + 3]
    widths = np.where(areas < NARROW, _equivalent(near), np.sqrt(4 / np.pi * areas))
    low, middle, high = np.percentile(np.log10(widths), [25, 50, 75])
    reach = np.arange(-WINDOW, WINDOW + 1)
    y, x = ((upper * axis).sum(axis=(1, 2)) / areas for axis in (reach[:, None], reach))
    dy, dx = reach[:, None] - y[:, None, None], reach - x[:, None, None]
    # 1/12: of the pixel itself
    yy, xx = ((upper * d * d).sum(axis=(1, 2)) / areas + 1 / 12 for d in (dy, dx))
    xy = (upper * dy * dx).sum(axis=(1, 2)) / areas
    shapes = np.stack([(xx - yy) / (xx + yy), 2 * xy / (xx + yy)])
    common = np.hypot(*np.median(shapes, axis=1))
    scatter = np.hypot(*(np.percentile(shapes, 75, axis=1) - np.percentile(shapes, 25, axis=1)))
    root = len(windows) ** 0.5
    return {
        "fwhm": (float(middle), float(high - low) / root),
        "elongation": (float(common), 0.7 * float(scatter) / root),
    }


def _gradients(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(3, n)`` mean products of the gradients of an image, by cells of half their side."""
    across, down = np.zeros_like(image), np.zeros_like(image)
    across[1:-1, 1:-1] = image[1:-1, 2:] - image[1:-1, :-2]
    down[1:-1, 1:-1] = image[2:, 1:-1] - image[:-2, 1:-1]
    products = (across * across, down * down, across * down)
    return np.stack([mean_over(product, CELL // 2).ravel() for product in products])


def _lines(gradients: NDArray[np.float32], sample: Sample) -> tuple[float, float]:
    """Return in which part of the cells structure runs in one direction."""
    xx, yy, xy = gradients
    power = xx + yy
    # the quietest cells tell the noise, unless they hold structure too
    second = np.diff(np.diff(sample.cells[sample.empty], 2, axis=1), 2, axis=2)
    finest = float(np.median(np.abs(second))) / 0.6745 / 6
    noise = min(float(np.percentile(power, QUIET_PERCENT)), MOST_NOISE * finest**2)
    structured = power > STRUCTURED * max(noise, float(np.finfo(np.float32).tiny))
    lined = structured & (np.hypot(xx - yy, 2 * xy) > COHERENT * (power - 0.8 * noise))
    return float(lined.mean()), 0.5 / len(power) ** 0.5
