"""Statistics of a frame's noise: independent pixels, or resampled, compressed, scanned, of a colour camera.

All are taken from the emptiest cells, and none depends on the unit, the sky or the gain.

- ``correlation_x``, ``correlation_y``: correlation of the noise at one pixel plus that at two, along rows and
  along columns; 0 for independent pixels.  Interpolation between two pixels gives 0.5 at most, and a mean of
  several such exposures less.  Drizzling onto finer pixels, enlarging, plate grain and lossy compression
  give more (Fruchter & Hook 2002, section 7).
- ``correlation``: the mean of the two.
- ``mosaic``: standard deviation of the mean levels of the four kinds of pixels in a 2 x 2 mosaic, in units
  of the noise: the checkerboard of a Bayer filter.
- ``period``: how far a period of a few pixels stands out of the noise
  (:mod:`skysieve.frames.image.noise_period`): interpolated colours, finer grids, JPEG.
- ``grain``: log10 of the smallest step between pixel values, in units of the noise.
- ``confusion``: log10 of the noise of the emptiest cells over the part of it in the highest frequencies along
  both axes: large where blends of sources leave no empty sky, or noise is smooth.

Correlations along one axis are those of fourth differences along the other.  These pass the highest
frequencies only, of which images of sources that are 2.5 px wide or more have next to none.  Cells whose
values are skewed hold faint sources, and do not count.

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
FOURTH = (1.0, -4.0, 6.0, -4.0, 1.0)
GAIN = 70.0
"""Standard deviation of fourth differences along both axes of independent pixels of unit noise."""
LEVELLED = 1.5
"""In noise units: values further from the median count as this far."""
LEAST_STEP = 1e-5
"""In noise units: smaller steps are the digits of float32."""


def noise_statistics(sample: Sample) -> dict[str, tuple[float, float]]:
    """Measure the noise of a frame.

    Parameters
    ----------
    sample
        Of the frame, with three empty cells or more.

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
    both = _fourth(_fourth(clipped, 1), 2)
    limit = LEVELLED * spreads[:, None, None]
    levelled, _ = _without_mosaic(np.clip(cells, -limit, limit))
    down, across = _fourth(levelled, 1), _fourth(levelled, 2)
    along_x = _correlation(down, 1, 2) + _correlation(down, 2, 2)
    along_y = _correlation(across, 1, 1) + _correlation(across, 2, 1)
    finest = float(np.median(np.abs(both))) / 0.6745 / GAIN
    steps = np.diff(ordered, axis=1)
    step = np.where(steps > LEAST_STEP * sigma, steps, np.inf).min(axis=1)
    found = {
        "mosaic": _middle(levels.reshape(count, 4).std(axis=1) / spreads),
        "correlation": _middle(0.5 * (along_x + along_y)),
        "correlation_x": _middle(along_x),
        "correlation_y": _middle(along_y),
        "grain": (log10(max(float(np.median(step)) / sigma, LEAST_STEP)), 0.0),
        "confusion": (log10(sigma / max(finest, 1e-3 * sigma)), 0.1 / count**0.5),
    }
    if period := noise_period(sample):
        found["period"] = period
    return {name: (float(value), float(error)) for name, (value, error) in found.items()}


def _fourth(cells: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the fourth differences along an axis."""
    length = cells.shape[axis] - len(FOURTH) + 1
    total = np.zeros_like(cells[tuple(_part(axis, 0, length))])
    for start, weight in enumerate(FOURTH):
        total += np.float32(weight) * cells[tuple(_part(axis, start, start + length))]
    return total


def _correlation(change: NDArray[np.float32], lag: int, axis: int) -> NDArray[np.float32]:
    """Return the correlation of each cell's values that are some pixels apart along an axis."""
    ahead, behind = change[tuple(_part(axis, lag, None))], change[tuple(_part(axis, 0, -lag))]
    found: NDArray[np.float32] = (ahead * behind).mean(axis=(1, 2)) / (change * change).mean(axis=(1, 2))
    return found


def _part(axis: int, start: int, stop: int | None) -> list[slice]:
    part = [slice(None)] * 3
    part[axis] = slice(start, stop)
    return part


def _middle(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the median of the cells' values, and its standard error."""
    low, middle, high = np.percentile(values, [16, 50, 84])
    return float(middle), float(1.25 * 0.5 * (high - low) / len(values) ** 0.5)


def _without_mosaic(
    cells: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return cells ``(n, 32, 32)`` less the mean levels of their four kinds of pixels; and these levels."""
    phases = cells.reshape(len(cells), CELL // 2, 2, CELL // 2, 2)
    levels = phases.mean(axis=(1, 3), keepdims=True)
    return (phases - levels).reshape(cells.shape), levels.reshape(len(cells), 4)
