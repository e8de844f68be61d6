"""Diffraction spikes within the light of their star, by the symmetry of the vanes.

Most spikes hardly reach beyond the light of their star.  Here the light of a star at each angle is compared
with that at neighbouring angles, and evenly spaced rays are sought: the four of a cross, six or eight.  This
finds spikes that are fainter than the star around them, if they are brighter than the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.known_values import mean_of, median_of
from skysieve.frames.mask.streaks.bright_stars import (
    ANGLES,
    MAD,
    RADIUS,
    cut_out_stars,
    find_stars,
    rings_around,
    sample,
)
from skysieve.frames.mask.streaks.clipped_frame import BIN
from skysieve.frames.mask.streaks.spikes import Spikes
from skysieve.frames.mask.streaks.tracing import extent_above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.mask.streaks.bright_stars import Rings, StarCutout

__all__ = ["InnerSpikes", "find_inner_spikes"]

MIN_FLUX = 1.5e5
"""Minimum light of a star in units of the noise of a pixel; spikes have about a hundredth of it."""

FOLDS = {4: 2, 6: 3, 8: 4}
"""Numbers of rays of a pattern, and how many of the faintest of them must be detected.

The brightest are not used, because they may be trails or neighbouring stars.
"""

RANGES = ((4, 12), (6, 20), (10, 30), (15, 45), (20, 60), (30, 90), (50, 150))
"""Ranges of radii in pixels in which patterns are sought."""

MIN_LIGHT = 0.3
"""Minimum light of the star in a range of radii, in units of the noise."""

SLACK = 2
"""Maximum deviation of a ray from even spacing, in degrees."""

NEIGHBOURS = 41
"""Range of angles in degrees with which a ray is compared, so that halos beside the star do not matter."""

RAY_WIDTH = 3.0
"""Length in pixels over which light is averaged along circles."""

MIN_SCATTER = 0.12
"""Scatter between angles, in units of the noise at a radius, that is added for stars of a quiet field."""

ALONG_AXES = 4
"""Crosses within this many degrees of rows and columns must have all four rays: bleed trails lie there."""

SIGNIFICANCE = 3.2
"""Minimum height of the faintest rays above other angles, in units of the scatter between angles."""

ANY_SIGNIFICANCE = 5.0
"""Minimum significance of a pattern with other angles."""

SAME_PATTERN = 3
"""Maximum difference of the angle of a pattern from that of the most significant one, in degrees."""

SAME_SIGNIFICANCE = 2.2
"""Minimum significance of a pattern with the angles of the most significant one of the frame."""

ACROSS = 14
"""Half width of the profiles across a ray in pixels."""

MAX_HALF_WIDTH = 9.0
"""Maximum half width of a ray in pixels."""

SMOOTHING = 9
"""Length along a ray over which its profiles are averaged, in pixels."""

START = 14
"""Maximum distance between the core of a star and the beginning of its rays in pixels."""

MIN_RAY = 8
"""Minimum length of a ray in pixels."""

GAP = 12
"""Length in pixels without light at which a ray ends."""


class InnerSpikes(NamedTuple):
    """A star with spikes, and their pixels.

    Attributes
    ----------
    spikes
        The star, and the angles and length of its spikes.
    rows, columns
        Positions of the pixels, ``(N,)``; some may be outside of the frame.
    """

    spikes: Spikes
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


@dataclass(frozen=True)
class _Pattern:
    """Evenly spaced rays of a star.

    Attributes
    ----------
    fold
        Number of rays, 4, 6 or 8.
    angle
        Angle of the first ray in degrees, from the column axis (x) towards the row axis (y), 0 to 360 / fold.
    significance
        Height of the rays above other angles, in units of the scatter.
    """

    fold: int
    angle: float
    significance: float


def find_inner_spikes(frame: Frame, peaks: NDArray[np.float32]) -> list[InnerSpikes]:
    """Find the spikes within the light of bright stars.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.
    peaks
        Maxima of its blocks of pixels, see :class:`~skysieve.frames.mask.streaks.clipped_frame.ClippedFrame`.

    Returns
    -------
    list
        Stars with spikes, the most significant first.
    """
    found: list[InnerSpikes] = []
    for star, rings, pattern in _patterns_of_frame(cut_out_stars(frame, find_stars(peaks, BIN))):
        row, column = rings.row + star.top, rings.column + star.left
        if any(other.spikes.is_at(row, column) for other in found):
            continue
        marked = _pattern_pixels(star, rings, pattern)
        if marked is None:
            continue
        rows, columns, reach = marked
        step = math.tau / pattern.fold
        angles = tuple(
            (math.radians(pattern.angle) + ray * step) % math.pi for ray in range(pattern.fold // 2)
        )
        found.append(InnerSpikes(Spikes(row, column, angles, reach), rows, columns))
    return found


def _patterns_of_frame(stars: Sequence[StarCutout]) -> list[tuple[StarCutout, Rings, _Pattern]]:
    """Return stars with spikes, the most significant first.

    The vanes of a telescope give all stars of a frame spikes at the same angles.  So the most significant
    pattern decides the angles, and the spikes of other stars may be less significant.
    """
    candidates = []
    for star in stars:
        rings = rings_around(star)
        if rings is not None and rings.flux >= MIN_FLUX:
            candidates += [(star, rings, pattern) for pattern in _patterns(rings)]
    if not candidates:
        return []
    candidates.sort(key=lambda candidate: -candidate[2].significance)
    first, _, best = candidates[0]
    if best.significance < SIGNIFICANCE:
        return []
    # eight rays also form a cross of four of them
    eight = [pattern for star, _, pattern in candidates if star is first and pattern.fold == 8]
    if eight and best.fold == 4 and eight[0].significance >= SIGNIFICANCE:
        best = eight[0]
    candidates.sort(key=lambda candidate: candidate[2].fold != best.fold)
    return [
        (star, rings, pattern)
        for star, rings, pattern in candidates
        if pattern.significance >= (SAME_SIGNIFICANCE if _same(pattern, best) else ANY_SIGNIFICANCE)
    ]


def _patterns(rings: Rings) -> list[_Pattern]:
    """Return the best pattern of each number of rays, in each range of radii."""
    deviations = _deviations(rings)
    found = []
    radii = np.arange(1, RADIUS)
    for low, high in RANGES:
        ring = (radii >= low) & (radii < high)
        if low > RANGES[0][0] and np.median(rings.light[ring]) < MIN_LIGHT:
            continue
        part = deviations[ring]
        known = np.isfinite(part)
        counted = known.sum(axis=0)
        mean = np.where(known, np.clip(part, -2.0, 4.0), 0).sum(axis=0) / np.maximum(counted, 1)
        hidden = counted < part.shape[0] // 2
        covered = hidden & (rings.outside[ring].mean(axis=0) < 0.4)
        if np.count_nonzero(covered) > ANGLES // 4 or np.count_nonzero(hidden) > 0.6 * ANGLES:
            continue  # in the saturated core, or mostly outside of the frame
        # rays under a bleed trail are not detected, rays outside of the frame may exist
        mean[hidden] = np.where(covered[hidden], 0.0, np.nan)
        found += [pattern for fold in FOLDS if (pattern := _best_pattern(mean, fold)) is not None]
    return found


def _best_pattern(mean: NDArray[np.floating], fold: int) -> _Pattern | None:
    """Return the angle at which the faintest of evenly spaced rays are highest; `mean` is ``(ANGLES,)``."""
    shifted = [np.roll(mean, shift) for shift in range(-SLACK, SLACK + 1)]
    rays = np.sort(np.max(shifted, axis=0).reshape(fold, -1), axis=0)  # NaN last
    height = rays[: FOLDS[fold]].mean(axis=0)
    if fold == 4:
        angles = np.arange(height.size)
        height = np.where(np.minimum(angles, 90 - angles) <= ALONG_AXES, rays[0], height)
    if np.isnan(height).all():
        return None
    height = height - np.nanmedian(height)
    scatter = MAD * float(np.nanmedian(np.abs(height))) + MIN_SCATTER
    best = int(np.nanargmax(height))
    if not height[best] > 0:
        return None
    # several angles have the same height, because each ray may deviate
    total = np.nan_to_num(mean.reshape(fold, -1)).sum(axis=0)
    near = np.arange(best - 2 * SLACK, best + 2 * SLACK + 1)
    near = near[height[near % height.size] >= 0.8 * height[best]]
    angle = int(near[np.argmax(total[near % height.size])]) % height.size
    return _Pattern(fold, float(angle), float(height[best]) / scatter)


def _deviations(rings: Rings) -> NDArray[np.float32]:
    """Return light above that at neighbouring angles, in units of the noise, ``(RADIUS - 1, ANGLES)``."""
    filled = np.where(np.isnan(rings.polar), rings.light[:, None], rings.polar)
    around = ndimage.median_filter(filled, (1, NEIGHBOURS), mode="wrap")
    deviations = np.clip((filled - around) / rings.noise[:, None], -3.0, 6.0)
    for index, circle in enumerate(deviations):
        size = max(1, round(RAY_WIDTH * ANGLES / (2 * math.pi * (index + 1))))
        deviations[index] = ndimage.uniform_filter1d(circle, size, mode="wrap")
    deviations[np.isnan(rings.polar)] = np.nan
    return np.asarray(deviations, np.float32)


def _same(pattern: _Pattern, other: _Pattern) -> bool:
    """Return whether all rays of a pattern have angles of another pattern."""
    period = 360 / other.fold
    difference = abs(pattern.angle - other.angle) % period
    return other.fold % pattern.fold == 0 and min(difference, period - difference) <= SAME_PATTERN


def _pattern_pixels(
    star: StarCutout, rings: Rings, pattern: _Pattern
) -> tuple[NDArray[np.intp], NDArray[np.intp], float] | None:
    """Return the pixels of the spikes of a star, rows and columns in the frame, and their length in pixels.

    They are brighter than noise and light beside them.  None if too few of the rays begin at the star.
    """
    row, column, core = rings.row, rings.column, rings.core
    radii = np.arange(1.0, RADIUS)
    across = np.arange(-ACROSS, ACROSS + 1.0)
    profiles = []
    for ray in range(pattern.fold):
        angle = math.radians(pattern.angle + ray * 360 / pattern.fold)
        rows = row + radii[:, None] * math.sin(angle) + across * math.cos(angle)
        columns = column + radii[:, None] * math.cos(angle) - across * math.sin(angle)
        profile = sample(star.pixels, rows, columns) / rings.noise[:, None]
        if not np.isnan(profile[core : core + MIN_RAY, ACROSS]).any():
            profiles.append((angle, rows, columns, _above_sides(profile)))
    if not profiles:
        return None
    near = np.mean([profile[core : core + 2 * START].mean(axis=0) for *_, profile in profiles], axis=0)
    low, high = extent_above(near, 0.25 * float(near[ACROSS - 2 : ACROSS + 3].max()))
    half = min(MAX_HALF_WIDTH, 2 + 0.85 * (high - low))
    marked = np.zeros(star.pixels.shape, np.bool_)
    rays, reach = 0, 0.0
    for angle, rows, columns, profile in profiles:
        belongs = _ray_pixels(profile, core, half)
        if belongs is None:
            continue
        for step in (-0.25, 0.25):
            y = np.rint(rows[belongs] + step * math.cos(angle)).astype(np.intp)
            x = np.rint(columns[belongs] - step * math.sin(angle)).astype(np.intp)
            inside = (y >= 0) & (y < len(marked)) & (x >= 0) & (x < len(marked))  # cutouts are square
            marked[y[inside], x[inside]] = True
        rays += 1
        reach = max(reach, float(radii[belongs.any(axis=1)].max()))
    if rays < min(FOLDS[pattern.fold] + 1, max(2, len(profiles))):
        return None
    y, x = np.nonzero(marked)
    return y + star.top, x + star.left, reach


def _above_sides(profile: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return profiles across a ray minus the mean of both of their sides, smoothed along the ray."""
    side = ACROSS // 3
    both = np.stack([median_of(profile[:, :side], axis=1), median_of(profile[:, -side:], axis=1)])
    sides = mean_of(both, axis=0)
    above = np.clip(np.nan_to_num(profile - sides[:, None]), -3.0, 30.0)
    smooth = ndimage.uniform_filter1d(above, SMOOTHING, axis=0)
    return np.asarray(ndimage.uniform_filter1d(smooth, 3, axis=1))


