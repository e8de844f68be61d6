"""Periodicity of the noise of a frame, a trace of interpolation and of compression in blocks.

Interpolated pixels have less noise the further they are from the original pixels.  The mean change between
neighbours, as a function of the column or the row, therefore has the period of the original grid in the new
one (Gallagher 2005): 2 pixels for the colours of a mosaic, and the ratio of the grids for enlarged and
drizzled frames.  JPEG has a period of 8 pixels.  The statistic is log10 of the ratio of the highest to the
median power of periods up to 12.8 pixels.  Changes are second differences relative to their mean in cells of
32 x 32 pixels.  Cells with structure are excluded: their pixels vary more than the differences between
neighbours suggest.

References
----------
Gallagher 2005, Proc. 2nd Canadian Conference on Computer and Robot Vision, 65.
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.frame_sample import CELL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.image.frame_sample import Block, Sample

__all__ = ["noise_period"]

LENGTH = 256
"""Length of the Fourier transform: that of the longest profile."""
MIN_CYCLES = 20
"""Cycles per :data:`LENGTH` of the longest period in the statistic."""
MAX_CHANGE = 3.0
"""Changes are clipped at this many times their mean."""
STRUCTURED = 1.25
"""Cells whose ratio of spread to changes exceeds that of smooth cells by this factor have structure."""
SMOOTH_PERCENT = 20
"""Percentile of the ratio of spread to changes that is that of smooth cells."""
ERROR = 0.2
"""Standard error of the statistic in one block of noise."""
MIN_CELLS = 6
"""Minimum number of cells without structure in a block."""


def noise_period(sample: Sample) -> tuple[float, float] | None:
    """Measure the periodicity of the noise.

    Parameters
    ----------
    sample
        Sample of the frame.

    Returns
    -------
    tuple or None
        Value and standard error; None if the frame is too small.
    """
    found = [value for axis in (0, 1) if (value := _along(sample, axis)) is not None]
    return max(found, default=None)


def _along(sample: Sample, axis: int) -> tuple[float, float] | None:
    """Return value and standard error for the profile of rows (axis 0) or of columns (axis 1)."""
    changes = [_changes(block, axis) for block in sample.blocks]
    means = [_cell_means(one) for one in changes]
    ratios = [
        np.divide(block.spreads, mean, out=np.full_like(mean, np.inf), where=(block.spreads > 0) & (mean > 0))
        for block, mean in zip(sample.blocks, means, strict=True)
    ]
    measured = np.concatenate([ratio[np.isfinite(ratio)] for ratio in ratios])
    if not measured.size:
        return None
    limit = STRUCTURED * np.percentile(measured, SMOOTH_PERCENT)
    powers = []
    for change, mean, ratio in zip(changes, means, ratios, strict=True):
        if np.count_nonzero(ratio <= limit) >= MIN_CELLS:
            powers.append(_power(change, mean, ratio <= limit, axis))
    if not powers:
        return None
    power = np.mean(powers, axis=0)
    return log10(float(power.max()) / max(float(np.median(power)), 1e-12)), ERROR / len(powers) ** 0.5


def _changes(block: Block, axis: int) -> NDArray[np.float32]:
    """Return the absolute second differences ``(h, w)`` along an axis, 0 at its ends."""
    changes = np.zeros_like(block.pixels)
    inner = (slice(1, -1), slice(None)) if axis == 0 else (slice(None), slice(1, -1))
    changes[inner] = np.abs(np.diff(block.pixels, 2, axis=axis))
    return changes


def _cell_means(changes: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = (length // CELL for length in changes.shape)
    means: NDArray[np.float32] = changes.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3))
    return means


def _power(
    changes: NDArray[np.float32], means: NDArray[np.float32], counts: NDArray[np.bool_], axis: int
) -> NDArray[np.float64]:
    """Return the power spectrum of a block from the cells that count, the shortest period last."""
    rows, columns = means.shape
    scale = np.where(counts, means, 1)[:, None, :, None]
    relative = np.minimum(changes.reshape(rows, CELL, columns, CELL) / scale, MAX_CHANGE)
    relative *= counts[:, None, :, None]
    across = 2 if axis == 0 else 0
    total = relative.sum(axis=(across, across + 1), dtype=np.float64).ravel()
    pixels = CELL * counts.sum(axis=1 - axis).repeat(CELL)
    profile = np.divide(total, pixels, out=np.ones_like(total), where=pixels > 0)[1:-1]
    profile -= profile.mean()
    spectrum = np.fft.rfft(profile * np.hanning(len(profile)), LENGTH)
    return np.asarray(np.abs(spectrum[MIN_CYCLES:]) ** 2)
