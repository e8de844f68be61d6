"""What a frame looks like, in a few simple statistics: noise, sampling, digitisation, sources.

Nine blocks spread over the frame are looked at, and in them cells of 32 x 32 pixels.  What is said of the
noise comes from the emptiest cells of each block, those that vary least over a few pixels but for the very
least; what is said of sources from the brightest compact peaks.  No statistic depends on the unit, the sky
level or the gain.

- ``correlation_x``, ``correlation_y``: of the noise of neighbouring pixels along rows and along columns; 0
  for independent pixels, up to 0.8 where frames were resampled and summed (Fruchter & Hook 2002), smoothed
  or scanned from plates.
- ``resampling``: their mean, less the correlation at two pixels.  Faint sources and halos correlate pixels at
  both distances; interpolation does so at one pixel only, or with the other sign at two (Lanczos kernels).
- ``mosaic``: standard deviation of the mean levels of the four kinds of pixels of a 2 x 2 mosaic, in noise
  units: the checkerboard of a Bayer filter.
- ``fwhm``: log10 of the mean FWHM, in pixels, of the 5 to 50 brightest unsaturated compact peaks, from the
  number of pixels above half of the peak, which holds for the rings of defocused stars too.
- ``grain``: smallest step between pixel values in noise units: above 1 the digitisation hides the noise.
- ``crowding``: part of the pixels above 5 sigma of their cell's sky.

Correlations come from variances of differences along one axis, ``1 - var(x[i + n] - x[i]) / var(x[i + 4] -
x[i])``, which gradients, bad columns and the pattern of a mosaic hardly change, of values clipped to the 1st
and 99th percentile of their cell.  A statistic for which a frame is too small or too poor in stars is not
given, and not judged.

References
----------
Fruchter & Hook 2002, PASP 114, 144, section 7 (noise of resampled frames).
"""

from __future__ import annotations

from math import isfinite, log10
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.imaging.frames import Frame

__all__ = ["STATISTICS", "frame_statistics"]

STATISTICS = ("correlation_x", "correlation_y", "resampling", "mosaic", "fwhm", "grain", "crowding")
"""Names of the statistics."""

BLOCK = 256
BLOCKS_AN_AXIS = 3
CELL = 32
EMPTIEST = (0.05, 0.30)
"""Part of a block's cells, by how little they vary, that count as empty sky."""
DARK = 5.0
"""A cell this many times the lower spread of its block below its median is overscan, not empty sky."""
LEAST_CELLS = 4
"""Fewer empty cells tell nothing about the noise."""
CLIPPED_PERCENT = (1.0, 99.0)
LONG_LAG = 4
LEAST_PEAK = 30.0
LEAST_NEIGHBOUR = 3.0
"""In sigma: a peak, and each of its 8 neighbours; a hot pixel or a cosmic ray has one that is sky."""
WINDOW = 15
"""Pixels on each side of a peak in which it is the highest, and its light is looked at."""
PEAKS = (5, 50)
SATURATED = (0.8, 0.9, 10)
"""Peaks above 0.8 of the highest value do not count if 10 pixels lie above 0.9 of it, as if saturated."""


