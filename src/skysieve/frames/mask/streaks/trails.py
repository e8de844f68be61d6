"""Detection of trails: straight streaks of constant width that cross a frame or end abruptly."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.known_values import mean_of, median_of
from skysieve.frames.mask.streaks.clipped_frame import BIN, Mark
from skysieve.frames.mask.streaks.ridges import find_ridges
from skysieve.frames.mask.streaks.tracing import (
    CHUNK,
    MEDIAN_NOISE,
    Course,
    extent_above,
    fit_course,
    profiles_along,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame
    from skysieve.frames.mask.streaks.ridges import Ridge
    from skysieve.frames.mask.streaks.tracing import CrossProfiles

__all__ = ["Trail", "find_trails"]

MAX_TRAILS, MAX_REJECTED = 24, 16
"""Numbers of trails, and of rejected ridges, at which the search ends."""

NEIGHBOUR = 3.0
"""Distance from a rejected ridge, in blocks of pixels, within which other ridges are ignored."""

MIN_LENGTH, MIN_CHUNKS = 100.0, 3
"""Minimum length in pixels of trails that end in the frame, and minimum number of chunks with complete
light."""

MIN_CROSSING_ASPECT = 8.0
"""Minimum ratio of length to width of a trail that crosses the frame; shorter ones may be a galaxy in a
corner."""

SHORT, MAX_SHORT_WIDTH, MIN_SHORT_BRIGHTNESS, MIN_SHORT_STEADINESS = 250.0, 8.0, 2.5, 0.65
"""Length in pixels below which a trail that ends in the frame is short, and limits of the width, brightness
and steadiness of short trails.  They exclude edge-on galaxies, and persistence of images in a row."""

LONG, MIN_WIDTH = 300.0, 2.8
"""A streak with both ends in the frame that is shorter and narrower than this, in pixels, may be the track of
a particle."""

MAX_CHUNK = 96
"""Maximum length of a chunk of a wide trail, in pixels."""

MIN_SHARP_WIDTH = 1.9
"""Minimum width in pixels of a streak that ends in the frame; tracks of particles are sharper than stars."""

MAX_WIDTH = 44.0
MIN_ASPECT = 5.0
MIN_SIGNIFICANCE = 10.0
"""Minimum significance of a trail."""

MIN_BRIGHTNESS, MIN_BRIGHTNESS_PER_WIDTH = 0.5, 0.05
"""Minimum brightness in sigma, and its increase per pixel of width; fainter and wider structure may be
sky."""

MIN_DETECTED = 0.6
"""Minimum fraction of the chunks between its ends in which a trail is detected."""

MAX_GAP = 2
"""Maximum number of consecutive chunks without detection, between flashes or behind a bright star."""

ALONG_AXIS = math.radians(1.0)
"""Minimum angle to rows and columns; smaller ones may be a column of the detector, or bleeding."""

MAX_OTHER_RIDGE, MAX_VALLEY = 0.4, 0.7
"""Maximum height of ridges, and depth of valleys, on both sides, relative to the height; others are a
pattern."""

GAP = 0.2
"""Fraction of the upper quartile of a trail's heights below which a chunk is a gap."""

MIN_STEADINESS = 0.5
"""Minimum ratio of the smallest to the largest height of a trail that ends in the frame; galaxies and spikes
fade."""

FINE_CHUNK = 8
"""Length in pixels of the chunks in which the ends of a trail are measured."""

MAX_ASYMMETRY = 1.25
"""Maximum extent of a trail to one side, relative to the median of the smaller extent, with a margin of 2
pixels."""

SIDE = 24
"""Width in pixels of the sides of a trail in which the background is measured."""

EDGE = 1.2
"""Minimum brightness of a trail's pixels in units of the noise; half of the ridge if that is less."""


