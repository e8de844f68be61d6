"""Find pixels that are high or low in all frames of a detector: pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.defects.settings import DefectSettings

__all__ = ["Defects", "find_defects", "trimmed_means"]

BRIGHT, FAINT = 0.5, 0.25
"""Fractions of the frames in which a pixel may be bright, by a star, a cosmic ray or a trail; and in which a
pixel that is not dead may be faint."""

LOCAL = 7
"""Side of the window whose median is the level around a pixel, in pixels."""

ACROSS = 31
"""Length of the window across a column whose median is the level around it, in pixels."""

WINDOWS = (9, 33, 129)
"""Lengths of the pieces of a column in which it is sought, in pixels."""

CLIPPED = 4.0
"""Values beyond this number of standard deviations count no more in a column: single hot pixels."""

MIN_FILLED = 0.6
"""Minimum fraction of the pixels of a column that exceed the level around them."""

MIN_CLUSTER = 6
"""Minimum number of dead pixels side by side that are a cluster."""

_MAD = 1.4826


@dataclass(frozen=True)
class Defects:
    """Defects of a detector; all arrays are ``(H, W)``.

    Attributes
    ----------
    planes
        bool, True in defects, by class: HP, DP, HCL, DCL.
    significance
        float32, in standard deviations: positive for hot pixels, negative for dead ones, 0 without data.
    excess
        float32, excess over the level around each pixel, in units of the noise of a single frame.
    """

    planes: dict[str, NDArray[np.bool_]]
    significance: NDArray[np.float32]
    excess: NDArray[np.float32]


def trimmed_means(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return means over frames that a star, a cosmic ray or a trail in some of them does not change.

    All of these are bright, so that both means are of the lower half of the values.

    Parameters
    ----------
    values
        ``(N, ...)`` float32, frames in units of their noise; NaN where there is no data.

    Returns
    -------
    lower, inner
        ``(...)`` float32, the mean of the lower half of the values, for pixels that are high in most frames;
        and that of the lower half without the lowest quarter, for pixels that are low in most. NaN in pixels
        that have data in less than half of the frames.
    """
    ordered = np.sort(values, axis=0)  # NaN last
    known = np.isfinite(values).sum(axis=0)
    stop = known - np.floor(BRIGHT * known).astype(np.int64)
    start = np.floor(FAINT * known).astype(np.int64)
    index = np.arange(len(values)).reshape(-1, *(1,) * (values.ndim - 1))
    enough = (known >= 2) & (2 * known >= len(values))
    means = []
    for first in (0, start):
        part = (index >= first) & (index < stop)
        total = np.where(part, ordered, 0).sum(axis=0, dtype=np.float64)
        means.append(np.where(enough, total / np.maximum(stop - first, 1), np.nan).astype(np.float32))
    return means[0], means[1]


def find_defects(lower: NDArray[np.float32], inner: NDArray[np.float32], settings: DefectSettings) -> Defects:
    """Find the defects of a detector.

    Parameters
    ----------
    lower, inner
        ``(H, W)`` float32, see :func:`trimmed_means`.
    settings
        Significance and level of a defect.

    Returns
    -------
    Defects
        The defects.
    """
    hot, hot_score = _contrast(lower)
    cold, cold_score = _contrast(-inner)
    is_hot = (hot_score >= settings.significance) & (hot >= settings.level)
    is_cold = (cold_score >= settings.significance) & (cold >= settings.level) & ~is_hot
    hot_columns, cold_columns = (_columns(mean, settings) for mean in (lower, -inner))
    cold_columns &= ~hot_columns
    labels, _ = ndimage.label(is_cold & ~cold_columns, np.ones((3, 3)))
    clusters = (np.bincount(labels.ravel()) >= MIN_CLUSTER)[labels] & (labels > 0)
    dead_lines = cold_columns | clusters
    score = np.where(hot_score >= cold_score, hot_score, -cold_score)
    return Defects(
        {
            "HP": is_hot & ~hot_columns & ~dead_lines,
            "DP": is_cold & ~dead_lines & ~hot_columns,
            "HCL": hot_columns,
            "DCL": dead_lines,
        },
        np.nan_to_num(score).astype(np.float32),
        np.nan_to_num(np.where(hot_score >= cold_score, hot, -cold)).astype(np.float32),
    )


def _contrast(mean: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the excess of pixels over those around them, and its significance; 0 without data."""
    known = np.isfinite(mean)
    filled = np.where(known, mean, np.median(mean[known]) if known.any() else 0)
    excess = np.where(known, filled - ndimage.median_filter(filled, LOCAL, mode="nearest"), 0)
    return excess.astype(np.float32), (excess / _scatter(excess[known])).astype(np.float32)


def _columns(mean: NDArray[np.float32], settings: DefectSettings) -> NDArray[np.bool_]:
    """Return the pixels of high columns and lines."""
    found = np.zeros(mean.shape, np.bool_)
    for axis in (0, 1):
        size = (1, ACROSS) if axis == 0 else (ACROSS, 1)
        known = np.isfinite(mean)
        filled = np.where(known, mean, np.median(mean[known]) if known.any() else 0)
        excess = np.where(known, filled - ndimage.median_filter(filled, size, mode="nearest"), 0)
        score = np.clip(excess / _scatter(excess[known]), -CLIPPED, CLIPPED)
        found |= _long_runs(score, axis, settings.significance)
    return found


def _long_runs(score: NDArray[np.float64], axis: int, significance: float) -> NDArray[np.bool_]:
    """Return the pixels of pieces along an axis that are significantly high, in pieces of all lengths."""
    found = np.zeros(score.shape, np.bool_)
    for window in WINDOWS:
        if window > score.shape[axis]:
            continue
        # reflected at the border, where the nearest value would make a column of a single pixel
        mean = ndimage.uniform_filter1d(score, window, axis=axis, mode="reflect")
        filled = ndimage.uniform_filter1d((score > 0).astype(np.float32), window, axis=axis, mode="reflect")
        # pixels are not independent or symmetric about 0, so the scatter is that of the pieces themselves
        scatter = max(_scatter(mean), 1 / np.sqrt(window))
        centres = (mean - np.median(mean) > (significance + 1) * scatter) & (filled >= MIN_FILLED)
        if centres.any():
            # a window reaches beyond the end of a piece: its ends must be high themselves
            structure = np.ones((window, 1) if axis == 0 else (1, window))
            peak = ndimage.maximum_filter1d(np.where(centres, mean, 0), window, axis=axis, mode="reflect")
            local = ndimage.uniform_filter1d(score, WINDOWS[0], axis=axis, mode="reflect")
            found |= ndimage.binary_dilation(centres, structure) & (local > 0.5 * peak)
    return found


def _scatter(values: NDArray[np.floating]) -> float:
    """Return the standard deviation of most values."""
    if not values.size:
        return 1.0
    return max(_MAD * float(np.median(np.abs(values - np.median(values)))), 1e-6)