def frame_statistics(frame: Frame) -> dict[str, float]:
    """Measure what a frame looks like.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels as they are, in any unit; three strips of 256 rows are read at most.

    Returns
    -------
    dict
        Values by the names in :data:`STATISTICS`, without those that cannot be measured.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # values near the end of float32 are left out below
        blocks = [_measured(pixels, nodata) for pixels, nodata in _blocks(frame)]
        empty = [block.empty for block in blocks if len(block.empty)]
        if sum(map(len, empty)) < LEAST_CELLS:
            return {}
        found, sigma = _of_noise(np.concatenate(empty))
        if not (isfinite(sigma) and sigma > 0):
            return {}
        fwhm = _fwhm(blocks, sigma)
        bright = sum(np.count_nonzero(block.light[~block.nodata] > 5 * sigma) for block in blocks)
        valid = sum(np.count_nonzero(~block.nodata) for block in blocks)
    if fwhm:
        found["fwhm"] = log10(fwhm)
    found["crowding"] = bright / valid
    return {name: float(value) for name, value in found.items() if isfinite(value)}


class _Block(NamedTuple):
    """A block of a frame: its pixels above the sky of their cell, and its empty cells as they are."""

    light: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    empty: NDArray[np.float32]


def _blocks(frame: Frame) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield blocks at equal distances, of whole cells, that do not overlap; fewer in smaller frames."""
    side = min(BLOCK, *(length // CELL * CELL for length in frame.shape))
    if not side:
        return
    tops, lefts = (_starts(length, side) for length in frame.shape)
    for top in tops:
        pixels, nodata = frame.rows(top, top + side)
        for left in lefts:
            yield pixels[:, left : left + side].copy(), nodata[:, left : left + side].copy()


def _starts(length: int, side: int) -> list[int]:
    count = min(BLOCKS_AN_AXIS, length // side)
    return [
        (2 * number + 1) * (length - count * side) // (2 * count) + number * side for number in range(count)
    ]


def _cells(block: NDArray[Any]) -> NDArray[Any]:
    """Return a block's ``(cells, 32, 32)`` cells."""
    rows, columns = (length // CELL for length in block.shape)
    cells: NDArray[Any] = block.reshape(rows, CELL, columns, CELL).swapaxes(1, 2).reshape(-1, CELL, CELL)
    return cells


def _measured(pixels: NDArray[np.float32], nodata: NDArray[np.bool_]) -> _Block:
    """Take the sky away from a block, and find its empty cells: those that vary least over a few pixels."""
    cells = _cells(pixels)
    # every third or fifth pixel, for speed, and odd, so that all kinds of pixels of a mosaic are among them
    sky = np.median(cells[:, ::3, ::3], axis=(1, 2)).astype(np.float32)
    across = pixels.shape[1] // CELL
    light = pixels - sky.reshape(-1, across).repeat(CELL, axis=0).repeat(CELL, axis=1)
    low, middle = np.percentile(pixels[::5, ::5], [16, 50])
    usable = (sky >= middle - DARK * (middle - low)) & ~_cells(nodata).any(axis=(1, 2))
    variance = _differences(cells, LONG_LAG, 1) + _differences(cells, LONG_LAG, 2)
    usable &= (variance > 0) & np.isfinite(variance)
    ranked = np.flatnonzero(usable)[np.argsort(variance[usable])]
    first, last = (round(part * len(ranked)) for part in EMPTIEST)
    return _Block(light, nodata, cells[ranked[first:last]])


def _differences(cells: NDArray[np.float32], lag: int, axis: int) -> NDArray[np.float32]:
    """Return the mean square difference of the pixels of each cell that are ``lag`` apart."""
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(lag, None), slice(None, -lag)
    change = cells[tuple(ahead)] - cells[tuple(behind)]
    square: NDArray[np.float32] = np.einsum("ijk,ijk->i", change, change) / change[0].size
    return square


def _of_noise(cells: NDArray[np.float32]) -> tuple[dict[str, float], float]:
    """Return what ``(cells, 32, 32)`` empty sky tells of the noise, and its sigma in the frame's unit."""
    count = len(cells)
    ordered = np.sort(cells.reshape(count, -1), axis=1)
    low, high = (ordered[:, int(percent / 100 * ordered.shape[1])] for percent in CLIPPED_PERCENT)
    # levels are taken away first, because float32 has few digits left beside a large one
    level = ordered[:, ordered.shape[1] // 2][:, None, None]
    noise = np.clip(cells, low[:, None, None], high[:, None, None]) - level
    mosaic = noise.reshape(count, CELL // 2, 2, CELL // 2, 2)
    phases = mosaic.mean(axis=(1, 3), keepdims=True)
    noise = (mosaic - phases).reshape(cells.shape)

    far = {axis: _differences(noise, LONG_LAG, axis) for axis in (1, 2)}
    usable = np.minimum(far[1], far[2]) > 0
    if np.count_nonzero(usable) < LEAST_CELLS:
        return {}, 0.0

    def correlation(lag: int, axis: int) -> float:
        return float(1 - np.median(_differences(noise, lag, axis)[usable] / far[axis][usable]))

    sigma = np.sqrt(0.25 * (far[1] + far[2])[usable])
    steps = np.diff(ordered[usable], axis=1)
    step = np.where(steps > 0, steps, np.inf).min(axis=1)
    across, along = correlation(1, 2), correlation(1, 1)
    found = {
        "correlation_x": across,
        "correlation_y": along,
        "resampling": 0.5 * (across + along - correlation(2, 2) - correlation(2, 1)),
        "mosaic": float(np.median(phases[usable].std(axis=(2, 4)).ravel() / sigma)),
        "grain": float(np.median(step / sigma)),
    }
    return found, float(np.median(sigma))


def _fwhm(blocks: list[_Block], sigma: float) -> float:
    """Return the median FWHM of the brightest unsaturated compact peaks in pixels, or 0 if they are few."""
    windows = np.concatenate([_peaks(block, sigma) for block in blocks])
    if not len(windows):
        return 0.0
    peaks = windows[:, WINDOW, WINDOW]
    highest = max(float(block.light.max()) for block in blocks)
    share, near, pixels = SATURATED
    if sum(np.count_nonzero(block.light > near * highest) for block in blocks) >= pixels:
        windows, peaks = windows[peaks < share * highest], peaks[peaks < share * highest]
    fewest, most = PEAKS
    if len(peaks) < fewest:
        return 0.0
    brightest = np.argsort(peaks)[-most:]
    areas = np.count_nonzero(windows[brightest] > 0.5 * peaks[brightest, None, None], axis=(1, 2))
    # a mean, because areas are whole numbers; of the middle half, because some are of galaxies or blends
    middle = np.sort(areas)[len(areas) // 4 : len(areas) - len(areas) // 4]
    return float(np.sqrt(4 / np.pi * middle.mean()))


def _peaks(block: _Block, sigma: float) -> NDArray[np.float32]:
    """Return the ``(peaks, 31, 31)`` surroundings, above the sky, of a block's peaks: one a cell at most."""
    pixels = block.light
    across = pixels.shape[1] // CELL
    cells = _cells(pixels).reshape(-1, CELL * CELL)
    places = cells.argmax(axis=1)
    number = np.arange(len(cells))
    rows = number // across * CELL + places // CELL
    columns = number % across * CELL + places % CELL
    inside = (np.minimum(rows, columns) >= WINDOW) & (np.maximum(rows, columns) < min(pixels.shape) - WINDOW)
    keep = inside & (cells[number, places] > LEAST_PEAK * sigma)
    reach = np.arange(-WINDOW, WINDOW + 1)
    index = rows[keep, None, None] + reach[:, None], columns[keep, None, None] + reach
    windows: NDArray[np.float32] = pixels[index]
    near = windows[:, WINDOW - 1 : WINDOW + 2, WINDOW - 1 : WINDOW + 2]
    compact = near.min(axis=(1, 2), initial=np.inf) > LEAST_NEIGHBOUR * sigma
    highest = windows[:, WINDOW, WINDOW] >= windows.max(axis=(1, 2), initial=-np.inf)
    complete = ~block.nodata[index].any(axis=(1, 2))
    found: NDArray[np.float32] = windows[compact & highest & complete]
    return found