@dataclass(frozen=True)
class Trail:
    """A trail in a frame.

    Attributes
    ----------
    course
        Its centre line.
    ends
        Positions of both ends along the course, in pixels; see :attr:`end_points`.
    width
        Full width at half maximum, in pixels.
    brightness
        Median height of its centre line in units of the noise; limited to about 16.
    significance
        Excess over the sides, divided by the scatter of lines beside the trail.
    """

    course: Course
    ends: tuple[float, float]
    width: float
    brightness: float
    significance: float

    @property
    def end_points(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Row and column of both ends in pixels, counted from 0."""
        rows, columns = self.course.at(np.array(self.ends), 0.0)
        return (float(rows[0]), float(columns[0])), (float(rows[1]), float(columns[1]))


def find_trails(clipped: ClippedFrame) -> list[Trail]:
    """Find the trails of a frame and mark their pixels.

    Parameters
    ----------
    clipped
        The frame, in which this function marks the pixels of trails; already marked pixels are ignored.

    Returns
    -------
    list
        Trails, in the order of the significance of their ridges.
    """
    trails: list[Trail] = []
    rejected: list[Ridge] = []
    for ridge in find_ridges(clipped.binned()):
        if len(trails) == MAX_TRAILS or len(rejected) == MAX_REJECTED:
            break
        if _is_marked(clipped, ridge) or any(_is_near(ridge, other) for other in rejected):
            continue
        trail = _trail(clipped, ridge)
        if trail is None:
            rejected.append(ridge)
        else:
            trails.append(trail)
    return trails


def _is_near(ridge: Ridge, other: Ridge) -> bool:
    """Return whether both ends of a ridge are close to another ridge of a similar width."""
    (y0, x0), (y1, x1) = other.start, other.end
    length = math.hypot(y1 - y0, x1 - x0)
    near = NEIGHBOUR + max(ridge.width, other.width) / 2
    distances = (
        abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length for y, x in (ridge.start, ridge.end)
    )
    return max(ridge.width, other.width) <= 2 * min(ridge.width, other.width) and max(distances) < near


def _is_marked(clipped: ClippedFrame, ridge: Ridge) -> bool:
    """Return whether much of a ridge is marked or has no data."""
    steps = np.linspace(0, 1, 129)
    (y0, x0), (y1, x1) = ridge.start, ridge.end
    rows, columns = ((a + (b - a) * steps + 0.5) * BIN - 0.5 for a, b in ((y0, y1), (x0, x1)))
    inside = (rows >= 0) & (rows < clipped.shape[0]) & (columns >= 0) & (columns < clipped.shape[1])
    if np.count_nonzero(inside) < 16:
        return True
    return bool(np.isnan(clipped.sample(rows[inside], columns[inside])).mean() > 0.3)


def _trail(clipped: ClippedFrame, ridge: Ridge) -> Trail | None:
    """Return the trail of a ridge after marking its pixels; None if it is not a trail."""
    (y0, x0), (y1, x1) = ridge.start, ridge.end
    initial = Course(
        ((y0 + y1) / 2 + 0.5) * BIN - 0.5, ((x0 + x1) / 2 + 0.5) * BIN - 0.5, math.atan2(y1 - y0, x1 - x0)
    )
    width = float(max(3, BIN * ridge.width))
    course = fit_course(clipped, initial, width=width)
    if course is None or _along_axis(course):
        return None
    for _ in range(2):  # the second measurement uses profiles that fit the width of the first
        measured = _measured(clipped, course, width)
        if measured is None:
            return None
        course, width = measured
    profiles = _profiles(clipped, course, width)
    if profiles is None:
        return None
    excess = profiles.excess(width)
    scatter = _scatter(profiles, width)
    ends = _ends(_detected(excess, scatter))
    if ends is None:
        return None
    first, last = ends
    inside = excess[first : last + 1]
    profile = _profile(profiles, excess, first, last)
    start, stop = (
        float(profiles.centres[k] + side * profiles.length / 2) for k, side in ((first, -1), (last, 1))
    )
    limits = course.within(clipped.shape)
    known = inside[np.isfinite(inside)]
    bright = inside >= MIN_STEADINESS * np.median(known)
    near = CHUNK + profiles.length / 2
    crosses = (
        bool(bright[0]) and start - limits[0] < near,
        bool(bright[-1]) and limits[1] - stop < near,
    )
    trail = Trail(
        course,
        (limits[0] if crosses[0] else start, limits[1] if crosses[1] else stop),
        width,
        float(np.median(known)),
        float(known.sum() / (scatter * math.sqrt(max(1, known.size)))),
    )
    if profile is None or not _is_trail(trail, inside, profile, crosses):
        return None
    if not all(crosses):
        trail = replace(trail, ends=_exact_ends(clipped, trail, crosses))
    _mark(clipped, trail, profiles, first, last)
    return trail


def _profiles(clipped: ClippedFrame, course: Course, width: float) -> CrossProfiles | None:
    half, chunk = int(max(64, 6 * width)), int(min(max(CHUNK, 4 * width), MAX_CHUNK))
    return profiles_along(clipped, course, reach=math.inf, half=half, chunk=chunk)


def _measured(clipped: ClippedFrame, course: Course, width: float) -> tuple[Course, float] | None:
    """Return the course shifted to the centre of the streak, and the full width at half maximum."""
    profiles = _profiles(clipped, course, width)
    profile = None if profiles is None else _profile(profiles, profiles.excess(width))
    if profile is None:
        return None
    centre = profile.size // 2
    low, high = extent_above(profile, float(profile[centre - 2 : centre + 3].max()) / 2)
    if low < 2 or high > profile.size - 3:
        return None
    return course.moved((low + high) / 2 - centre, 0.0, course.curvature), max(2.0, float(high - low + 1))


def _is_trail(
    trail: Trail,
    excess: NDArray[np.float32],
    profile: NDArray[np.float32],
    crosses: tuple[bool, bool],
) -> bool:
    """Return whether a streak is long, straight, isolated and steady, as trails are.

    Parameters
    ----------
    trail
        The streak.
    excess
        ``(K,)`` heights of the chunks between its ends.
    profile
        ``(V,)`` median profile across it.
    crosses
        Whether it crosses the border of the frame at either end.
    """
    length = trail.ends[1] - trail.ends[0]
    if (
        trail.significance < MIN_SIGNIFICANCE
        or trail.brightness < MIN_BRIGHTNESS + MIN_BRIGHTNESS_PER_WIDTH * trail.width
        or trail.width > MAX_WIDTH
        or length < MIN_ASPECT * trail.width
        or _is_pattern(profile, trail.width)
    ):
        return False
    if all(crosses):
        return (
            excess.size >= MIN_CHUNKS
            and length >= MIN_CROSSING_ASPECT * trail.width
            and _longest_gap(excess) <= MAX_GAP
        )
    width = _equivalent_width(profile)
    if width < MIN_SHARP_WIDTH or (not any(crosses) and length < LONG and width < MIN_WIDTH):
        return False
    # the streak covers only a part of the chunks at its ends
    whole = excess[0 if crosses[0] else 1 : None if crosses[1] else -1]
    whole = whole[np.isfinite(whole)]
    if length < MIN_LENGTH or whole.size < MIN_CHUNKS:
        return False
    if length < SHORT and (trail.width > MAX_SHORT_WIDTH or trail.brightness < MIN_SHORT_BRIGHTNESS):
        return False
    return bool(whole.min() >= (MIN_SHORT_STEADINESS if length < SHORT else MIN_STEADINESS) * whole.max())


def _exact_ends(clipped: ClippedFrame, trail: Trail, crosses: tuple[bool, bool]) -> tuple[float, float]:
    """Return the ends of a trail, accurate to a few pixels if it is bright."""
    profiles = profiles_along(
        clipped, trail.course, reach=math.inf, half=int(max(28, 3 * trail.width)), chunk=FINE_CHUNK
    )
    if profiles is None or trail.brightness < 2:
        return trail.ends
    bright = profiles.excess(trail.width) > trail.brightness / 2
    bright &= (profiles.centres >= trail.ends[0]) & (profiles.centres <= trail.ends[1])
    positions = profiles.centres[bright]
    if positions.size < 2:
        return trail.ends
    return (
        trail.ends[0] if crosses[0] else float(positions[0]) - FINE_CHUNK / 2,
        trail.ends[1] if crosses[1] else float(positions[-1]) + FINE_CHUNK / 2,
    )


def _along_axis(course: Course) -> bool:
    """Return whether a course is parallel to rows or columns."""
    quarter = course.angle % (math.pi / 2)
    return min(quarter, math.pi / 2 - quarter) < ALONG_AXIS


def _profile(
    profiles: CrossProfiles, excess: NDArray[np.float32], first: int = 0, last: int | None = None
) -> NDArray[np.float32] | None:
    """Return the median profile ``(V,)`` of the chunks with the streak, above the level of its sides."""
    part = slice(first, None if last is None else last + 1)
    detected = np.nan_to_num(excess[part]) > 0.25 * np.nanmax(excess[part], initial=0.0)
    if not detected.any():
        return None
    chosen = profiles.medians[part][detected]
    level = median_of(np.concatenate([chosen[:, :6], chosen[:, -6:]], axis=1), axis=1)
    profile = median_of(chosen - np.nan_to_num(level)[:, None], axis=0)
    centre = profile.size // 2
    return np.nan_to_num(profile) if np.isfinite(profile[centre - 3 : centre + 4]).all() else None


def _scatter(profiles: CrossProfiles, width: float) -> float:
    """Return the scatter of the excess of parallel lines beside the course."""
    side = max(8.0, width)
    max_offset = profiles.across[-1] - width / 2 - 2 - side
    offsets = np.unique(np.rint(np.linspace(-max_offset, max_offset, 17)).astype(np.intp))
    # only lines whose sides do not include the streak
    beside = profiles.excesses(width, offsets[np.abs(offsets) >= 1.5 * width + 2 + side])
    beside = beside[np.isfinite(beside)]
    expected = MEDIAN_NOISE / math.sqrt(profiles.length * width)
    if beside.size < 4:
        return 1.5 * expected
    return max(expected, 1.4826 * float(np.median(np.abs(beside - np.median(beside)))))


def _detected(excess: NDArray[np.float32], scatter: float) -> NDArray[np.bool_]:
    """Return the chunks in which a streak is detected, by itself or together with its neighbours."""
    filled = np.pad(np.nan_to_num(excess), 1, mode="edge")
    smooth = (filled[:-2] + filled[1:-1] + filled[2:]) / 3
    found: NDArray[np.bool_] = (excess > 3 * scatter) | ((smooth > 2.5 * scatter) & (excess > 0.5 * scatter))
    return found


def _ends(detected: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the first and last chunk of the longest detected part; short gaps are allowed."""
    chunks = np.flatnonzero(detected)
    if not chunks.size:
        return None
    breaks = np.flatnonzero(np.diff(chunks) > MAX_GAP + 1)
    best: tuple[int, int] | None = None
    for group in np.split(chunks, breaks + 1):
        if group.size / (group[-1] - group[0] + 1) < MIN_DETECTED:
            continue
        if best is None or group[-1] - group[0] > best[1] - best[0]:
            best = int(group[0]), int(group[-1])
    return best


def _longest_gap(excess: NDArray[np.float32]) -> int:
    """Return the maximum number of consecutive chunks whose height is low."""
    low = np.nan_to_num(excess, nan=np.inf) < GAP * np.nanpercentile(excess, 75)
    runs = np.split(low, np.flatnonzero(np.diff(low)) + 1)
    return max((run.size for run in runs if run[0]), default=0)


def _equivalent_width(profile: NDArray[np.float32]) -> float:
    """Return the sum of a profile around its centre divided by its height, in pixels."""
    centre = profile.size // 2
    near = profile[centre - 5 : centre + 6]
    return float(near.sum() / near.max())


def _is_pattern(profile: NDArray[np.float32], width: float) -> bool:
    """Return whether there are similar ridges, or valleys, on both sides, as in fringes and spectra."""
    centre = profile.size // 2
    away = math.ceil(width) + 3
    height = float(profile[centre - 1 : centre + 2].max())
    left, right = profile[: centre - away], profile[centre + away + 1 :]
    if not left.size or not right.size:
        return False
    ridges = min(float(left.max()), float(right.max()))
    near = math.ceil(width / 2)
    valleys = max(float(profile[: centre - near].min()), float(profile[centre + near + 1 :].min()))
    return ridges > MAX_OTHER_RIDGE * height or valleys < -MAX_VALLEY * height


def _mark(clipped: ClippedFrame, trail: Trail, profiles: CrossProfiles, first: int, last: int) -> None:
    """Mark the pixels of a trail."""
    centre = profiles.across.size // 2
    across_steps = np.array([-0.25, 0.25])
    extents = [_extent(profiles, trail.width, chunk, first, last) for chunk in range(first, last + 1)]
    halves = [min(-low, high) for low, high in extents if low <= high]
    if not halves:
        return
    # The sides of a trail are symmetric and constant along it; light further out belongs to something else.
    limit = min(math.ceil(MAX_ASYMMETRY * float(np.median(halves))) + 2, int(2 * trail.width) + 4)
    for chunk, (low, high) in enumerate(extents, first):
        if high < low:
            continue
        begin, end = (
            profiles.centres[chunk] - profiles.length / 2,
            profiles.centres[chunk] + profiles.length / 2,
        )
        begin = trail.ends[0] if chunk == first else max(begin, trail.ends[0])
        end = trail.ends[1] if chunk == last else min(end, trail.ends[1])
        t = np.arange(begin, end + 0.25, 0.5)
        part = slice(centre + max(low, -limit), centre + min(high, limit) + 1)
        v = (profiles.across[part, None] + across_steps).ravel()
        rows, columns = trail.course.at(t[:, None], v[None])
        clipped.mark(rows, columns, Mark.TRAIL)


def _extent(profiles: CrossProfiles, width: float, chunk: int, first: int, last: int) -> tuple[int, int]:
    """Return the extent of a trail to both sides of its centre in a chunk; (1, 0) if it has none."""
    centre = profiles.across.size // 2
    # the mean over neighbouring chunks is less noisy
    near = profiles.medians[max(first, chunk - 2) : min(last, chunk + 2) + 1]
    profile = mean_of(near, axis=0)
    away = int(min(centre - 3, 1.5 * width + 6))
    left = median_of(profile[max(0, centre - away - SIDE) : centre - away], axis=0)
    right = median_of(profile[centre + away + 1 : centre + away + 1 + SIDE], axis=0)
    # subtract a slope, as nebulosity and halos of stars often have one across the trail
    sides = np.nan_to_num([left if np.isfinite(left) else right, right if np.isfinite(right) else left])
    profile = profile - np.interp(profiles.across, [-away - SIDE / 2, away + SIDE / 2], sides).astype(
        np.float32
    )
    ridge = float(np.nanmax(profile[centre - 2 : centre + 3], initial=0.0))
    low, high = extent_above(profile, min(EDGE, ridge / 2))
    return (low - centre, high - centre) if low <= high else (1, 0)
