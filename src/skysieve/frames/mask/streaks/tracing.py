"""The exact course of a streak, and profiles across it."""

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
    "follow",
    "profiles_along",
    "robust_fit",
]

CHUNK = 32
"""Pixels along a streak over which a median across it is taken: stars on it do not count then."""

REACHES = (160.0, 640.0, math.inf)
"""Pixels to both sides over which the course is fitted, one after the other, so that it is not lost."""

SHOWN_AT_FIRST = 0.5
"""Part of the chunks around a ridge that must show the streak."""

MEDIAN_NOISE = 1.25
"""Standard deviation of a median of pixels over that of their mean."""

SAMPLES = 2**18
"""Pixels that are looked up at once."""

LEAST_CHUNK = 3.5
"""Significance of a chunk that has a say in the course."""

_MAD = 1.4826


@dataclass(frozen=True)
class Course:
    """A line through a frame, ``across = bend t^2`` off the straight one.

    Attributes
    ----------
    row, column
        Of the point at ``t = 0``.
    angle
        Of the direction of growing ``t``, in radians from the columns' axis (x) towards the rows' (y).
    bend
        Curvature, in pixels per square pixel.
    """

    row: float
    column: float
    angle: float
    bend: float = 0.0

    def at(self, along: ArrayLike, across: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rows and columns of positions along and across the course.

        Parameters
        ----------
        along, across
            In pixels; arrays that broadcast.
        """
        # single precision is a thousandth of a pixel, and half of the work
        t, across = np.asarray(along, np.float32), np.asarray(across, np.float32)
        sine, cosine = np.float32(math.sin(self.angle)), np.float32(math.cos(self.angle))
        off = across + np.float32(self.bend) * t * t if self.bend else across
        row, column = np.float32(self.row), np.float32(self.column)
        return row + t * sine + off * cosine, column + t * cosine - off * sine

    def within(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Return the range of ``t`` in which the straight line lies in a frame."""
        low, high = -math.inf, math.inf
        for place, step, size in (
            (self.row, math.sin(self.angle), shape[0]),
            (self.column, math.cos(self.angle), shape[1]),
        ):
            if abs(step) > 1e-9:
                ends = sorted(((-0.5 - place) / step, (size - 0.5 - place) / step))
                low, high = max(low, ends[0]), min(high, ends[1])
        return low, high

    def moved(self, offset: float, slope: float, bend: float = 0.0) -> Course:
        """Return the course off this one by ``offset + slope t + bend t^2`` pixels."""
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        return Course(
            self.row + offset * cosine, self.column - offset * sine, self.angle + math.atan(slope), bend
        )


@dataclass(frozen=True)
class CrossProfiles:
    """Profiles across a course: medians along it, chunk by chunk.

    Attributes
    ----------
    middles
        ``(K,)`` positions of the chunks along the course, in pixels.
    across
        ``(V,)`` positions across it, in pixels.
    medians
        ``(K, V)`` medians in units of the noise, NaN where most pixels have no data.
    length
        Pixels of a chunk.
    """

    middles: NDArray[np.float64]
    across: NDArray[np.float64]
    medians: NDArray[np.float32]
    length: int

    def excess(self, width: float, offset: int = 0) -> NDArray[np.float32]:
        """Return the mean over a width minus the brighter of both sides, ``(K,)``, in units of the noise."""
        return self.excesses(width, np.array([offset]))[:, 0]

    def excesses(self, width: float, offsets: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the mean over a width minus the brighter of both sides, at each of several offsets.

        Parameters
        ----------
        width
            In pixels.
        offsets
            ``(N,)``, from the course, in pixels.

        Returns
        -------
        ndarray
            ``(K, N)`` float32 in units of the noise; NaN where the line itself, or both of its sides, have no
            data.
        """
        half = max(0, math.ceil(width / 2) - 1)
        gap, side = 2 + half, max(8, round(width))
        middle = self.across.size // 2 + offsets
        left = self._means(middle - half - gap - side, middle - half - gap)
        right = self._means(middle + half + gap + 1, middle + half + gap + side + 1)
        return self._means(middle - half, middle + half + 1) - np.fmax(left, right)

    def _means(self, first: NDArray[np.intp], stop: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return means over ranges of places across, ``(K, N)``; NaN where all is NaN or none is there."""
        sums, counts = self._sums
        low, high = (np.clip(ends, 0, self.across.size) for ends in (first, stop))
        number = counts[:, high] - counts[:, low]
        with np.errstate(invalid="ignore"):
            found = (sums[:, high] - sums[:, low]) / np.where(number, number, np.nan)
        return found.astype(np.float32, copy=False)

    @cached_property
    def _sums(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Sums of medians, and numbers of those that are known, before each place: ``(K, V + 1)``."""
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
        Where.
    reach
        Pixels along the course, to both sides of its origin; it ends with the frame in any case.
    half
        Pixels across, to both sides.
    chunk
        Pixels along the course of which each profile is the median.

    Returns
    -------
    CrossProfiles
        None if the course has no whole chunk in the frame.
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
    at_once = max(1, SAMPLES // (chunk * across.size))
    for first in range(0, count, at_once):
        part = slice(first, first + at_once)
        pixels = clipped.sample(*course.at(t[part, :, None], across))
        medians[part] = _median_of_most(pixels)
    return CrossProfiles(t.mean(axis=1), across, medians, chunk)


def _median_of_most(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return medians ``(K, V)`` of known pixels ``(K, T, V)``; NaN where fewer than half are known."""
    ordered = np.sort(pixels, axis=1)  # NaN last
    known = pixels.shape[1] - np.count_nonzero(np.isnan(pixels), axis=1)
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    middles = [
        np.take_along_axis(ordered, k[:, None], axis=1)[:, 0]
        for k in (low, np.minimum(high, pixels.shape[1] - 1))
    ]
    found: NDArray[np.float32] = np.where(2 * known >= pixels.shape[1], (middles[0] + middles[1]) / 2, np.nan)
    return found


def follow(clipped: ClippedFrame, course: Course, *, width: float) -> Course | None:
    """Fit the course of a streak.

    Parameters
    ----------
    clipped
        The frame.
    course
        About where it lies.
    width
        About its width, in pixels.

    Returns
    -------
    Course
        None if there is no streak.
    """
    for reach in REACHES:
        half = int(2.5 * width) + 24
        profiles = profiles_along(clipped, course, reach=reach, half=half)
        if profiles is None:
            return None
        found = _offsets(profiles, width)
        # most of what is no streak, stars in a row, ends here
        if found is None or (reach == REACHES[0] and found[0].size < SHOWN_AT_FIRST * profiles.middles.size):
            return None
        t, offsets, weights = found
        degree = 2 if math.isinf(reach) and np.ptp(t) > 600 and t.size > 8 else 1
        fit = robust_fit(t, offsets, weights, degree)
        bend = fit[2] if degree == 2 else 0.0
        course = course.moved(fit[0], fit[1], course.bend + bend)
    return course


def extent_above(profile: NDArray[np.float32], level: float) -> tuple[int, int]:
    """Return the first and last element of a profile around its middle that are above a level.

    Parameters
    ----------
    profile
        ``(V,)``; NaN is not above.
    level
        In the units of the profile.

    Returns
    -------
    tuple
        Indices; the first is larger than the last if the middle itself is not above.
    """
    middle = profile.size // 2
    top = middle - 2 + int(np.nanargmax(profile[middle - 2 : middle + 3]))
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
    """Return places along, offsets and significances of the chunks that show the streak."""
    search = np.arange(-math.ceil(width / 2 + 6), math.ceil(width / 2 + 6) + 1)
    stacked = profiles.excesses(width, search)
    known = np.isfinite(stacked)
    if not known.any():
        return None
    scatter = 1.4 * MEDIAN_NOISE / math.sqrt(profiles.length * width)
    filled = np.where(known, stacked, -np.inf)
    best = filled.argmax(axis=1)
    height = filled[np.arange(best.size), best]
    shown = np.isfinite(height) & (height > max(LEAST_CHUNK * scatter, 0.3))
    if np.count_nonzero(shown) < 2:
        return None
    # the centroid of what is above half of the chunk's highest excess
    weights = np.clip(filled[shown] - height[shown, None] / 2, 0, None)
    offsets = (weights * search).sum(axis=1) / weights.sum(axis=1)
    return profiles.middles[shown], offsets, height[shown] / scatter


def robust_fit(
    t: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64], degree: int
) -> list[float]:
    """Fit a polynomial and reject outliers.

    Parameters
    ----------
    t, values, weights
        ``(N,)``: positions, values and weights of the points.
    degree
        Of the polynomial.

    Returns
    -------
    list
        Coefficients, the constant first.
    """
    keep = np.ones(t.size, np.bool_)
    scale = max(1.0, float(np.abs(t).max()))
    found: NDArray[np.floating] = np.zeros(degree + 1)
    for _ in range(4):
        found = np.polynomial.polynomial.polyfit(
            t[keep] / scale, values[keep], degree, w=np.sqrt(weights[keep])
        )
        residual = np.abs(values - np.polynomial.polynomial.polyval(t / scale, found))
        now = residual <= max(1.5, 3 * _MAD * float(np.median(residual)))
        if np.count_nonzero(now) <= degree + 1 or (now == keep).all():
            break
        keep = now
    return [float(c) / scale**power for power, c in enumerate(found)]
