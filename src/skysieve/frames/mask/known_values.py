"""Medians and means of known values.

Those of NumPy warn where all values are unknown, and warnings cannot be turned off in one thread only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mean_of", "median_of"]


def median_of(values: NDArray[np.float32], *, axis: int, min_known: float = 0.0) -> NDArray[np.float32]:
    """Return medians of known values.

    Parameters
    ----------
    values
        float32; NaN is unknown.
    axis
        Axis over which to take the median.
    min_known
        Minimum fraction of known values; with fewer, or none, the median is NaN.

    Returns
    -------
    ndarray
        float32 medians.
    """
    if values.shape[axis] == 0:
        return np.full(np.delete(values.shape, axis), np.nan, np.float32)
    ordered = np.sort(values, axis=axis)  # NaN last
    known = values.shape[axis] - np.count_nonzero(np.isnan(values), axis=axis)
    last = values.shape[axis] - 1
    low, high = (
        np.take_along_axis(ordered, np.expand_dims(np.clip(index, 0, last), axis), axis=axis).squeeze(axis)
        for index in ((known - 1) // 2, known // 2)
    )
    enough = (known > 0) & (known >= min_known * values.shape[axis])
    found: NDArray[np.float32] = np.where(enough, (low + high) / 2, np.nan).astype(np.float32)
    return found


def mean_of(values: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """Return means of known values.

    Parameters
    ----------
    values
        float32; NaN is unknown.
    axis
        Axis over which to take the mean.

    Returns
    -------
    ndarray
        float32 means; NaN where no value is known.
    """
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis)
    found: NDArray[np.float32] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return found
