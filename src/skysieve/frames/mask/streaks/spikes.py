"""Diffraction spikes: pairs of rays on opposite sides of a bright star."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.known_values import mean_of, median_of
from skysieve.frames.mask.streaks.clipped_frame import BIN, Mark
from skysieve.frames.mask.streaks.tracing import Course, extent_above, profiles_along, robust_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame
    from skysieve.frames.mask.streaks.tracing import CrossProfiles

__all__ = ["Spikes", "find_spikes"]

BRIGHT = 150.0
"""Minimum peak of stars around which spikes are searched for, in units of the noise."""

VERY_BRIGHT = 2000.0
"""Minimum peak of stars with a single pair of rays."""

MAX_STARS = 30
MIN_SEPARATION = 10
"""Minimum distance between stars, in blocks of pixels."""

ANGLES = 360
OPPOSITE = 9
"""Width of the range of angles, around the opposite one, in which the other ray of a pair may be."""

SEGMENT, SEGMENTS, RADIAL_STEP = 8, 10, 2
"""Length of a segment of a ray in pixels, number of segments in the detection of rays, and step between
radii."""

RAY_WIDTH = 3.0
"""Length in pixels over which light is averaged along circles."""

MAX_CORE = 120
"""Maximum radius of the core of a star in pixels; at the core's edge the light falls below :data:`HALO`."""

HALO = 8.0
MIN_RAY = 0.7
"""Minimum mean excess of a ray over the light around it, in units of the noise."""

MIN_SIGNIFICANCE = 2.0
MIN_REACH = 24
"""Minimum length of both rays of a pair in pixels."""

MAX_REACH = 1200.0
MIN_ANGLE = math.radians(12)
"""Minimum angle between two pairs of rays of one star."""

ANGLE_TOLERANCE = math.radians(8)
SAME_STAR = 8.0
"""Distance in pixels within which two positions are those of one star."""

MIN_FADING = 1.8
"""Minimum ratio of inner to outer brightness of a single pair of rays; a trail across a star does not
fade."""

EDGE = 1.2
"""Minimum brightness of a ray's pixels in units of the noise; half of the ridge if that is less."""


@dataclass(frozen=True)
class Spikes:
    """A star and its spikes.

    Attributes
    ----------
    row, column
        Position of the star in pixels.
    angles
        Angles of the pairs of rays, in radians from the column axis (x) towards the row axis (y), 0 to pi.
    reach
        Distance from the star to the end of the longest ray, in pixels.
    """

    row: float
    column: float
    angles: tuple[float, ...]
    reach: float

    def is_at(self, row: float, column: float) -> bool:
        """Return whether a position is that of the star.

        Parameters
        ----------
        row, column
            Position in pixels.

        Returns
        -------
        bool
            True within :data:`SAME_STAR`.
        """
        return math.hypot(row - self.row, column - self.column) < SAME_STAR


class _Star(NamedTuple):
    row: float
    column: float
    peak: float


class _Pair(NamedTuple):
    """Two opposite rays: their line, profiles across it, the chunks of the rays, and whether both fade."""

    course: Course
    profiles: CrossProfiles
    bright: NDArray[np.bool_]
    fades: bool


def find_spikes(clipped: ClippedFrame, patterns: Sequence[Spikes] = ()) -> list[Spikes]:
    """Find the spikes of the bright stars of a frame and mark their pixels.

    Parameters
    ----------
    clipped
        The frame, in which this function marks the pixels of spikes.
    patterns
        Stars whose angles of spikes are known; they have no spikes at other angles.

    Returns
    -------
    list
        Stars with spikes, the brightest first.
    """
    found = []
    for star in _bright_stars(clipped.peaks):
        recentred = _recentred(clipped, star)
        if recentred is None:
            continue
        star, core = recentred  # noqa: PLW2901 (the star at its exact position)
        pattern = next((one for one in patterns if one.is_at(star.row, star.column)), None)
        rays = [
            angle
            for angle in _rays(clipped, star, core)
            if pattern is None
            or any(_angle_between(angle, known) <= ANGLE_TOLERANCE for known in pattern.angles)
        ]
        pairs: list[_Pair] = []
        for angle in rays:
            pair = _pair(clipped, star, angle, core)
            if pair is not None and all(
                _angle_between(pair.course.angle, other.course.angle) >= MIN_ANGLE for other in pairs
            ):
                pairs.append(pair)
        single = (
            pattern is None
            and len(pairs) == 1
            and (star.peak < VERY_BRIGHT or not pairs[0].fades or _along_axis(pairs[0].course))
        )
        if not pairs or single:
            continue
        reach = max(_mark(clipped, pair) for pair in pairs)
        found.append(
            Spikes(star.row, star.column, tuple(pair.course.angle % math.pi for pair in pairs), reach)
        )
    return found


