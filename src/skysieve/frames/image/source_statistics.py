"""Statistics of the sources of a frame: stars, their width, shape and number, and other light.

- ``sources``: log10 of the number of local maxima above 10 sigma per 10^6 pixels.
- ``stars``: log10 of the number of star-like peaks (:mod:`skysieve.frames.image.star_peaks`) per 10^6 pixels.
  Darks, flats, spectra and images of a pupil have almost none.
- ``starless``: log10 of the ratio of local maxima to star-like peaks.
- ``sharp``: log10 of the ratio of the number of bright sources that are sharper than a well-sampled PSF to
  the number of others.  Single pixels do not count.
- ``fwhm``: log10 of the median width of the brightest stars, in pixels.  The width of wide stars comes from
  the number of pixels above half of the peak, which also holds for the rings of defocused stars.  That of
  narrow stars comes from the equivalent area of their 5 x 5 pixels.
- ``elongation``: ellipticity that the brightest stars have in common, 0 to 1; it is high for trailed stars.
- ``bright``: log10 of the fraction of the pixels above 5 sigma of their cell's sky.
- ``lines``: fraction of the frame whose structure, cell by cell, has one direction, as the lines and orders
  of a spectrograph have (coherence of the structure tensor, Bigun & Granlund 1987).

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
from skysieve.frames.image.star_peaks import block_mean, count_star_peaks, median_3x3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Block, Sample

__all__ = ["SOURCE_STATISTICS", "source_statistics"]

SOURCE_STATISTICS = ("sources", "stars", "starless", "sharp", "fwhm", "elongation", "bright", "lines")
"""Names of the statistics."""

SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""Offsets of the nearest pixels, in rows and columns."""

PEAK = 10.0
BRIGHT_PEAK = 20.0
BRIGHT_PIXEL = 5.0
MIN_SIDE, MIN_CORNER = (0.12, 2.5), (0.03, 1.0)
"""Minimum light of the neighbours of a star whose shape is measured: fraction of the peak and sigma,
whichever is larger."""
MIN_SHARP_SIDE, MAX_SIDE_RATIO = (0.02, 5.0), 3.0
"""The same for the four nearest neighbours of undersampled stars, and the maximum ratio between these."""
PLATEAU, SATURATED = 0.995, 0.5
"""A source is a saturated star if its brightest neighbour exceeds the first fraction of its peak, and its
peak exceeds the second fraction of the highest pixel.  Fainter plateaus are defocused or trailed stars."""
WINDOW = 12
"""Half side in pixels of the window of a star whose shape is measured; the star is the brightest in it."""
SPACING = 16
MAX_STARS = 40
"""Maximum number of stars in a block whose shape is measured."""
MIN_STARS = 12
NARROW = 9
"""Stars with fewer pixels above half of the peak are narrow."""
VERY_BRIGHT_PEAK = 30.0
NEAR = 6
"""Half side in pixels of the window of a source whose sharpness is measured; the source is the brightest in
it."""
ONE_PIXEL, SHARP = 0.8, 1.45
"""Equivalent widths in pixels: of light in little more than one pixel, and of the sharpest well-sampled
PSF."""
MAX_SOURCES = 1000
"""Maximum number of sources in a block whose sharpness is measured."""
MIN_AREA = 60_000
"""Minimum number of pixels of a frame; in smaller ones a single bright star dominates the statistics."""

COHERENT = 0.7
"""Minimum coherence of structure that has one direction."""
STRUCTURED = 2.0
"""Minimum power of the gradients of a cell with structure, in units of that of noise."""
QUIET_PERCENT = 10
MAX_NOISE = 3.0
"""Maximum power of the gradients of noise, in units of the square of the pixel-to-pixel scatter; that of
independent pixels was measured to be 0.7."""


