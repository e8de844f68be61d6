"""Trails: straight streaks of steady width that cross a frame or end sharply."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.mask.streaks.clipped_frame import BIN, Mark
from skysieve.frames.mask.streaks.ridges import find_ridges
from skysieve.frames.mask.streaks.tracing import (
    CHUNK,
    MEDIAN_NOISE,
    Course,
    extent_above,
    follow,
    profiles_along,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.mask.streaks.clipped_frame import ClippedFrame
    from skysieve.frames.mask.streaks.ridges import Ridge
    from skysieve.frames.mask.streaks.tracing import CrossProfiles

__all__ = ["Trail", "find_trails"]

MOST_TRAILS, MOST_REFUSED = 24, 16
"""After so many trails, or ridges that are none, the search ends."""

NEIGHBOUR = 3.0
"""Blocks of pixels between a ridge and another one that is not looked at then."""

LEAST_LENGTH, LEAST_CHUNKS = 100.0, 3
"""Pixels, of trails that end in the frame, and chunks that are lit from end to end."""

CROSSING_ASPECT = 8.0
"""Length over width of a trail that crosses the frame: less may be a galaxy in its corner."""

SHORT, SHORT_WIDTH, SHORT_BRIGHTNESS, STEADY_IF_SHORT = 250.0, 8.0, 2.5, 0.65
"""A trail that ends in the frame and is shorter than this is at most so wide, and at least so bright and
steady: there are galaxies seen edge-on, and images that persist in a row."""

LONG, LEAST_WIDTH = 300.0, 2.8
"""A streak that begins and ends in the frame, and is shorter and narrower than this many pixels, may be the
track of a particle."""

LARGEST_CHUNK = 96
"""Pixels along a wide trail over which a median is taken."""

SHARPEST = 1.9
"""A narrower streak that ends in the frame is sharper than stars are: the track of a particle."""

LARGEST_WIDTH = 44.0
LEAST_ASPECT = 5.0
LEAST_TOTAL = 10.0
"""Significance of a whole trail."""

FAINTEST, FAINTEST_OF_WIDTH = 0.5, 0.05
"""Sigma, and sigma for each pixel of width: fainter and wider structure may be the sky's."""

LEAST_SHOWN = 0.6
"""Part of the chunks between its ends in which a trail must stand out."""

LARGEST_GAP = 2
"""Chunks that a trail may be missing in: between flashes, or behind a bright star."""

ALONG_AXIS = math.radians(1.0)
"""What lies closer to the rows or columns may be a column of the detector, or bleeding."""

OTHER_RIDGE, VALLEY = 0.4, 0.7
"""Ridges or valleys on both sides of these parts of the height make it a pattern."""

DARK = 0.2
"""Part of the upper quartile of a trail's heights below which a chunk is a gap."""

STEADY = 0.5
"""Least over largest height of a trail that ends in the frame: galaxies and spikes fade."""

FINE = 8
"""Pixels along a trail by which its ends are found."""

ALIKE = 1.25
"""Largest reach of a trail to one side, over the usual smaller one of both, but for two pixels."""

BESIDE = 24
"""Pixels on either side of a trail that tell the level there."""

EDGE = 1.2
"""A trail's pixels are brighter than this many sigma, or half of its ridge where that is less."""


