"""Statistics of what is brighter than the sky: stars, their width and shape, how many, and what is no star.

- ``sources``: log10 of the local maxima above 10 sigma per 10^6 pixels.
- ``stars``: log10 of those among them that look like stars: light in all eight neighbours, or alike in the
  nearest four, as a PSF gives it and hot pixels and most cosmic rays do not.
- ``starless``: log10 of the maxima for each that looks like a star.
- ``fwhm``: log10 of the median width of the brightest stars, in pixels.  Wide ones are measured by the pixels
  above half of the peak, which holds for the rings of defocused stars too, narrow ones by the equivalent
  area of their 5 x 5 pixels.
- ``elongation``: ellipticity that the brightest stars have in common, 0 to 1; trailed stars and slit spectra
  have much.
- ``bright``: log10 of the part of the pixels above 5 sigma of their cell's sky.
- ``alignment``: how far the gradients of all cells with structure point along one direction, 0 to 1: the
  lines and orders of a spectrograph (structure tensor, Bigun & Granlund 1987).
- ``relief``: log10 of the range of the sky from cell to cell (25th to 90th percentile), in noise units.

Sigma is the noise of the emptiest cells.

References
----------
Bigun & Granlund 1987, Proc. 1st International Conference on Computer Vision, 433 (structure tensor).
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.imaging.frame_sample import Block, Sample

__all__ = ["SOURCE_STATISTICS", "Sources", "source_statistics"]

SOURCE_STATISTICS = (
    "sources",
    "stars",
    "starless",
    "fwhm",
    "elongation",
    "bright",
    "alignment",
    "relief",
)
"""Names of the statistics."""

PEAK = 10.0
BRIGHT_PEAK = 20.0
BRIGHT_PIXEL = 5.0
SIDE, CORNER = (0.12, 2.5), (0.03, 1.0)
"""Least light of the neighbours of a star: part of the peak, and sigma, whichever is more."""
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
SECOND_GAIN = 6.0
"""Standard deviation of second differences along both axes of independent pixels of unit noise."""
STRUCTURED = 10.0
LEAST_AREA = 60_000
"""Pixels of a frame in which one bright star does not decide what is said of the whole."""


class Sources(NamedTuple):
    """What was found of sources.

    Attributes
    ----------
    statistics
        Value and standard error by the names in :data:`SOURCE_STATISTICS`, without those that cannot be
        measured.
    rows, columns
        ``(n,)`` places of the brightest stars in the frame.
    """

    statistics: dict[str, tuple[float, float]]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


class _Found(NamedTuple):
    """Sources of a block: counts, and the brightest stars with their surroundings."""

    maxima: int
    stars: int
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    windows: NDArray[np.float32]


def source_statistics(sample: Sample) -> Sources:
    """Measure the sources of a frame.

    Parameters
    ----------
    sample
        Of the frame.
    """
    sigma = sample.noise
    highest = max(float(block.light.max()) for block in sample.blocks)
    found = [_sources(block, sigma, highest) for block in sample.blocks]
    valid = sum(int(np.count_nonzero(~block.nodata)) for block in sample.blocks)
    maxima, stars = sum(one.maxima for one in found), sum(one.stars for one in found)
    statistics = {
        "sources": _density(maxima, valid),
        "stars": _density(stars, valid),
        "starless": (log10((maxima + 1) / (stars + 1)), (1 / (stars + 1) + 1 / (maxima + 1)) ** 0.5 / 2.3),
    }
    if sample.shape[0] * sample.shape[1] >= LEAST_AREA:
        bright = sum(np.count_nonzero(block.light > BRIGHT_PIXEL * sigma) for block in sample.blocks)
        statistics["bright"] = log10(bright / valid + 1e-4), 0.0
        low, high = np.percentile(sample.skies, [25, 90])
        statistics["relief"] = log10(max(float(high - low) / sigma, 0.03)), 0.0
    statistics |= _alignment(sample)
    statistics |= _shapes(np.concatenate([one.windows for one in found]), sigma)
    return Sources(
        statistics,
        np.concatenate([one.rows + block.top for one, block in zip(found, sample.blocks, strict=True)]),
        np.concatenate([one.columns + block.left for one, block in zip(found, sample.blocks, strict=True)]),
    )


def _density(count: int, pixels: int) -> tuple[float, float]:
    """Return log10 of a number per 10^6 pixels, and an error: twice of it allows for 3 where 0 is found."""
    value = log10((count + 1) / pixels * 1e6)
    return value, 0.5 * log10(1 + (2 * (count + 1) ** 0.5 + 1) / (count + 1))


def _sources(block: Block, sigma: float, highest_light: float) -> _Found:
    """Find the local maxima of a block, and the stars among them."""
    light = block.light
    near = np.maximum(np.maximum(light[:-2], light[1:-1]), light[2:])
    near = np.maximum(np.maximum(near[:, :-2], near[:, 1:-1]), near[:, 2:])
    core = light[1:-1, 1:-1]
    rows, columns = (place + 1 for place in np.nonzero((core == near) & (core > PEAK * sigma)))
    peaks = light[rows, columns]
    sides = np.stack([light[rows + i, columns + j] for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))])
    corners = np.stack([light[rows + i, columns + j] for i, j in ((-1, -1), (-1, 1), (1, -1), (1, 1))])
    star = sides.min(axis=0) > np.maximum(SIDE[0] * peaks, SIDE[1] * sigma)
    star &= corners.min(axis=0) > np.maximum(CORNER[0] * peaks, CORNER[1] * sigma)
    star |= (sides.min(axis=0) > np.maximum(SHARP_SIDE[0] * peaks, SHARP_SIDE[1] * sigma)) & (
        sides.max(axis=0) < EVEN_SIDES * sides.min(axis=0)
    )
    star &= (sides.max(axis=0) < PLATEAU * peaks) | (peaks < SATURATED * highest_light)
    height, width = light.shape
    inside = (rows >= WINDOW) & (rows < height - WINDOW) & (columns >= WINDOW) & (columns < width - WINDOW)
    order = np.flatnonzero(star & inside)
    order = order[np.argsort(-peaks[order])]
    # one in each square, or the brightest source has them all
    _, first = np.unique(rows[order] // SPACING * width + columns[order] // SPACING, return_index=True)
    order = order[np.sort(first)[:MOST_STARS]]
    reach = np.arange(-WINDOW, WINDOW + 1)
    windows = light[rows[order, None, None] + reach[:, None], columns[order, None, None] + reach]
    return _Found(len(rows), int(star.sum()), rows[order], columns[order], windows)


def _shapes(windows: NDArray[np.float32], sigma: float) -> dict[str, tuple[float, float]]:
    """Return width and elongation of the stars that are the brightest of their surroundings."""
    peaks = windows[:, WINDOW, WINDOW]
    alone = (peaks >= windows.max(axis=(1, 2), initial=-np.inf)) & (peaks > BRIGHT_PEAK * sigma)
    windows, peaks = windows[alone], peaks[alone]
    if len(windows) < LEAST_STARS:
        return {}
    upper = windows > 0.5 * peaks[:, None, None]
    areas = upper.sum(axis=(1, 2))
    near = windows[:, WINDOW - 2 : WINDOW + 3, WINDOW - 2 : WINDOW + 3].astype(np.float64)
    equivalent = near.sum(axis=(1, 2)) ** 2 / (near * near).sum(axis=(1, 2))
    widths = np.where(areas < NARROW, 2.355 * np.sqrt(equivalent / (4 * np.pi)), np.sqrt(4 / np.pi * areas))
    low, middle, high = np.percentile(np.log10(widths), [25, 50, 75])
    reach = np.arange(-WINDOW, WINDOW + 1)
    y, x = ((upper * axis).sum(axis=(1, 2)) / areas for axis in (reach[:, None], reach))
    dy, dx = reach[:, None] - y[:, None, None], reach - x[:, None, None]
    # 1/12: of the pixel itself
    yy, xx = ((upper * d * d).sum(axis=(1, 2)) / areas + 1 / 12 for d in (dy, dx))
    xy = (upper * dy * dx).sum(axis=(1, 2)) / areas
    common = np.hypot(np.median((xx - yy) / (xx + yy)), np.median(2 * xy / (xx + yy)))
    root = len(windows) ** 0.5
    return {"fwhm": (float(middle), float(high - low) / root), "elongation": (float(common), 0.25 / root)}


def _alignment(sample: Sample) -> dict[str, tuple[float, float]]:
    """Return how far the structure of the cells points along one direction."""
    limit = np.float32(20 * sample.noise)
    cells = np.clip(sample.cells, -limit, limit)
    half = cells.shape[1] // 2
    smooth = cells.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))
    down = smooth[:, 2:, 1:-1] - smooth[:, :-2, 1:-1]
    across = smooth[:, 1:-1, 2:] - smooth[:, 1:-1, :-2]
    xx, yy, xy = ((a * b).mean(axis=(1, 2)) for a, b in ((across, across), (down, down), (across, down)))
    power = np.maximum(xx + yy, np.finfo(np.float32).tiny)
    # the quietest cells tell the noise, unless they hold structure too
    second = np.diff(np.diff(sample.cells[sample.empty], 2, axis=1), 2, axis=2)
    finest = (float(np.median(np.abs(second))) / 0.6745 / SECOND_GAIN) ** 2
    noise = max(min(float(np.percentile(power, 15)), STRUCTURED * finest), float(np.finfo(np.float32).tiny))
    weight = np.minimum(np.sqrt(np.clip(power - 2 * noise, 0, None) / noise), 5)
    count = np.count_nonzero(weight)
    if not count:
        return {}
    cosine, sine = ((weight * part / power).sum() / weight.sum() for part in (xx - yy, 2 * xy))
    return {"alignment": (float(np.hypot(cosine, sine)), 0.5 / count**0.5)}