def _ray_pixels(profile: NDArray[np.floating], core: int, half: float) -> NDArray[np.bool_] | None:
    """Return which elements of the profiles along a ray belong to it; None if it does not begin at the core.

    `profile` is the excess in units of the noise, ``(RADIUS - 1, 2 ACROSS + 1)``, by radius from 1 px, and
    `half` the maximum half width of a ray.
    """
    ridge = profile[:, ACROSS - 2 : ACROSS + 3].max(axis=1)
    bright = ridge > 1.0
    begins = np.flatnonzero(bright[core : core + START])
    if not begins.size:
        return None
    first = core + int(begins[0])
    dark = ~ndimage.maximum_filter1d(bright, GAP, origin=-(GAP // 2))
    ends = np.flatnonzero(dark[first:])
    last = first + int(ends[0]) if ends.size else bright.size
    if np.count_nonzero(bright[first:last]) < MIN_RAY:
        return None
    belongs = (profile > 1.0) & (np.abs(np.arange(-ACROSS, ACROSS + 1)) <= half)
    # only what is connected with the ridge
    labels, _ = ndimage.label(belongs)
    at_ridge = np.unique(labels[first:last, ACROSS - 2 : ACROSS + 3])
    belongs &= np.isin(labels, at_ridge[at_ridge > 0])
    belongs[:first] = belongs[first : first + 3].any(axis=0)  # across the core of the star
    belongs[last:] = False
    return belongs