class _BlockSources(NamedTuple):
    """Sources and gradients of a block."""

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
        Sample of the frame.

    Returns
    -------
    dict
        Value and standard error by the names in :data:`SOURCE_STATISTICS`, without those that cannot be
        measured.
    """
    sigma = sample.noise
    highest = max(float(block.light.max()) for block in sample.blocks)
    found = [_measure_block(block, sigma, highest) for block in sample.blocks]
    valid = sum(int(np.count_nonzero(~block.nodata)) for block in sample.blocks)
    maxima, stars = sum(one.maxima for one in found), sum(one.stars for one in found)
    statistics = {
        "sources": _density(maxima, valid),
        "stars": _density(stars, valid),
        "starless": _ratio(maxima, stars),
    }
    widths = np.concatenate([one.widths for one in found])
    if len(widths) >= MIN_STARS:
        statistics["sharp"] = _sharp(widths)
    if sample.shape[0] * sample.shape[1] >= MIN_AREA:
        bright = sum(np.count_nonzero(block.light > BRIGHT_PIXEL * sigma) for block in sample.blocks)
        statistics["bright"] = log10(bright / valid + 1e-4), 0.0
        statistics["lines"] = _lines(np.concatenate([one.gradients for one in found], axis=1), sample)
    return statistics | _star_shapes(np.concatenate([one.windows for one in found]), sigma)


def _density(count: int, pixels: int) -> tuple[float, float]:
    """Return log10 of a count per 10^6 pixels, and an error; 0 plus two errors is a count of 3."""
    value = log10((count + 1) / pixels * 1e6)
    return value, 0.5 * log10(1 + (2 * (count + 1) ** 0.5 + 1) / (count + 1))


def _ratio(first: int, second: int) -> tuple[float, float]:
    """Return log10 of the ratio of two numbers, and its error."""
    return log10((first + 1) / (second + 1)), (1 / (first + 1) + 1 / (second + 1)) ** 0.5 / 2.3


def _measure_block(block: Block, sigma: float, highest: float) -> _BlockSources:
    """Find the local maxima of a block, its stars, widths of bright sources, and gradients of its cells."""
    light = block.light
    near = np.maximum(np.maximum(light[:-2], light[1:-1]), light[2:])
    near = np.maximum(np.maximum(near[:, :-2], near[:, 1:-1]), near[:, 2:])
    core = light[1:-1, 1:-1]
    rows, columns = (index + 1 for index in np.nonzero((core == near) & (core > PEAK * sigma)))
    order = np.argsort(-light[rows, columns])
    rows, columns = rows[order], columns[order]
    clean = median_3x3(block.pixels)
    return _BlockSources(
        len(rows),
        count_star_peaks(block, clean),
        _widths(light, rows, columns, sigma, highest),
        _star_windows(light, rows, columns, sigma, highest),
        _gradients(block_mean(clean, 2)),
    )


def _cut_out(
    light: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], reach: int
) -> NDArray[np.float32]:
    """Return windows ``(N, 2 reach + 1, 2 reach + 1)`` around positions."""
    steps = np.arange(-reach, reach + 1)
    windows: NDArray[np.float32] = light[rows[:, None, None] + steps[:, None], columns[:, None, None] + steps]
    return windows


def _neighbours(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    steps: Sequence[tuple[int, int]],
) -> NDArray[np.float32]:
    """Return the pixels ``(steps, N)`` at offsets from ``N`` positions."""
    return np.stack([light[rows + i, columns + j] for i, j in steps])


def _inside(
    light: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp], reach: int
) -> NDArray[np.bool_]:
    height, width = light.shape
    return np.asarray(
        (rows >= reach) & (rows < height - reach) & (columns >= reach) & (columns < width - reach)
    )


def _unsaturated(sides: NDArray[np.float32], peaks: NDArray[np.float32], highest: float) -> NDArray[np.bool_]:
    """Return which sources are not the plateau of a saturated star, from their neighbours ``(4, N)``."""
    return np.asarray((sides.max(axis=0) < PLATEAU * peaks) | (peaks < SATURATED * highest))


def _widths(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    sigma: float,
    highest: float,
) -> NDArray[np.float64]:
    """Return equivalent widths ``(N,)`` in pixels of bright sources without a brighter neighbour."""
    chosen = _inside(light, rows, columns, NEAR) & (light[rows, columns] > VERY_BRIGHT_PEAK * sigma)
    rows, columns = rows[chosen][:MAX_SOURCES], columns[chosen][:MAX_SOURCES]
    windows = _cut_out(light, rows, columns, NEAR)
    peaks = light[rows, columns]
    sides = _neighbours(light, rows, columns, SIDES)
    isolated = (peaks >= windows.max(axis=(1, 2), initial=-np.inf)) & _unsaturated(sides, peaks, highest)
    return _equivalent_widths(windows[isolated, NEAR - 2 : NEAR + 3, NEAR - 2 : NEAR + 3])


def _equivalent_widths(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the FWHM of Gaussians of the same noise-equivalent area, in pixels."""
    near = windows.astype(np.float64)
    area = near.sum(axis=(1, 2)) ** 2 / (near * near).sum(axis=(1, 2))
    return np.asarray(2.355 * np.sqrt(area / (4 * np.pi)))


def _sharp(widths: NDArray[np.float64]) -> tuple[float, float]:
    """Return the statistic ``sharp`` and its error from widths ``(N,)``."""
    sharp = np.count_nonzero((widths > ONE_PIXEL) & (widths < SHARP))
    return _ratio(int(sharp), int(np.count_nonzero(widths >= SHARP)))


