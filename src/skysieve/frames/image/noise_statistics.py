"""Statistics of a frame's noise: independent pixels, or resampled, compressed, scanned or mosaic ones.

All are measured in the emptiest cells.  None depends on the unit, the sky or the gain.

- ``correlation_x``, ``correlation_y``: sum of the correlations of the noise at lags of one and two pixels,
  along rows and along columns; 0 for independent pixels.  Interpolation between two pixels gives at most 0.5,
  and a mean of several such exposures gives less.  Drizzling onto finer pixels, enlarging, plate grain and
  lossy compression give more (Fruchter & Hook 2002, section 7).
- ``correlation``: the mean of the two.
- ``mosaic``: standard deviation of the mean levels of the four kinds of pixels in a 2 x 2 mosaic, in units of
  the noise.  A Bayer filter gives a high value.
- ``period``: periodicity of the noise (:mod:`skysieve.frames.image.noise_period`), from interpolated colours,
  finer grids, or JPEG.
- ``grain``: log10 of the smallest step between pixel values, in units of the noise.
- ``confusion``: log10 of the ratio of the noise of the emptiest cells to its part in the highest frequencies
  along both axes.  It is large where blended sources leave no empty sky, or where the noise is smooth.

The correlation along one axis is measured in fourth differences along the other axis.  These pass only the
highest frequencies, of which images of sources with a FWHM of 2.5 px or more have almost none.  Values are
clipped, so that faint sources in a cell count less.

References
----------
Fruchter & Hook 2002, PASP 114, 144 (noise of drizzled frames).
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.frame_sample import CELL
from skysieve.frames.image.noise_period import noise_period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Sample

__all__ = ["NOISE_STATISTICS", "noise_statistics"]

NOISE_STATISTICS = (
    "correlation",
    "correlation_x",
    "correlation_y",
    "mosaic",
    "period",
    "grain",
    "confusion",
)
"""Names of the statistics."""

CLIPPED_PERCENT = (1.0, 99.0)
FOURTH_DIFFERENCE = (1.0, -4.0, 6.0, -4.0, 1.0)
GAIN = 70.0
"""Standard deviation of fourth differences along both axes of independent pixels of unit noise."""
CLIP_SIGMA = 1.5
"""Values are clipped at this distance from the median, in units of the noise."""
MIN_STEP = 1e-5
"""Minimum step in units of the noise; smaller ones come from the precision of float32."""


def noise_statistics(sample: Sample) -> dict[str, tuple[float, float]]:
    """Measure the noise of a frame.

    Parameters
    ----------
    sample
        Sample of the frame, with at least three empty cells.

    Returns
    -------
    dict
        Value and standard error by the names in :data:`NOISE_STATISTICS`.
    """
    cells, spreads, sigma = sample.cells[sample.empty], sample.spreads[sample.empty], sample.noise
    count = len(cells)
    ordered = np.sort(cells.reshape(count, -1), axis=1)
    low, high = (ordered[:, int(percent / 100 * ordered.shape[1])] for percent in CLIPPED_PERCENT)
    clipped, levels = _without_mosaic(np.clip(cells, low[:, None, None], high[:, None, None]))
    both = _fourth_difference(_fourth_difference(clipped, 1), 2)
    limit = CLIP_SIGMA * spreads[:, None, None]
    strictly_clipped, _ = _without_mosaic(np.clip(cells, -limit, limit))
    down, across = _fourth_difference(strictly_clipped, 1), _fourth_difference(strictly_clipped, 2)
    along_x = _correlation(down, 1, 2) + _correlation(down, 2, 2)
    along_y = _correlation(across, 1, 1) + _correlation(across, 2, 1)
    finest = float(np.median(np.abs(both))) / 0.6745 / GAIN
    steps = np.diff(ordered, axis=1)
    step = np.where(steps > MIN_STEP * sigma, steps, np.inf).min(axis=1)
    found = {
        "mosaic": _median(levels.reshape(count, 4).std(axis=1) / spreads),
        "correlation": _median(0.5 * (along_x + along_y)),
        "correlation_x": _median(along_x),
        "correlation_y": _median(along_y),
        "grain": (log10(max(float(np.median(step)) / sigma, MIN_STEP)), 0.0),
        "confusion": (log10(sigma / max(finest, 1e-3 * sigma)), 0.1 / count**0.5),
    }
    if period := noise_period(sample):
        found["period"] = period
    return {name: (float(value), float(error)) for name, (value, error) in found.items()}


def _fourth_difference(cells: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the fourth differences along an axis."""
    length = cells.shape[axis] - len(FOURTH_DIFFERENCE) + 1
    total = np.zeros_like(cells[tuple(_slices(axis, 0, length))])
    for start, weight in enumerate(FOURTH_DIFFERENCE):
        total += np.float32(weight) * cells[tuple(_slices(axis, start, start + length))]
    return total


def _correlation(change: NDArray[np.float32], lag: int, axis: int) -> NDArray[np.float32]:
    """Return the autocorrelation of each cell at a lag along an axis."""
    ahead, behind = change[tuple(_slices(axis, lag, None))], change[tuple(_slices(axis, 0, -lag))]
    found: NDArray[np.float32] = (ahead * behind).mean(axis=(1, 2)) / (change * change).mean(axis=(1, 2))
    return found


def _slices(axis: int, start: int, stop: int | None) -> list[slice]:
    part = [slice(None)] * 3
    part[axis] = slice(start, stop)
    return part


def _median(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the median of the cells' values, and its standard error."""
    low, median, high = np.percentile(values, [16, 50, 84])
    return float(median), float(1.25 * 0.5 * (high - low) / len(values) ** 0.5)


def _without_mosaic(
    cells: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Subtract the mean of each of four kinds of pixels from cells ``(N, 32, 32)``; return the means too."""
    phases = cells.reshape(len(cells), CELL // 2, 2, CELL // 2, 2)
    levels = phases.mean(axis=(1, 3), keepdims=True)
    return (phases - levels).reshape(cells.shape), levels.reshape(len(cells), 4)
