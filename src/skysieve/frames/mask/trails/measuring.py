"""Measure the trails of a masked frame as lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from skysieve.frames.mask.classes import find_class
from skysieve.frames.mask.trails.courses import excess_along, fit_centre_line, mean_profile
from skysieve.frames.mask.trails.cutouts import CHUNK, Cutout, SkyLight
from skysieve.frames.mask.trails.faint import ALONG_AXIS, faint_segments, without_sources
from skysieve.frames.mask.trails.light_curves import Ends, find_ends, find_kind, find_period
from skysieve.frames.mask.trails.profile import TrailProfile, fit_profile
from skysieve.frames.mask.trails.segments import along_and_across, find_segments, join_segments
from skysieve.frames.mask.trails.settings import TrailSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.mask.streaks.spikes import Spikes
    from skysieve.frames.mask.streaks.tracing import Course
    from skysieve.frames.mask.streaks.trails import Trail
    from skysieve.frames.mask.trails.light_curves import Kind
    from skysieve.frames.mask.trails.segments import Segment

__all__ = ["MeasuredTrail", "measure_trails"]

SPIKE = find_class("SP").code

MIN_AGREEMENT = 0.15
"""Minimum significance of a faint trail, relative to its signal-to-noise ratio; it is lower where the sky has
structure."""

MAX_AGREEMENT = 1.5
"""Maximum significance relative to the signal-to-noise ratio; it is higher where stars are on the line."""

MIN_TO_BORDER = 16.0
"""Minimum distance of the middle of a faint trail from the border of the frame, in pixels."""

MIN_MEDIAN = 0.2
"""Minimum ratio of the median to the upper quartile of the brightness of the chunks; it is lower beside a
bright star."""

MIN_SIGNIFICANCE = 5.0
"""Minimum significance of a trail: above the structure of the sky beside it."""

MIN_DETECTED = 0.5
"""Minimum fraction of the chunks between the ends in which a trail is brighter than its sides."""

MAX_SPIKE = 0.4
"""Maximum fraction of the centre line in pixels of spikes."""

BRIGHT, SPIKE_MARGIN = 150.0, 0.25
"""Minimum peak of stars with spikes in units of the noise, and distance of the star beyond the ends of a
spike, relative to its length."""

SPIKE_ANGLE, SPIKE_REACH = math.radians(4.0), 1.5
"""A line through a star at this angle or less to one of its rays, and within this multiple of their reach, is
a spike."""

MIN_WIDTH = 1.0
"""Minimum width in pixels of light that came through a telescope; lines of a detector are narrower."""

MUON_LENGTH, MUON_WIDTH = 300.0, 1.9
"""A line with both ends in the frame that is shorter and narrower than this, in pixels, is the track of a
particle."""

MAX_FAINT = 24
"""Maximum number of lines that are measured in the search for faint trails."""

MIN_FAINT_SIGNIFICANCE, MIN_THIRD, MIN_STEADINESS = 7.5, 2.0, 0.25
"""Minimum significance of a faint trail and of each third of it, and minimum ratio of the brightness of the
faintest to that of the brightest third."""

MIN_FAINT_LENGTH, MAX_FAINT_WIDTH = 100.0, 16.0
"""Minimum length and maximum width of faint trails in pixels; wider lines may be sky, fringes or halos."""

MIN_ASPECT = 4.0
"""Minimum ratio of length to width."""


@dataclass(frozen=True)
class MeasuredTrail:
    """A trail in one frame.

    Attributes
    ----------
    course
        Centre line.
    ends
        Positions of both ends along it in pixels.
    at_border
        Whether the trail goes on beyond the border of the frame, or of its data, at either end.
    profile
        Mean profile across it.
    snr
        Total signal-to-noise ratio, with optimal weights of its pixels, for noise that is independent between
        pixels.
    significance
        Light above that of the sides, divided by the scatter of lines beside the trail.
    brightness
        Mean brightness within the full width at half maximum, in the unit of the frame per pixel.
    noise
        Standard deviation of a pixel of the sky at its middle, in the unit of the frame.
    period
        Period of its flashes in pixels; NaN if it does not flash regularly.
    kind
        What made it, where that can be told.
    """

    course: Course
    ends: tuple[float, float]
    at_border: tuple[bool, bool]
    profile: TrailProfile
    snr: float
    significance: float
    brightness: float
    noise: float
    period: float
    kind: Kind

    @property
    def width(self) -> float:
        """Full width at half maximum in pixels."""
        return self.profile.fwhm

    @property
    def length(self) -> float:
        """Length along the centre line in pixels."""
        first, last = self.ends
        # the length of a parabola of small curvature
        return last - first + 2 / 3 * self.course.curvature**2 * (last**3 - first**3)

    @property
    def curvature(self) -> float:
        """Curvature in 1 / pixel: the inverse of the radius, positive where the line bends to its left."""
        return 2 * self.course.curvature

    def points(self, count: int = 2) -> NDArray[np.float64]:
        """Return points on the centre line.

        Parameters
        ----------
        count
            Number of points, from one end to the other.

        Returns
        -------
        ndarray
            ``(count, 2)`` float64, x and y in pixels; the centre of the first pixel is at (0, 0).
        """
        rows, columns = self.course.at(np.linspace(*self.ends, count), 0.0)
        return np.stack([columns, rows], axis=1).astype(np.float64)


def measure_trails(
    frame: Frame,
    bits: NDArray[np.int16],
    *,
    traced: Sequence[Trail] = (),
    spikes: Sequence[Spikes] = (),
    settings: TrailSettings | None = None,
) -> list[MeasuredTrail]:
    """Measure the trails of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    bits
        ``(H, W)`` int16, its mask.
    traced, spikes
        Trails and spikes that were detected as lines.
    settings
        Limits of what is listed.

    Returns
    -------
    list
        The trails, the most significant first.

    Raises
    ------
    FrameError
        If the frame has no valid pixels or no noise.
    """
    settings = settings or TrailSettings()
    segments = join_segments(find_segments(bits, traced))
    if not segments and not settings.faint:
        return []
    sky = SkyLight.of_frame(frame, bits)
    found: list[MeasuredTrail] = []

    def is_new(trail: MeasuredTrail | None) -> TypeGuard[MeasuredTrail]:
        return (
            trail is not None
            and trail.length >= settings.min_length
            and trail.snr >= settings.min_snr
            and MIN_SIGNIFICANCE <= trail.significance <= MAX_AGREEMENT * trail.snr
            and not _is_particle(trail)
            and not _is_spike(trail, sky, bits, spikes)
            and not any(_same(trail, other) or _same(other, trail) for other in found)
        )

    for segment in segments:
        if not any(_covers(trail, segment) for trail in found):
            trail = _measure(sky, segment)
            if is_new(trail):
                found.append(trail)
    if settings.faint:
        empty = without_sources(sky, bits)
        for segment in islice(faint_segments(empty), MAX_FAINT):
            if not any(_covers(trail, segment) for trail in found):
                trail = _measure(empty, segment, faint=True)
                if is_new(trail) and _is_clear(trail, sky.shape):
                    found.append(trail)
    return sorted(found, key=lambda trail: -trail.snr)


def _measure(sky: SkyLight, segment: Segment, *, faint: bool = False) -> MeasuredTrail | None:
    """Return the trail of a segment; None if the frame has no such line."""
    course = fit_centre_line(sky, segment)
    if course is None:
        return None
    limits = course.within(sky.shape)
    if not limits[1] - limits[0] > 8:
        return None
    width = max(2.0, segment.width)
    whole = Cutout.along_course(sky, course, limits, int(4.5 * width) + 16)
    curve = whole.above_sides(0.6 * width)
    first, last = (int(np.clip(round(end - limits[0]), 0, curve.size - 1)) for end in segment.ends)
    ends = find_ends(curve, Ends(first, last, (False, False)), margin=4 + width)
    if ends.last - ends.first < 8:
        return None
    extent = float(whole.along[ends.first]), float(whole.along[ends.last])
    cutout = Cutout.along_course(sky, course, extent, int(max(64, 8 * width)))
    chunk = int(np.clip((extent[1] - extent[0]) / 6, 8, max(CHUNK, min(4 * width, 96))))
    excess = excess_along(cutout, width, chunk=chunk)
    values = excess.on_course[np.isfinite(excess.on_course)]
    if not values.size or np.mean(values > 0.75 * excess.scatter) < MIN_DETECTED:
        return None
    if not segment.is_traced and np.median(values) < MIN_MEDIAN * np.percentile(values, 75):
        return None
    if faint and not _is_continuous(values, excess.scatter):
        return None
    error = 1.25 / math.sqrt(max(1.0, cutout.along.size))
    profile = fit_profile(cutout.across, mean_profile(cutout, excess, chunk=chunk), width=width, error=error)
    if profile is None or extent[1] - extent[0] < MIN_ASPECT * profile.fwhm:
        return None
    inside = curve[ends.first : ends.last + 1]
    period = find_period(inside)
    middle_row, middle_column = course.at(sum(extent) / 2, 0.0)
    noise = sky.noise_at(float(middle_row), float(middle_column))
    across = np.arange(-cutout.centre, cutout.centre + 0.25, 0.25)
    weight = float((profile.at(across) ** 2).sum()) / 4
    within = np.linspace(-profile.fwhm / 2, profile.fwhm / 2, 33)
    return MeasuredTrail(
        course=course,
        ends=(
            limits[0] if ends.at_border[0] and extent[0] < limits[0] + 2 else extent[0] - 0.5,
            limits[1] if ends.at_border[1] and extent[1] > limits[1] - 2 else extent[1] + 0.5,
        ),
        at_border=ends.at_border,
        profile=profile,
        snr=math.sqrt(weight * (extent[1] - extent[0])),
        # without the light of stars on the line
        significance=float(np.minimum(values, np.percentile(values, 85)).sum())
        / (excess.scatter * math.sqrt(values.size)),
        brightness=float(profile.at(within).mean()) * noise,
        noise=noise,
        period=period,
        kind=find_kind(inside, ends.at_border, period=period, error=1 / math.sqrt(1.2 * width + 1)),
    )


def _brightest_along(trail: MeasuredTrail, sky: SkyLight) -> float:
    """Return the maximum of the light on a line and a little beyond its ends, in units of the noise."""
    margin = SPIKE_MARGIN * trail.length
    extent = trail.ends[0] - margin, trail.ends[1] + margin
    light = Cutout.along_course(sky, trail.course, extent, 2).light
    return float(np.nanmax(light, initial=0.0))


def _is_clear(trail: MeasuredTrail, shape: tuple[int, int]) -> bool:
    """Return whether a faint line is significant, long and narrow, and neither at a border nor along rows."""
    x, y = trail.points(3)[1]
    quarter = trail.course.angle % (math.pi / 2)
    to_border = min(x, y, shape[1] - 1 - x, shape[0] - 1 - y)
    return (
        min(quarter, math.pi / 2 - quarter) >= ALONG_AXIS
        and to_border >= max(MIN_TO_BORDER, 2 * trail.width)
        and trail.significance >= max(MIN_FAINT_SIGNIFICANCE, MIN_AGREEMENT * trail.snr)
        and trail.length >= MIN_FAINT_LENGTH
        and trail.width <= MAX_FAINT_WIDTH
    )


def _is_continuous(values: NDArray[np.float32], scatter: float) -> bool:
    """Return whether each third of a faint trail is brighter than its sides, by similar amounts."""
    if values.size < 3:
        return False
    thirds = [part.mean() * math.sqrt(part.size) / scatter for part in np.array_split(values, 3)]
    means = [float(np.median(part)) for part in np.array_split(values, 3)]
    return min(thirds) >= MIN_THIRD and min(means) > MIN_STEADINESS * max(means)


def _covers(trail: MeasuredTrail, segment: Segment) -> bool:
    """Return whether a segment of the mask is a part of a trail that is measured already."""
    rows, columns = segment.course.at(np.linspace(*segment.ends, 9), 0.0)
    along, across = along_and_across(trail.course, rows, columns)
    near = np.abs(across) <= trail.width + 2
    between = (along >= trail.ends[0] - 10) & (along <= trail.ends[1] + 10)
    return bool((near & between).mean() > 0.7)


def _same(trail: MeasuredTrail, other: MeasuredTrail) -> bool:
    """Return whether two trails are one."""
    points = trail.points(17)
    along, across = along_and_across(other.course, points[:, 1], points[:, 0])
    near = np.abs(across) <= 0.5 * (trail.width + other.width) + 1
    between = (along >= other.ends[0]) & (along <= other.ends[1])
    return bool((near & between).mean() > 0.5)


def _is_particle(trail: MeasuredTrail) -> bool:
    """Return whether a trail is sharper than any star: a line of the detector, or the track of a particle."""
    if trail.width < MIN_WIDTH:
        return True
    return not any(trail.at_border) and trail.length < MUON_LENGTH and trail.width < MUON_WIDTH


def _is_spike(trail: MeasuredTrail, sky: SkyLight, bits: NDArray[np.int16], spikes: Sequence[Spikes]) -> bool:
    """Return whether a trail is a diffraction spike of a star."""
    points = np.rint(trail.points(129)).astype(int)
    x = points[:, 0].clip(0, bits.shape[1] - 1)
    y = points[:, 1].clip(0, bits.shape[0] - 1)
    # networks take trails for spikes too, but spikes have a bright star on their line
    if ((bits[y, x] & SPIKE) != 0).mean() > MAX_SPIKE and _brightest_along(trail, sky) > BRIGHT:
        return True
    for star in spikes:
        along, across = along_and_across(trail.course, np.array([star.row]), np.array([star.column]))
        if abs(across[0]) > 3 + trail.width:
            continue
        farthest = max(abs(trail.ends[0] - along[0]), abs(trail.ends[1] - along[0]))
        turns = np.array(star.angles) - trail.course.angle
        turn = float(np.abs((turns + math.pi / 2) % math.pi - math.pi / 2).min())
        if farthest <= SPIKE_REACH * star.reach and turn <= SPIKE_ANGLE:
            return True
    return False