def _star_windows(
    light: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    sigma: float,
    highest: float,
) -> NDArray[np.float32]:
    """Return windows around the brightest sources with light in all neighbouring pixels, as a PSF has."""
    peaks = light[rows, columns]
    sides = _neighbours(light, rows, columns, SIDES)
    corners = _neighbours(light, rows, columns, CORNERS)
    star = sides.min(axis=0) > np.maximum(MIN_SIDE[0] * peaks, MIN_SIDE[1] * sigma)
    star &= corners.min(axis=0) > np.maximum(MIN_CORNER[0] * peaks, MIN_CORNER[1] * sigma)
    star |= (sides.min(axis=0) > np.maximum(MIN_SHARP_SIDE[0] * peaks, MIN_SHARP_SIDE[1] * sigma)) & (
        sides.max(axis=0) < MAX_SIDE_RATIO * sides.min(axis=0)
    )
    star &= _unsaturated(sides, peaks, highest) & _inside(light, rows, columns, WINDOW)
    rows, columns = rows[star], columns[star]
    # one in each square, so that not all are in the same bright source
    _, first = np.unique(rows // SPACING * light.shape[1] + columns // SPACING, return_index=True)
    order = np.sort(first)[:MAX_STARS]
    return _cut_out(light, rows[order], columns[order], WINDOW)


def _star_shapes(windows: NDArray[np.float32], sigma: float) -> dict[str, tuple[float, float]]:
    """Return width and elongation of the stars that are the brightest in their window."""
    peaks = windows[:, WINDOW, WINDOW]
    isolated = (peaks >= windows.max(axis=(1, 2), initial=-np.inf)) & (peaks > BRIGHT_PEAK * sigma)
    windows, peaks = windows[isolated], peaks[isolated]
    if len(windows) < MIN_STARS:
        return {}
    upper = windows > 0.5 * peaks[:, None, None]
    areas = upper.sum(axis=(1, 2))
    near = windows[:, WINDOW - 2 : WINDOW + 3, WINDOW - 2 : WINDOW + 3]
    widths = np.where(areas < NARROW, _equivalent_widths(near), np.sqrt(4 / np.pi * areas))
    low, median, high = np.percentile(np.log10(widths), [25, 50, 75])
    reach = np.arange(-WINDOW, WINDOW + 1)
    y, x = ((upper * axis).sum(axis=(1, 2)) / areas for axis in (reach[:, None], reach))
    dy, dx = reach[:, None] - y[:, None, None], reach - x[:, None, None]
    # 1/12 is the variance of a pixel
    yy, xx = ((upper * d * d).sum(axis=(1, 2)) / areas + 1 / 12 for d in (dy, dx))
    xy = (upper * dy * dx).sum(axis=(1, 2)) / areas
    shapes = np.stack([(xx - yy) / (xx + yy), 2 * xy / (xx + yy)])
    common = np.hypot(*np.median(shapes, axis=1))
    scatter = np.hypot(*(np.percentile(shapes, 75, axis=1) - np.percentile(shapes, 25, axis=1)))
    root = len(windows) ** 0.5
    return {
        "fwhm": (float(median), float(high - low) / root),
        "elongation": (float(common), 0.7 * float(scatter) / root),
    }


def _gradients(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the structure tensor ``(3, N)``, the mean products of gradients in cells of a binned image."""
    across, down = np.zeros_like(image), np.zeros_like(image)
    across[1:-1, 1:-1] = image[1:-1, 2:] - image[1:-1, :-2]
    down[1:-1, 1:-1] = image[2:, 1:-1] - image[:-2, 1:-1]
    products = (across * across, down * down, across * down)
    return np.stack([block_mean(product, CELL // 2).ravel() for product in products])


def _lines(gradients: NDArray[np.float32], sample: Sample) -> tuple[float, float]:
    """Return the statistic ``lines`` and its error."""
    xx, yy, xy = gradients
    power = xx + yy
    # the noise is that of the quietest cells, unless these have structure too
    second = np.diff(np.diff(sample.cells[sample.empty], 2, axis=1), 2, axis=2)
    finest = float(np.median(np.abs(second))) / 0.6745 / 6
    noise = min(float(np.percentile(power, QUIET_PERCENT)), MAX_NOISE * finest**2)
    structured = power > STRUCTURED * max(noise, float(np.finfo(np.float32).tiny))
    lined = structured & (np.hypot(xx - yy, 2 * xy) > COHERENT * (power - 0.8 * noise))
    return float(lined.mean()), 0.5 / len(power) ** 0.5