@dataclass(frozen=True)
class Trail:
    """A trail in a frame.

    Attributes
    ----------
    course
        Its centre line.
    ends
        Where it begins and ends along the course, in pixels; see :attr:`end_points`.
    width
        Full width at half maximum, in pixels.
    brightness
        Median height of its middle line, in units of the noise; cut off at some 16.
    significance
        Excess over the sides, over the scatter of lines beside it.
    """

    course: Course
    ends: tuple[float, float]
    width: float
    brightness: float
    significance: float

    @property
    def end_points(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Row and column of both ends, in pixels from 0."""
        rows, columns = self.course.at(np.array(self.ends), 0.0)
        return (float(rows[0]), float(columns[0])), (float(rows[1]), float(columns[1]))


def find_trails(clipped: ClippedFrame) -> list[Trail]:
    """Find the trails of a frame and mark their pixels.

    Parameters
    ----------
    clipped
        The frame; the pixels of trails are marked in it. What is marked already is no part of a trail.

    Returns
    -------
    list
        Trails, those with the most significant ridges first.
    """
    trails: list[Trail] = []
    refused: list[Ridge] = []
    for ridge in find_ridges(clipped.binned()):
        if len(trails) == MOST_TRAILS or len(refused) == MOST_REFUSED:
            break
        if _explained(clipped, ridge) or any(_alike(ridge, other) for other in refused):
            continue
        trail = _trail(clipped, ridge)
        if trail is None:
            refused.append(ridge)
        else:
            trails.append(trail)
    return trails


def _alike(ridge: Ridge, other: Ridge) -> bool:
    """Tell whether both ends of a ridge lie close to another one of about the same width."""
    (y0, x0), (y1, x1) = other.start, other.end
    length = math.hypot(y1 - y0, x1 - x0)
    near = NEIGHBOUR + max(ridge.width, other.width) / 2
    off = (abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length for y, x in (ridge.start, ridge.end))
    return max(ridge.width, other.width) <= 2 * min(ridge.width, other.width) and max(off) < near


def _explained(clipped: ClippedFrame, ridge: Ridge) -> bool:
    """Tell whether most of a ridge is marked or without data."""
    steps = np.linspace(0, 1, 129)
    (y0, x0), (y1, x1) = ridge.start, ridge.end
    rows, columns = ((a + (b - a) * steps + 0.5) * BIN - 0.5 for a, b in ((y0, y1), (x0, x1)))
    inside = (rows >= 0) & (rows < clipped.shape[0]) & (columns >= 0) & (columns < clipped.shape[1])
    if np.count_nonzero(inside) < 16:
        return True
    return bool(np.isnan(clipped.sample(rows[inside], columns[inside])).mean() > 0.3)


def _trail(clipped: ClippedFrame, ridge: Ridge) -> Trail | None:
    """Return the trail that a ridge belongs to, with its pixels marked; None if it is no trail."""
    (y0, x0), (y1, x1) = ridge.start, ridge.end
    begun = Course(
        ((y0 + y1) / 2 + 0.5) * BIN - 0.5, ((x0 + x1) / 2 + 0.5) * BIN - 0.5, math.atan2(y1 - y0, x1 - x0)
    )
    width = float(max(3, BIN * ridge.width))
    course = follow(clipped, begun, width=width)
    if course is None or _along_axis(course):
        return None
    for _ in range(2):  # the width is known better, the wider the strip that it was measured in
        measured = _measured(clipped, course, width)
        if measured is None:
            return None
        course, width = measured
    profiles = _profiles(clipped, course, width)
    if profiles is None:
        return None
    excess = profiles.excess(width)
    scatter = _scatter(profiles, width)
    ends = _ends(_shown(excess, scatter))
    if ends is None:
        return None
    first, last = ends
    inside = excess[first : last + 1]
    profile = _profile(profiles, excess, first, last)
    start, stop = (
        float(profiles.middles[k] + side * profiles.length / 2) for k, side in ((first, -1), (last, 1))
    )
    limits = course.within(clipped.shape)
    known = inside[np.isfinite(inside)]
    bright = inside >= STEADY * np.median(known)
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
    half, chunk = int(max(64, 6 * width)), int(min(max(CHUNK, 4 * width), LARGEST_CHUNK))
    return profiles_along(clipped, course, reach=math.inf, half=half, chunk=chunk)


def _measured(clipped: ClippedFrame, course: Course, width: float) -> tuple[Course, float] | None:
    """Return the course moved to the middle of the streak, and the streak's full width at half maximum."""
    profiles = _profiles(clipped, course, width)
    profile = None if profiles is None else _profile(profiles, profiles.excess(width))
    if profile is None:
        return None
    middle = profile.size // 2
    low, high = extent_above(profile, float(profile[middle - 2 : middle + 3].max()) / 2)
    if low < 2 or high > profile.size - 3:
        return None
    return course.moved((low + high) / 2 - middle, 0.0, course.bend), max(2.0, float(high - low + 1))


def _is_trail(
    trail: Trail,
    excess: NDArray[np.float32],
    profile: NDArray[np.float32],
    crosses: tuple[bool, bool],
) -> bool:
    """Tell whether a streak is long, straight, alone and steady as trails are.

    Parameters
    ----------
    trail
        The streak.
    excess
        ``(K,)`` height of the chunks between its ends.
    profile
        ``(V,)`` median across.
    crosses
        Whether it goes on beyond the frame at either end.
    """
    length = trail.ends[1] - trail.ends[0]
    if (
        trail.significance < LEAST_TOTAL
        or trail.brightness < FAINTEST + FAINTEST_OF_WIDTH * trail.width
        or trail.width > LARGEST_WIDTH
        or length < LEAST_ASPECT * trail.width
        or _is_pattern(profile, trail.width)
    ):
        return False
    if all(crosses):
        return (
            excess.size >= LEAST_CHUNKS
            and length >= CROSSING_ASPECT * trail.width
            and _longest_gap(excess) <= LARGEST_GAP
        )
    width = _equivalent_width(profile)
    if width < SHARPEST or (not any(crosses) and length < LONG and width < LEAST_WIDTH):
        return False
    # the chunks at the ends are lit in part
    whole = excess[0 if crosses[0] else 1 : None if crosses[1] else -1]
    whole = whole[np.isfinite(whole)]
    if length < LEAST_LENGTH or whole.size < LEAST_CHUNKS:
        return False
    if length < SHORT and (trail.width > SHORT_WIDTH or trail.brightness < SHORT_BRIGHTNESS):
        return False
    return bool(whole.min() >= (STEADY_IF_SHORT if length < SHORT else STEADY) * whole.max())


def _exact_ends(clipped: ClippedFrame, trail: Trail, crosses: tuple[bool, bool]) -> tuple[float, float]:
    """Return where a trail begins and ends, to a few pixels where it is bright."""
    profiles = profiles_along(
        clipped, trail.course, reach=math.inf, half=int(max(28, 3 * trail.width)), chunk=FINE
    )
    if profiles is None or trail.brightness < 2:
        return trail.ends
    lit = profiles.excess(trail.width) > trail.brightness / 2
    lit &= (profiles.middles >= trail.ends[0]) & (profiles.middles <= trail.ends[1])
    places = profiles.middles[lit]
    if places.size < 2:
        return trail.ends
    return (
        trail.ends[0] if crosses[0] else float(places[0]) - FINE / 2,
        trail.ends[1] if crosses[1] else float(places[-1]) + FINE / 2,
    )


def _along_axis(course: Course) -> bool:
    """Tell whether a course runs along rows or columns."""
    quarter = course.angle % (math.pi / 2)
    return min(quarter, math.pi / 2 - quarter) < ALONG_AXIS


def _profile(
    profiles: CrossProfiles, excess: NDArray[np.float32], first: int = 0, last: int | None = None
) -> NDArray[np.float32] | None:
    """Return the median across the chunks that show the streak, ``(V,)``, above the level of its sides."""
    part = slice(first, None if last is None else last + 1)
    shown = np.nan_to_num(excess[part]) > 0.25 * np.nanmax(excess[part], initial=0.0)
    if not shown.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        chosen = profiles.medians[part][shown]
        level = np.nanmedian(np.concatenate([chosen[:, :6], chosen[:, -6:]], axis=1), axis=1, keepdims=True)
        profile: NDArray[np.float32] = np.nanmedian(chosen - np.nan_to_num(level), axis=0)
    middle = profile.size // 2
    return np.nan_to_num(profile) if np.isfinite(profile[middle - 3 : middle + 4]).all() else None


def _scatter(profiles: CrossProfiles, width: float) -> float:
    """Return the scatter of the excess on lines beside the course."""
    side = max(8.0, width)
    room = profiles.across[-1] - width / 2 - 2 - side
    offsets = np.unique(np.rint(np.linspace(-room, room, 17)).astype(np.intp))
    # of lines so far off that the streak is on neither of their sides
    beside = profiles.excesses(width, offsets[np.abs(offsets) >= 1.5 * width + 2 + side])
    beside = beside[np.isfinite(beside)]
    expected = MEDIAN_NOISE / math.sqrt(profiles.length * width)
    if beside.size < 4:
        return 1.5 * expected
    return max(expected, 1.4826 * float(np.median(np.abs(beside - np.median(beside)))))


def _shown(excess: NDArray[np.float32], scatter: float) -> NDArray[np.bool_]:
    """Tell in which chunks a streak stands out, by itself or with its neighbours."""
    filled = np.pad(np.nan_to_num(excess), 1, mode="edge")
    smooth = (filled[:-2] + filled[1:-1] + filled[2:]) / 3
    found: NDArray[np.bool_] = (excess > 3 * scatter) | ((smooth > 2.5 * scatter) & (excess > 0.5 * scatter))
    return found


def _ends(shown: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return first and last chunk of the longest part that stands out, short gaps apart."""
    places = np.flatnonzero(shown)
    if not places.size:
        return None
    breaks = np.flatnonzero(np.diff(places) > LARGEST_GAP + 1)
    best: tuple[int, int] | None = None
    for group in np.split(places, breaks + 1):
        if group.size / (group[-1] - group[0] + 1) < LEAST_SHOWN:
            continue
        if best is None or group[-1] - group[0] > best[1] - best[0]:
            best = int(group[0]), int(group[-1])
    return best


def _longest_gap(excess: NDArray[np.float32]) -> int:
    """Return the most chunks on end that have little of the usual height."""
    dark = np.nan_to_num(excess, nan=np.inf) < DARK * np.nanpercentile(excess, 75)
    runs = np.split(dark, np.flatnonzero(np.diff(dark)) + 1)
    return max((run.size for run in runs if run[0]), default=0)


def _equivalent_width(profile: NDArray[np.float32]) -> float:
    """Return the sum of a profile around its middle over its height, in pixels."""
    middle = profile.size // 2
    near = profile[middle - 5 : middle + 6]
    return float(near.sum() / near.max())


def _is_pattern(profile: NDArray[np.float32], width: float) -> bool:
    """Tell whether ridges like this one, or valleys, lie on both of its sides, as in fringes and spectra."""
    middle = profile.size // 2
    away = math.ceil(width) + 3
    height = float(profile[middle - 1 : middle + 2].max())
    left, right = profile[: middle - away], profile[middle + away + 1 :]
    if not left.size or not right.size:
        return False
    ridges = min(float(left.max()), float(right.max()))
    near = math.ceil(width / 2)
    valleys = max(float(profile[: middle - near].min()), float(profile[middle + near + 1 :].min()))
    return ridges > OTHER_RIDGE * height or valleys < -VALLEY * height


def _mark(clipped: ClippedFrame, trail: Trail, profiles: CrossProfiles, first: int, last: int) -> None:
    """Mark the pixels that a trail lights."""
    middle = profiles.across.size // 2
    across_steps = np.array([-0.25, 0.25])
    extents = [_extent(profiles, trail.width, chunk, first, last) for chunk in range(first, last + 1)]
    halves = [min(-low, high) for low, high in extents if low <= high]
    if not halves:
        return
    # Both sides of a trail are alike, and all along it: what reaches farther out is of something beside it
    limit = min(math.ceil(ALIKE * float(np.median(halves))) + 2, int(2 * trail.width) + 4)
    for chunk, (low, high) in enumerate(extents, first):
        if high < low:
            continue
        begin, end = (
            profiles.middles[chunk] - profiles.length / 2,
            profiles.middles[chunk] + profiles.length / 2,
        )
        begin = trail.ends[0] if chunk == first else max(begin, trail.ends[0])
        end = trail.ends[1] if chunk == last else min(end, trail.ends[1])
        t = np.arange(begin, end + 0.25, 0.5)
        lit = slice(middle + max(low, -limit), middle + min(high, limit) + 1)
        v = (profiles.across[lit, None] + across_steps).ravel()
        rows, columns = trail.course.at(t[:, None], v[None])
        clipped.mark(rows, columns, Mark.TRAIL)


def _extent(profiles: CrossProfiles, width: float, chunk: int, first: int, last: int) -> tuple[int, int]:
    """Return how far to either side of its middle a trail lights a chunk; the first is larger if nowhere."""
    middle = profiles.across.size // 2
    # neighbours along the trail tell of its width too, and are less noisy together
    near = profiles.medians[max(first, chunk - 2) : min(last, chunk + 2) + 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        profile = np.nanmean(near, axis=0)
        away = int(min(middle - 3, 1.5 * width + 6))
        left = np.nanmedian(profile[max(0, middle - away - BESIDE) : middle - away])
        right = np.nanmedian(profile[middle + away + 1 : middle + away + 1 + BESIDE])
    # nebulosity and halos of stars often have a slope across the trail
    sides = np.nan_to_num([left if np.isfinite(left) else right, right if np.isfinite(right) else left])
    profile = profile - np.interp(profiles.across, [-away - BESIDE / 2, away + BESIDE / 2], sides).astype(
        np.float32
    )
    ridge = float(np.nanmax(profile[middle - 2 : middle + 3], initial=0.0))
    low, high = extent_above(profile, min(EDGE, ridge / 2))
    return (low - middle, high - middle) if low <= high else (1, 0)