def _bright_stars(peaks: NDArray[np.float32]) -> list[_Star]:
    """Return the brightest stars that are not close to a brighter one."""
    highest = ndimage.maximum_filter(peaks, 2 * MIN_SEPARATION + 1, mode="constant")
    bright = (peaks >= BRIGHT) & (peaks >= 0.999 * highest)
    labels, count = ndimage.label(bright, np.ones((3, 3)))
    if count == 0:
        return []
    positions = ndimage.center_of_mass(bright, labels, range(1, count + 1))
    heights = ndimage.maximum(peaks, labels, range(1, count + 1))
    stars: list[_Star] = []
    for (row, column), height in sorted(zip(positions, heights, strict=True), key=lambda item: -item[1]):
        if all(math.hypot(row - s.row, column - s.column) > MIN_SEPARATION for s in stars):
            stars.append(_Star(float(row), float(column), float(height)))
        if len(stars) == MAX_STARS:
            break
    return [_Star((s.row + 0.5) * BIN - 0.5, (s.column + 0.5) * BIN - 0.5, s.peak) for s in stars]


def _rays(clipped: ClippedFrame, star: _Star, core: int) -> list[float]:
    """Return the angles of pairs of rays on opposite sides of the core of a star."""
    radii = np.arange(core, core + SEGMENT * SEGMENTS, RADIAL_STEP, dtype=np.float64)[:, None]
    angles = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    light = clipped.sample(star.row + radii * np.sin(angles), star.column + radii * np.cos(angles))
    excess = light - median_of(light, axis=1)[:, None]
    smooth = np.empty_like(excess)
    for index, row in enumerate(excess):
        size = max(1, round(RAY_WIDTH * ANGLES / (2 * math.pi * radii[index, 0])))
        smooth[index] = ndimage.uniform_filter1d(np.nan_to_num(row), size, mode="wrap")
    segments = np.median(smooth.reshape(SEGMENTS, SEGMENT // RADIAL_STEP, ANGLES), axis=1)
    heights = np.clip(segments, -2.0, 6.0).mean(axis=0)
    # if the centre is wrong by a pixel, the rays of a pair are not exactly opposite
    opposite = ndimage.maximum_filter1d(heights, OPPOSITE, mode="wrap")
    halves = slice(0, ANGLES // 2), slice(ANGLES // 2, ANGLES)
    both = np.maximum(
        np.minimum(heights[halves[0]], opposite[halves[1]]),
        np.minimum(opposite[halves[0]], heights[halves[1]]),
    )
    median = np.median(both)
    scatter = 1.4826 * float(np.median(np.abs(both - median))) + 1e-3
    found: list[float] = []
    for index in np.argsort(-both):
        if both[index] < MIN_RAY or both[index] < median + MIN_SIGNIFICANCE * scatter or len(found) == 8:
            break
        angle = float(angles[index])
        if all(_angle_between(angle, other) >= MIN_ANGLE for other in found):
            found.append(angle)
    return found


def _recentred(clipped: ClippedFrame, star: _Star) -> tuple[_Star, int] | None:
    """Move a star to the centre of its bright pixels, and return its core radius; None if it is too large."""
    core = _core(clipped, star)
    if core is None:
        return None
    reach = np.arange(-core, core + 1.0)
    rows, columns = np.meshgrid(star.row + reach, star.column + reach, indexing="ij")
    bright = np.nan_to_num(clipped.sample(rows, columns)) > 2 * HALO - 1
    bright &= np.hypot(rows - star.row, columns - star.column) <= core
    if not bright.any():
        return star, core
    moved = _Star(float(np.rint(rows[bright]).mean()), float(np.rint(columns[bright]).mean()), star.peak)
    moved_core = _core(clipped, moved)
    return (star, core) if moved_core is None else (moved, moved_core)


def _core(clipped: ClippedFrame, star: _Star) -> int | None:
    """Return the radius at which the light of a star falls below :data:`HALO`; None if it is too large."""
    radii, angles = np.arange(2.0, MAX_CORE)[:, None], np.arange(48) * (2 * math.pi / 48)
    light = clipped.sample(star.row + radii * np.sin(angles), star.column + radii * np.cos(angles))
    halo = np.nan_to_num(median_of(light, axis=1), nan=np.inf)
    faint = np.flatnonzero(halo < HALO)
    return int(radii[faint[0], 0]) if faint.size else None


def _angle_between(angle: float, other: float) -> float:
    """Return the angle between two lines."""
    difference = abs(angle - other) % math.pi
    return min(difference, math.pi - difference)


def _along_axis(course: Course) -> bool:
    return _angle_between(2 * course.angle, 0.0) < math.radians(6)


def _pair(clipped: ClippedFrame, star: _Star, angle: float, core: int) -> _Pair | None:
    """Return a pair of rays with its fitted line; None if one of them is too short."""
    course = Course(star.row, star.column, angle)
    for reach in (core + 80.0, core + 160.0):
        profiles = profiles_along(clipped, course, reach=reach, half=28, chunk=SEGMENT)
        if profiles is None:
            return None
        search = np.arange(-5, 6)
        excess = profiles.excesses(3, search)
        excess[np.abs(profiles.centres) < core] = np.nan
        detected = np.nan_to_num(excess, nan=-1.0).max(axis=1) > 1.0
        if np.count_nonzero(detected) < 4:
            return None
        weights = np.clip(np.nan_to_num(excess[detected]), 0, None) ** 2
        offsets = (weights * search).sum(axis=1) / weights.sum(axis=1)
        offset, slope = robust_fit(profiles.centres[detected], offsets, np.ones(offsets.size), 1)
        if abs(offset) > 4 or abs(slope) > 0.1:
            return None
        course = course.moved(offset, slope)
    profiles = profiles_along(clipped, course, reach=MAX_REACH, half=28, chunk=SEGMENT)
    if profiles is None:
        return None
    excess = profiles.excess(3)
    bright, inner, outer = np.zeros(excess.size, np.bool_), [], []
    limits = course.within(clipped.shape)
    for side, limit in ((1, limits[1]), (-1, -limits[0])):
        order = np.flatnonzero(side * profiles.centres > core)[::side]
        ray = _ray(excess[order])
        near_border = limit - core < MIN_REACH + SEGMENT
        if ray * SEGMENT < MIN_REACH and not near_border:
            return None
        bright[order[:ray]] = True
        part = np.nan_to_num(excess[order[:ray]])
        if ray >= 6:
            inner.append(part[: ray // 3].mean())
            outer.append(part[-(ray // 3) :].mean())
    fades = bool(inner) and all(i >= MIN_FADING * o for i, o in zip(inner, outer, strict=True))
    return _Pair(course, profiles, bright | (np.abs(profiles.centres) <= core), fades)


def _ray(excess: NDArray[np.float32]) -> int:
    """Return the number of chunks of a ray, to where it is fainter than the noise; short gaps are allowed."""
    if not excess.size:
        return 0
    filled = np.nan_to_num(excess)
    padded = np.pad(filled, 2, mode="edge")
    smooth = np.median(np.stack([padded[k : k + filled.size] for k in range(5)]), axis=0)
    faint = np.flatnonzero(smooth < MIN_RAY)
    return int(faint[0]) if faint.size else filled.size


def _mark(clipped: ClippedFrame, pair: _Pair) -> float:
    """Mark the pixels of two rays, and return their maximum distance from the star."""
    profiles = pair.profiles
    centre = profiles.across.size // 2
    chunks = np.flatnonzero(pair.bright)
    widths: dict[int, tuple[int, int]] = {}
    for chunk in chunks:
        near = profiles.medians[max(0, chunk - 1) : chunk + 2]
        profile = mean_of(near, axis=0)
        sides = np.fmin(median_of(profile[:14], axis=0), median_of(profile[-14:], axis=0))
        profile = profile - np.nan_to_num(sides)
        ridge = float(np.nanmax(profile[centre - 2 : centre + 3], initial=0.0))
        core_low, core_high = extent_above(profile, ridge / 2)
        low, high = extent_above(profile, min(EDGE, ridge / 2))
        # wider light is that of the star
        margin = 2 + (core_high - core_low) // 2
        low, high = max(low, core_low - margin), min(high, core_high + margin)
        if high >= low and high - low < 20:
            widths[int(chunk)] = low, high
    if not widths:
        return 0.0
    known = np.array(list(widths))
    steps = np.array([-0.25, 0.25])
    for chunk in chunks:
        # inside the core, the width of a ray is that at the nearest measured chunk
        nearest = int(known[np.abs(known - chunk).argmin()])
        low, high = widths[nearest]
        t = profiles.centres[chunk] + np.arange(-profiles.length / 2, profiles.length / 2 + 0.25, 0.5)
        v = (profiles.across[low : high + 1, None] + steps).ravel()
        rows, columns = pair.course.at(t[:, None], v[None])
        clipped.mark(rows, columns, Mark.SPIKE)
    return float(np.abs(profiles.centres[chunks]).max())
