"""Trails on the sky: positions of their ends, and pieces on several detectors that are one trail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.coordinates import SkyCoord
    from numpy.typing import NDArray

    from skysieve.frames.mask.trails.measuring import MeasuredTrail

__all__ = ["SkyLine", "exposure_name", "number_trails", "sky_line"]

WCS_ERROR = 2.0
"""Error of the world coordinates of detectors against each other, in pixels."""

POSITION_ERROR = 0.5
"""Error of the centre line at the ends of a trail, in pixels, besides a tenth of its width."""

TOLERANCE = 3.0
"""Pieces are one trail if they agree within this number of standard deviations."""

MAX_OVERLAP = 0.2
"""Maximum overlap of two pieces along the trail, relative to the shorter one."""

MAX_EXTRAPOLATION = 6.0
"""Maximum gap between two pieces, relative to the longer one."""

_ARCSEC = math.pi / 648_000
_TIME_CARDS = ("MJD-OBS", "DATE-OBS", "DATE-BEG", "EXPSTART", "MJD-BEG")
_NAME_CARDS = ("TELESCOP", "INSTRUME", "EXPNUM", "EXPID", "OBSID", "UT", "TIME-OBS", "UTC-OBS", "EXPTIME")


@dataclass(frozen=True)
class SkyLine:
    """The centre line of a trail on the sky.

    Attributes
    ----------
    vectors
        ``(3, 3)`` float64, unit vectors (ICRS) of the first end, the middle and the last end.
    scale
        Size of a pixel at the middle, in arcsec.
    """

    vectors: NDArray[np.float64]
    scale: float

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """``(2, 2)`` float64: right ascension and declination (ICRS) of both ends, in degrees."""
        x, y, z = self.vectors[[0, 2]].T
        longitude, latitude = np.arctan2(y, x) % (2 * math.pi), np.arctan2(z, np.hypot(x, y))
        found: NDArray[np.float64] = np.degrees(np.stack([longitude, latitude], axis=1))
        return found

    @property
    def length(self) -> float:
        """Angle between the ends in arcsec."""
        return _angle(self.vectors[0], self.vectors[2]) / _ARCSEC

    @property
    def position_angle(self) -> float:
        """Direction from the first to the last end at the middle, in degrees from north to east, 0 to 180."""
        middle = self.vectors[1]
        step = self.vectors[2] - self.vectors[0]
        east = np.cross([0.0, 0.0, 1.0], middle)
        norm = float(np.linalg.norm(east))
        if norm < 1e-12:
            return math.nan
        east /= norm
        north = np.cross(middle, east)
        return math.degrees(math.atan2(float(step @ east), float(step @ north))) % 180

    @property
    def pole(self) -> NDArray[np.float64]:
        """``(3,)`` float64, pole of the great circle through the ends."""
        found = np.cross(self.vectors[0], self.vectors[2])
        return np.asarray(found / np.linalg.norm(found))


def sky_line(trail: MeasuredTrail, wcs: Any) -> SkyLine | None:
    """Return the centre line of a trail on the sky.

    Parameters
    ----------
    trail
        The trail.
    wcs
        World coordinates of the frame, or None.

    Returns
    -------
    SkyLine or None
        None without celestial coordinates.
    """
    if wcs is None or not getattr(wcs, "has_celestial", False):
        return None
    from astropy.wcs.utils import pixel_to_skycoord

    points = trail.points(3)
    sine, cosine = math.sin(trail.course.angle), math.cos(trail.course.angle)
    points = np.concatenate([points, points[1:2] + np.array([[cosine, sine]])])
    try:
        sky: SkyCoord = pixel_to_skycoord(points[:, 0], points[:, 1], wcs, origin=0).icrs
        vectors = np.asarray(sky.cartesian.xyz.value.T, np.float64)
    except Exception:  # noqa: BLE001 (solutions that cannot be inverted raise various errors)
        return None
    if not np.isfinite(vectors).all():
        return None
    scale = _angle(vectors[1], vectors[3]) / _ARCSEC
    return SkyLine(vectors[:3], scale) if scale > 0 and _angle(vectors[0], vectors[2]) > 0 else None


def exposure_name(headers: Sequence[Mapping[str, object]], default: str) -> str:
    """Return what identifies an exposure, also in the separate files of its detectors.

    Parameters
    ----------
    headers
        Header of the frame, and the primary header.
    default
        Name of the exposure if the headers do not give its time.

    Returns
    -------
    str
        Time and camera of the exposure.
    """

    def card(name: str) -> str:
        return next((str(header[name]) for header in headers if str(header.get(name, "")).strip()), "")

    time = next((text for name in _TIME_CARDS if _has_time(text := card(name))), "")
    if not time and card("DATE-OBS") and (card("UT") or card("TIME-OBS") or card("UTC-OBS")):
        time = card("DATE-OBS")
    return " ".join([time, *map(card, _NAME_CARDS)]) if time else default


def number_trails(
    trails: Sequence[MeasuredTrail],
    lines: Sequence[SkyLine | None],
    *,
    exposures: Sequence[str],
    frames: Sequence[object],
) -> list[int]:
    """Return numbers of the trails of a run; pieces of one trail on several detectors share one.

    Parameters
    ----------
    trails, lines
        The trails, and their centre lines on the sky.
    exposures
        Name of the exposure of each.
    frames
        The frame of each; trails in one frame are never joined.

    Returns
    -------
    list of int
        Numbers from 1, in the order of the trails.
    """
    owners = list(range(len(trails)))

    def owner(index: int) -> int:
        while owners[index] != index:
            index = owners[index]
        return index

    members: dict[str, list[int]] = {}
    for index, (line, exposure) in enumerate(zip(lines, exposures, strict=True)):
        if line is not None:
            members.setdefault(exposure, []).append(index)
    for indices in members.values():
        for position, i in enumerate(indices):
            for j in indices[position + 1 :]:
                first, second = lines[i], lines[j]
                assert first is not None  # noqa: S101 (members have lines)
                assert second is not None  # noqa: S101
                if frames[i] != frames[j] and _is_one(trails[i], first, trails[j], second):
                    low, high = sorted((owner(i), owner(j)))
                    owners[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(owner(index), len(numbers) + 1) for index in range(len(trails))]


def _is_one(trail: MeasuredTrail, line: SkyLine, other: MeasuredTrail, second: SkyLine) -> bool:
    """Return whether two pieces in different frames lie on one great circle, one after the other."""
    if line.length < second.length:
        trail, line, other, second = other, second, trail, line
    pole, along = line.pole, line.vectors[2] - line.vectors[0]
    along = along / np.linalg.norm(along)
    middle = line.vectors[1]
    # positions along and across, in arcsec, for pieces less than a few degrees apart
    across = np.arcsin(np.clip(second.vectors @ pole, -1, 1)) / _ARCSEC
    position = np.arctan2(second.vectors @ along, second.vectors @ middle) / _ARCSEC
    half = line.length / 2
    low, high = min(position[0], position[2]), max(position[0], position[2])
    overlap = min(high, half) - max(low, -half)
    if overlap > MAX_OVERLAP * second.length or -overlap > MAX_EXTRAPOLATION * line.length:
        return False
    after = position[1] > 0
    near = 0 if (position[0] < position[2]) == after else 1
    if not trail.at_border[1 if after else 0] or not other.at_border[near]:
        return False
    error = line.scale * (POSITION_ERROR + 0.1 * trail.width)
    own = second.scale * (POSITION_ERROR + 0.1 * other.width)
    beyond = np.maximum(np.abs(position) - half, 0)
    bend = abs(trail.curvature) / line.scale * beyond**2 / 2
    allowed = np.hypot(error * (1 + 2 * beyond / half), own + WCS_ERROR * line.scale)
    if not (np.abs(across) <= TOLERANCE * allowed + bend).all():
        return False
    turn = abs(across[2] - across[0]) / max(second.length, 1e-9)
    return bool(turn <= TOLERANCE * (2 * error / line.length + 2 * own / second.length) + math.radians(0.3))


def _angle(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the angle between two unit vectors in radians, accurate for small ones."""
    return 2 * math.asin(min(1.0, float(np.linalg.norm(first - second)) / 2))


def _has_time(text: str) -> bool:
    """Return whether the text of a card is a time with a resolution of seconds."""
    if "T" in text:
        return True
    try:
        return float(text) % 1 != 0
    except ValueError:
        return False
