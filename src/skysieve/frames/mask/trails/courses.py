"""The exact centre line of a trail, fitted to the light of the frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.frames.mask.known_values import median_of
from skysieve.frames.mask.streaks.tracing import robust_fit
from skysieve.frames.mask.trails.cutouts import CHUNK, Cutout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.mask.streaks.tracing import Course
    from skysieve.frames.mask.trails.cutouts import SkyLight
    from skysieve.frames.mask.trails.segments import Segment

__all__ = ["Excess", "excess_along", "fit_centre_line", "mean_profile"]

CURVED = 300.0
"""Minimum length in pixels of trails whose curvature is fitted."""

MIN_CHUNK = 8
"""Minimum length of a chunk in pixels."""

CLEAR = 4.0
"""Significance of a chunk in which the offset of the trail is measured."""

SEARCH = 5
"""Distance from the first estimate, besides half of the width, within which the trail is searched for."""

MEDIAN_NOISE = 1.25
"""Ratio of the standard deviation of a median to that of a mean."""


class Excess(NamedTuple):
    """Light of a trail above that of its sides, in chunks along it.

    Attributes
    ----------
    centres
        ``(K,)`` positions of the chunks along the course in pixels.
    values
        ``(K, V)`` mean over the width minus the mean of the sides, at each distance from the course.
    scatter
        Standard deviation of the values beside the trail.
    expected
        The same for noise that is not correlated between pixels.
    """

    centres: NDArray[np.float64]
    values: NDArray[np.float32]
    scatter: float
    expected: float

    @property
    def on_course(self) -> NDArray[np.float32]:
        """``(K,)`` values on the course."""
        return self.values[:, self.values.shape[1] // 2]


def excess_along(cutout: Cutout, width: float, *, chunk: int = CHUNK) -> Excess:
    """Return the light of a trail above that of its sides.

    Parameters
    ----------
    cutout
        Cut-out along the trail.
    width
        Width over which light is averaged, in pixels.
    chunk
        Length of the chunks in pixels.

    Returns
    -------
    Excess
        The light, and its scatter beside the trail.
    """
    centres, medians = cutout.chunks(chunk)
    size = max(1, 2 * round((width - 1) / 2) + 1)
    boxed = _box_means(medians, size)
    away = math.ceil(1.25 * width) + 5
    left, right = np.roll(boxed, away, axis=1), np.roll(boxed, -away, axis=1)
    left[:, :away], right[:, -away:] = np.nan, np.nan
    # one side is enough, as at the border; two are averaged, so that a slope has no effect
    sides = np.where(np.isfinite(left), np.where(np.isfinite(right), (left + right) / 2, left), right)
    values = (boxed - sides).astype(np.float32)
    beside = values[:, np.abs(cutout.across) >= 3 * away]
    beside = beside[np.isfinite(beside)]
    length = cutout.along.size / centres.size
    expected = math.sqrt(1.5) * MEDIAN_NOISE / math.sqrt(length * size)
    scatter = expected
    if beside.size >= 8:
        scatter = max(expected, 1.4826 * float(np.median(np.abs(beside - np.median(beside)))))
    return Excess(centres, values, scatter, expected)


def fit_centre_line(sky: SkyLight, segment: Segment) -> Course | None:
    """Fit the centre line of a trail.

    Parameters
    ----------
    sky
        The light of the frame.
    segment
        Approximate centre line, ends and width.

    Returns
    -------
    Course or None
        The centre line, a parabola for long trails; None if there is no light to fit.
    """
    course = segment.course
    half = int(2.5 * segment.width) + 2 * SEARCH + 24
    chunk = int(np.clip(segment.length / 10, MIN_CHUNK, CHUNK))
    for _ in range(2):
        cutout = Cutout.along_course(sky, course, segment.ends, half)
        excess = excess_along(cutout, segment.width, chunk=chunk)
        reach = math.ceil(segment.width / 2) + SEARCH
        near = excess.values[:, cutout.centre - reach : cutout.centre + reach + 1]
        if not np.isfinite(near).any():
            return None
        degree = 2 if segment.length >= CURVED and excess.centres.size >= 8 else 1
        fit = _fit(excess, near, reach, degree)
        if fit is None:
            return None
        course = course.moved(fit[0], fit[1], course.curvature + (fit[2] if degree == 2 else 0.0))
    return course


def _fit(excess: Excess, near: NDArray[np.float32], reach: int, degree: int) -> list[float] | None:
    """Return the coefficients of the offset of the trail as a function of the position along it."""
    offsets = np.arange(-reach, reach + 1)
    filled = np.nan_to_num(near, nan=-np.inf)
    height = filled.max(axis=1)
    clear = np.isfinite(height) & (height > CLEAR * excess.scatter)
    if np.count_nonzero(clear) >= max(degree + 2, 0.5 * height.size):
        weights = np.clip(filled[clear] - height[clear, None] / 2, 0, None)
        centroids = (weights * offsets).sum(axis=1) / weights.sum(axis=1)
        return robust_fit(excess.centres[clear], centroids, height[clear] / excess.scatter, degree)
    return _best_line(excess.centres, np.nan_to_num(near), reach)


def _best_line(centres: NDArray[np.float64], near: NDArray[np.float32], reach: int) -> list[float] | None:
    """Return offset, slope and 0 of the straight line along which the light is highest."""
    if centres.size < 2:
        return None
    middle, span = float(centres.mean()), float(np.ptp(centres))
    unit = (centres - middle) / (span / 2)
    clipped = np.minimum(near, 4 * np.median(np.abs(near)) * 1.4826 + 1e-6)
    best, found = 0.0, None
    for offset in np.arange(-reach, reach + 0.5, 0.5):
        for tilt in np.arange(-SEARCH, SEARCH + 0.5, 0.5):
            index = np.rint(offset + tilt * unit + reach).astype(int)
            inside = (index >= 0) & (index < near.shape[1])
            total = float(clipped[np.flatnonzero(inside), index[inside]].sum())
            if total > best:
                best, found = total, (offset, tilt)
    if found is None:
        return None
    slope = float(found[1]) / (span / 2)
    return [float(found[0]) - slope * middle, slope, 0.0]


def _box_means(medians: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return means over `size` neighbours across, ``(K, V)``; NaN where fewer than half are known."""
    known = np.isfinite(medians)
    kernel = np.ones(size)
    sums = np.apply_along_axis(np.convolve, 1, np.where(known, medians, 0.0), kernel, "same")
    counts = np.apply_along_axis(np.convolve, 1, known.astype(float), kernel, "same")
    found = np.full(medians.shape, np.nan, np.float32)
    enough = counts >= max(1, size / 2)
    found[enough] = (sums[enough] / counts[enough]).astype(np.float32)
    return found


def mean_profile(cutout: Cutout, excess: Excess, *, chunk: int) -> NDArray[np.float32]:
    """Return the mean profile across a trail where it is detected.

    Parameters
    ----------
    cutout
        Cut-out along the trail, from end to end.
    excess
        Its light in chunks.
    chunk
        Length of the chunks in pixels.

    Returns
    -------
    ndarray
        ``(V,)`` float32 in units of the noise; NaN where unknown.
    """
    _, medians = cutout.chunks(chunk)
    height = np.nan_to_num(excess.on_course)
    bright = height > 0.25 * np.max(height, initial=0.0)
    chosen = medians[bright] if np.count_nonzero(bright) >= 2 else medians
    level = median_of(np.concatenate([chosen[:, :8], chosen[:, -8:]], axis=1), axis=1)
    return median_of(chosen - np.nan_to_num(level)[:, None], axis=0)
