"""Diffraction spikes: pairs of rays on opposite sides of a bright star."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.streaks.clipped_frame import BIN, Mark
from skysieve.frames.mask.streaks.tracing import Course, extent_above, profiles_along, robust_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame
    from skysieve.frames.mask.streaks.tracing import CrossProfiles

__all__ = ["Spikes", "find_spikes"]

BRIGHT = 150.0
"""Peak of stars around which spikes are sought, in units of the noise."""

VERY_BRIGHT = 2000.0
"""Peak of stars of which one pair of rays is taken for spikes."""

MOST_STARS = 30
APART = 10
"""Blocks of pixels between stars that are looked at."""

ANGLES = 360
OPPOSITE = 9
"""Angles around the opposite one at which the other ray of a pair may lie."""

SEGMENT, SEGMENTS, RADIAL_STEP = 8, 10, 2
"""Pixels of a piece of a ray, pieces from which rays are found, and pixels between circles."""

RAY_WIDTH = 3.0
"""Pixels over which light is averaged along circles."""

LARGEST_CORE = 120
"""Pixels from the centre within which the light of the star must have fallen below :data:`HALO`."""

HALO = 8.0
LEAST_RAY = 0.7
"""Mean excess of a ray over the light around it, in units of the noise."""

LEAST_SIGNIFICANCE = 2.0
LEAST_REACH = 24
"""Pixels by which both rays of a pair leave the star."""

FURTHEST = 1200.0
NARROWEST = math.radians(12)
"""Between two pairs of rays of one star."""

FADING = 1.8
"""Inner over outer brightness of a single pair of rays; a trail across a star is as bright far from it."""

EDGE = 1.2
"""A ray's pixels are brighter than this many sigma, or half of its ridge where that is less."""


@dataclass(frozen=True)
class Spikes:
    """A star and its spikes.

    Attributes
    ----------
    row, column
        Of the star.
    angles
        Of the pairs of rays, in radians from the columns' axis (x) towards the rows' (y), 0 to pi.
    reach
        Pixels from the star to the end of the longest ray.
    """

    row: float
    column: float
    angles: tuple[float, ...]
    reach: float


class _Star(NamedTuple):
    row: float
    column: float
    peak: float


class _Pair(NamedTuple):
    """Two opposite rays: their line, the profiles along it, and the chunks where they begin and end."""

    course: Course
    profiles: CrossProfiles
    lit: NDArray[np.bool_]
    fades: bool


def find_spikes(clipped: ClippedFrame) -> list[Spikes]:
    """Find the spikes of the bright stars of a frame and mark their pixels.

    Parameters
    ----------
    clipped
        The frame; the pixels of spikes are marked in it.

    Returns
    -------
    list
        Stars with spikes, the brightest first.
    """
    found = []
    for star in _bright_stars(clipped.peaks):
        placed = _placed(clipped, star)
        if placed is None:
            continue
        star, core = placed  # noqa: PLW2901 (where it really is)
        rays = _rays(clipped, star, core)
        pairs: list[_Pair] = []
        for angle in rays:
            pair = _pair(clipped, star, angle, core)
            if pair is not None and all(
                _between(pair.course.angle, other.course.angle) >= NARROWEST for other in pairs
            ):
                pairs.append(pair)
        single = len(pairs) == 1 and (
            star.peak < VERY_BRIGHT or not pairs[0].fades or _along_axis(pairs[0].course)
        )
        if not pairs or single:
            continue
        reach = max(_mark(clipped, pair) for pair in pairs)
        found.append(
            Spikes(star.row, star.column, tuple(pair.course.angle % math.pi for pair in pairs), reach)
        )
    return found


