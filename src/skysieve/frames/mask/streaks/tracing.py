"""The centre line of a streak, and profiles across it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame

__all__ = [
    "CHUNK",
    "MEDIAN_NOISE",
    "Course",
    "CrossProfiles",
    "extent_above",
    "fit_course",
    "profiles_along",
    "robust_fit",
]

CHUNK = 32
"""Length in pixels of a chunk, in which profiles are medians along the streak, so that stars have no
effect."""

REACHES = (160.0, 640.0, math.inf)
"""Distances in pixels from the origin over which the course is fitted, in steps, so that the fit does not
diverge."""

MIN_DETECTED = 0.5
"""Minimum fraction of the chunks around a ridge in which the streak is detected."""

MEDIAN_NOISE = 1.25
"""Ratio of the standard deviation of the median of pixels to that of their mean."""

BATCH = 2**18
"""Number of pixels that are read at once."""

MIN_SIGNIFICANCE = 3.5
"""Minimum significance of a chunk that is used in the fit of a course."""

_MAD = 1.4826


@dataclass(frozen=True)
class Course:
    """The centre line of a streak, a parabola: its offset from a straight line is ``curvature t^2``.

    Attributes
    ----------
    row, column
        Position of the point at ``t = 0``.
    angle
        Direction of increasing ``t``, in radians from the column axis (x) towards the row axis (y).
    curvature
        Coefficient of ``t^2``, in 1 / pixel.
    """

    row: float
    column: float
    angle: float
    curvature: float = 0.0

    def at(self, along: ArrayLike, across: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Convert positions along and across the course to rows and columns.

        Parameters
        ----------
        along, across
            Positions in pixels, arrays that broadcast.

        Returns
        -------
        rows, columns
            float32, in pixels.
        """
        # single precision is accurate to a thousandth of a pixel, and takes half of the time
        t, across = np.asarray(along, np.float32), np.asarray(across, np.float32)
        sine, cosine = np.float32(math.sin(self.angle)), np.float32(math.cos(self.angle))
        offset = across + np.float32(self.curvature) * t * t if self.curvature else across
        row, column = np.float32(self.row), np.float32(self.column)
        return row + t * sine + offset * cosine, column + t * cosine - offset * sine

    def within(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Return the range of ``t`` in which the straight line is inside a frame.

        Parameters
        ----------
        shape
            Height and width (H, W) of the frame.

        Returns
        -------
        low, high
            Limits of ``t`` in pixels.
        """
        low, high = -math.inf, math.inf
        for origin, step, size in (
            (self.row, math.sin(self.angle), shape[0]),
            (self.column, math.cos(self.angle), shape[1]),
        ):
            if abs(step) > 1e-9:
                ends = sorted(((-0.5 - origin) / step, (size - 0.5 - origin) / step))
                low, high = max(low, ends[0]), min(high, ends[1])
        return low, high

    def moved(self, offset: float, slope: float, curvature: float = 0.0) -> Course:
        """Return a course that is shifted and rotated against this one.

        Parameters
        ----------
        offset, slope
            Shift across, in pixels, and tangent of the rotation angle.
        curvature
            Curvature of the new course.

        Returns
        -------
        Course
            The new course.
        """
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        return Course(
            self.row + offset * cosine, self.column - offset * sine, self.angle + math.atan(slope), curvature
        )


@dataclass(frozen=True)
class CrossProfiles:
    """Profiles across a course, medians along it in chunks.

    Attributes
    ----------
    centres
        ``(K,)`` positions of the centres of the chunks along the course, in pixels.
    across
        ``(V,)`` positions across the course, in pixels.
    medians
        ``(K, V)`` medians in units of the noise, NaN where most pixels have no data.
    length
        Length of a chunk in pixels.
    """

    centres: NDArray[np.float64]
    across: NDArray[np.float64]
    medians: NDArray[np.float32]
    length: int

    def excess(self, width: float, offset: int = 0) -> NDArray[np.float32]:
        """Return the mean over a width minus that of the brighter side.

        Parameters
        ----------
        width, offset
            Width, and distance from the course, in pixels.

        Returns
        -------
        ndarray
            ``(K,)`` float32 in units of the noise; see :meth:`excesses`.
        """
        return self.excesses(width, np.array([offset]))[:, 0]

    def excesses(self, width: float, offsets: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the mean over a width minus that of the brighter side, at several offsets.

        Parameters
        ----------
        width
            Width in pixels.
        offsets
            ``(N,)`` distances from the course in pixels.

        Returns
        -------
        ndarray
            ``(K, N)`` float32 in units of the noise; NaN where the line or both of its sides have no data.
        """
        half = max(0, math.ceil(width / 2) - 1)
        gap, side = 2 + half, max(8, round(width))
        centre = self.across.size // 2 + offsets
        left = self._means(centre - half - gap - side, centre - half - gap)
        right = self._means(centre + half + gap + 1, centre + half + gap + side + 1)
        return self._means(centre - half, centre + half + 1) - np.fmax(left, right)

    def _means(self, first: NDArray[np.intp], stop: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return means over ranges of indices across, ``(K, N)``; NaN where all values are NaN."""
        sums, counts = self._cumulative_sums
        low, high = (np.clip(ends, 0, self.across.size) for ends in (first, stop))
        number = counts[:, high] - counts[:, low]
        with np.errstate(invalid="ignore"):
            found = (sums[:, high] - sums[:, low]) / np.where(number, number, np.nan)
        return found.astype(np.float32, copy=False)

    @cached_property
    def _cumulative_sums(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Cumulative sums, and numbers, of finite medians before each index, ``(K, V + 1)``."""
        known = np.isfinite(self.medians)
        sums, counts = np.zeros((2, self.medians.shape[0], self.across.size + 1), np.float32)
        np.cumsum(np.where(known, self.medians, 0), axis=1, out=sums[:, 1:])
        np.cumsum(known, axis=1, out=counts[:, 1:])
        return sums, counts


def profiles_along(
    clipped: ClippedFrame, course: Course, *, reach: float, half: int, chunk: int = CHUNK
) -> CrossProfiles | None:
    """Measure profiles across a course.

    Parameters
    ----------
    clipped
        The frame.
    course
        The course.
    reach
        Maximum distance from the origin along the course, in pixels.
    half
        Half width of the profiles in pixels.
    chunk
        Length in pixels over which each profile is the median.

    Returns
    -------
    CrossProfiles or None
        None if the course has no complete chunk in the frame.
    """
    low, high = course.within(clipped.shape)
    low, high = max(low, -reach), min(high, reach)
    count = int((high - low) // chunk)
    if count < 1:
        return None
    low += (high - low - count * chunk) / 2
    t = (low + 0.5 + np.arange(count * chunk, dtype=np.float64)).reshape(count, chunk)
    across = np.arange(-half, half + 1, dtype=np.float64)
    medians = np.empty((count, across.size), np.float32)
    at_once = max(1, BATCH // (chunk * across.size))
    for first in range(0, count, at_once):
        part = slice(first, first + at_once)
        pixels = clipped.sample(*course.at(t[part, :, None], across))
        medians[part] = _median_of_most(pixels)
    return CrossProfiles(t.mean(axis=1), across, medians, chunk)


def _median_of_most(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return medians ``(K, V)`` of finite pixels ``(K, T, V)``; NaN where fewer than half are finite."""
    ordered = np.sort(pixels, axis=1)  # NaN last
    known = pixels.shape[1] - np.count_nonzero(np.isnan(pixels), axis=1)
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    middle_values = [
        np.take_along_axis(ordered, k[:, None], axis=1)[:, 0]
        for k in (low, np.minimum(high, pixels.shape[1] - 1))
    ]
    found: NDArray[np.float32] = np.where(
        2 * known >= pixels.shape[1], (middle_values[0] + middle_values[1]) / 2, np.nan
    )
    return found


def fit_course(clipped: ClippedFrame, course: Course, *, width: float) -> Course | None:
    """Fit the course of a streak.

    Parameters
    ----------
    clipped
        The frame.
    course
        Approximate course.
    width
        Approximate width in pixels.

    Returns
    -------
    Course or None
        None if there is no streak.
    """
    for reach in REACHES:
        half = int(2.5 * width) + 24
        profiles = profiles_along(clipped, course, reach=reach, half=half)
        if profiles is None:
            return None
        found = _offsets(profiles, width)
        # most false candidates, such as stars in a row, are rejected here
        if found is None or (reach == REACHES[0] and found[0].size < MIN_DETECTED * profiles.centres.size):
            return None
        t, offsets, weights = found
        degree = 2 if math.isinf(reach) and np.ptp(t) > 600 and t.size > 8 else 1
        fit = robust_fit(t, offsets, weights, degree)
        curvature = fit[2] if degree == 2 else 0.0
        course = course.moved(fit[0], fit[1], course.curvature + curvature)
    return course


def extent_above(profile: NDArray[np.float32], level: float) -> tuple[int, int]:
    """Return the range of elements above a level around the centre of a profile.

    Parameters
    ----------
    profile
        ``(V,)``; NaN is not above.
    level
        Level in the units of the profile.

    Returns
    -------
    first, last
        Indices; `first` is larger than `last` if the centre itself is not above the level.
    """
    centre = profile.size // 2
    top = centre - 2 + int(np.nanargmax(profile[centre - 2 : centre + 3]))
    if not profile[top] > level:
        return 0, -1
    above = np.nan_to_num(profile, nan=-math.inf) > level
    low = high = top
    while low > 0 and above[low - 1]:
        low -= 1
    while high < profile.size - 1 and above[high + 1]:
        high += 1
    return low, high


def _offsets(
    profiles: CrossProfiles, width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return position, offset and significance of the chunks in which the streak is detected."""
    search = np.arange(-math.ceil(width / 2 + 6), math.ceil(width / 2 + 6) + 1)
    stacked = profiles.excesses(width, search)
    known = np.isfinite(stacked)
    if not known.any():
        return None
    scatter = 1.4 * MEDIAN_NOISE / math.sqrt(profiles.length * width)
    filled = np.where(known, stacked, -np.inf)
    best = filled.argmax(axis=1)
    height = filled[np.arange(best.size), best]
    detected = np.isfinite(height) & (height > max(MIN_SIGNIFICANCE * scatter, 0.3))
    if np.count_nonzero(detected) < 2:
        return None
    # centroid of the excess above half of its maximum in the chunk
    weights = np.clip(filled[detected] - height[detected, None] / 2, 0, None)
    offsets = (weights * search).sum(axis=1) / weights.sum(axis=1)
    return profiles.centres[detected], offsets, height[detected] / scatter


def robust_fit(
    t: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64], degree: int
) -> list[float]:
    """Fit a polynomial and reject outliers.

    Parameters
    ----------
    t, values, weights
        ``(N,)``: positions, values and weights of the points.
    degree
        Degree of the polynomial.

    Returns
    -------
    list
        Coefficients, from the constant term up.
    """
    keep = np.ones(t.size, np.bool_)
    scale = max(1.0, float(np.abs(t).max()))
    found: NDArray[np.floating] = np.zeros(degree + 1)
    for _ in range(4):
        found = np.polynomial.polynomial.polyfit(
            t[keep] / scale, values[keep], degree, w=np.sqrt(weights[keep])
        )
        residual = np.abs(values - np.polynomial.polynomial.polyval(t / scale, found))
        accepted = residual <= max(1.5, 3 * _MAD * float(np.median(residual)))
        if np.count_nonzero(accepted) <= degree + 1 or (accepted == keep).all():
            break
        keep = accepted
    return [float(c) / scale**power for power, c in enumerate(found)]