def _bright_stars(peaks: NDArray[np.float32]) -> list[_Star]:
    """Return the brightest stars, none within a few blocks of a brighter one."""
    highest = ndimage.maximum_filter(peaks, 2 * APART + 1, mode="constant")
    bright = (peaks >= BRIGHT) & (peaks >= 0.999 * highest)
    labels, count = ndimage.label(bright, np.ones((3, 3)))
    if count == 0:
        return []
    places = ndimage.center_of_mass(bright, labels, range(1, count + 1))
    heights = ndimage.maximum(peaks, labels, range(1, count + 1))
    stars: list[_Star] = []
    for (row, column), height in sorted(zip(places, heights, strict=True), key=lambda item: -item[1]):
        if all(math.hypot(row - s.row, column - s.column) > APART for s in stars):
            stars.append(_Star(float(row), float(column), float(height)))
        if len(stars) == MOST_STARS:
            break
    return [_Star((s.row + 0.5) * BIN - 0.5, (s.column + 0.5) * BIN - 0.5, s.peak) for s in stars]


def _rays(clipped: ClippedFrame, star: _Star, core: int) -> list[float]:
    """Return the angles at which rays leave the core of a star on both sides."""
    radii = np.arange(core, core + SEGMENT * SEGMENTS, RADIAL_STEP, dtype=np.float64)[:, None]
    angles = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    light = clipped.sample(star.row + radii * np.sin(angles), star.column + radii * np.cos(angles))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # circles beyond the frame
        seen = light - np.nanmedian(light, axis=1, keepdims=True)
    smooth = np.empty_like(seen)
    for place, row in enumerate(seen):
        size = max(1, round(RAY_WIDTH * ANGLES / (2 * math.pi * radii[place, 0])))
        smooth[place] = ndimage.uniform_filter1d(np.nan_to_num(row), size, mode="wrap")
    pieces = np.median(smooth.reshape(SEGMENTS, SEGMENT // RADIAL_STEP, ANGLES), axis=1)
    heights = np.clip(pieces, -2.0, 6.0).mean(axis=0)
    # seen from a centre that is a pixel off, opposite rays are not quite opposite
    opposite = ndimage.maximum_filter1d(heights, OPPOSITE, mode="wrap")
    halves = slice(0, ANGLES // 2), slice(ANGLES // 2, ANGLES)
    both = np.maximum(
        np.minimum(heights[halves[0]], opposite[halves[1]]),
        np.minimum(opposite[halves[0]], heights[halves[1]]),
    )
    middle = np.median(both)
    scatter = 1.4826 * float(np.median(np.abs(both - middle))) + 1e-3
    found: list[float] = []
    for place in np.argsort(-both):
        if both[place] < LEAST_RAY or both[place] < middle + LEAST_SIGNIFICANCE * scatter or len(found) == 8:
            break
        angle = float(angles[place])
        if all(_between(angle, other) >= NARROWEST for other in found):
            found.append(angle)
    return found


def _placed(clipped: ClippedFrame, star: _Star) -> tuple[_Star, int] | None:
    """Return a star at the middle of its bright pixels, and the radius of its core; None if too large."""
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
    core_there = _core(clipped, moved)
    return (star, core) if core_there is None else (moved, core_there)


def _core(clipped: ClippedFrame, star: _Star) -> int | None:
    """Return the radius at which the light of a star has fallen below :data:`HALO`; None if it is large."""
    radii, angles = np.arange(2.0, LARGEST_CORE)[:, None], np.arange(48) * (2 * math.pi / 48)
    light = clipped.sample(star.row + radii * np.sin(angles), star.column + radii * np.cos(angles))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        halo = np.nan_to_num(np.nanmedian(light, axis=1), nan=np.inf)
    faint = np.flatnonzero(halo < HALO)
    return int(radii[faint[0], 0]) if faint.size else None


def _between(angle: float, other: float) -> float:
    """Return the angle between two lines."""
    off = abs(angle - other) % math.pi
    return min(off, math.pi - off)


def _along_axis(course: Course) -> bool:
    return _between(2 * course.angle, 0.0) < math.radians(6)


def _pair(clipped: ClippedFrame, star: _Star, angle: float, core: int) -> _Pair | None:
    """Return a pair of rays, exactly placed; None if one of them does not leave the star."""
    course = Course(star.row, star.column, angle)
    for reach in (core + 80.0, core + 160.0):
        profiles = profiles_along(clipped, course, reach=reach, half=28, chunk=SEGMENT)
        if profiles is None:
            return None
        search = np.arange(-5, 6)
        excess = profiles.excesses(3, search)
        excess[np.abs(profiles.middles) < core] = np.nan
        shown = np.nan_to_num(excess, nan=-1.0).max(axis=1) > 1.0
        if np.count_nonzero(shown) < 4:
            return None
        weights = np.clip(np.nan_to_num(excess[shown]), 0, None) ** 2
        offsets = (weights * search).sum(axis=1) / weights.sum(axis=1)
        offset, slope = robust_fit(profiles.middles[shown], offsets, np.ones(offsets.size), 1)
        if abs(offset) > 4 or abs(slope) > 0.1:
            return None
        course = course.moved(offset, slope)
    profiles = profiles_along(clipped, course, reach=FURTHEST, half=28, chunk=SEGMENT)
    if profiles is None:
        return None
    excess = profiles.excess(3)
    lit, inner, outer = np.zeros(excess.size, np.bool_), [], []
    limits = course.within(clipped.shape)
    for side, limit in ((1, limits[1]), (-1, -limits[0])):
        order = np.flatnonzero(side * profiles.middles > core)[::side]
        ray = _ray(excess[order])
        near_border = limit - core < LEAST_REACH + SEGMENT
        if ray * SEGMENT < LEAST_REACH and not near_border:
            return None
        lit[order[:ray]] = True
        part = np.nan_to_num(excess[order[:ray]])
        if ray >= 6:
            inner.append(part[: ray // 3].mean())
            outer.append(part[-(ray // 3) :].mean())
    fades = bool(inner) and all(i >= FADING * o for i, o in zip(inner, outer, strict=True))
    return _Pair(course, profiles, lit | (np.abs(profiles.middles) <= core), fades)


def _ray(excess: NDArray[np.float32]) -> int:
    """Return how many chunks a ray has: to where it is fainter than the noise, over a short gap at most."""
    if not excess.size:
        return 0
    filled = np.nan_to_num(excess)
    padded = np.pad(filled, 2, mode="edge")
    smooth = np.median(np.stack([padded[k : k + filled.size] for k in range(5)]), axis=0)
    dark = np.flatnonzero(smooth < LEAST_RAY)
    return int(dark[0]) if dark.size else filled.size


def _mark(clipped: ClippedFrame, pair: _Pair) -> float:
    """Mark the pixels of two rays; return how far they reach."""
    profiles = pair.profiles
    middle = profiles.across.size // 2
    places = np.flatnonzero(pair.lit)
    widths: dict[int, tuple[int, int]] = {}
    for chunk in places:
        near = profiles.medians[max(0, chunk - 1) : chunk + 2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            profile = np.nanmean(near, axis=0)
            sides = np.fmin(np.nanmedian(profile[:14]), np.nanmedian(profile[-14:]))
        profile = profile - np.nan_to_num(sides)
        ridge = float(np.nanmax(profile[middle - 2 : middle + 3], initial=0.0))
        core_low, core_high = extent_above(profile, ridge / 2)
        low, high = extent_above(profile, min(EDGE, ridge / 2))
        # what goes on much beyond that is the light of the star
        around = 2 + (core_high - core_low) // 2
        low, high = max(low, core_low - around), min(high, core_high + around)
        if high >= low and high - low < 20:
            widths[int(chunk)] = low, high
    if not widths:
        return 0.0
    known = np.array(list(widths))
    steps = np.array([-0.25, 0.25])
    for chunk in places:
        # within the light of the star a ray is as wide as where it leaves it
        nearest = int(known[np.abs(known - chunk).argmin()])
        low, high = widths[nearest]
        t = profiles.middles[chunk] + np.arange(-profiles.length / 2, profiles.length / 2 + 0.25, 0.5)
        v = (profiles.across[low : high + 1, None] + steps).ravel()
        rows, columns = pair.course.at(t[:, None], v[None])
        clipped.mark(rows, columns, Mark.SPIKE)
    return float(np.abs(profiles.middles[places]).max())
