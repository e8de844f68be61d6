"""Trails of a frame with their places: file and frame, exposure, sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, FrameError
from skysieve.frames.mask.classes import find_class
from skysieve.frames.mask.trails.measuring import measure_trails
from skysieve.frames.mask.trails.sky import exposure_name, sky_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.mask.result import MaskResult
    from skysieve.frames.mask.trails.measuring import MeasuredTrail
    from skysieve.frames.mask.trails.settings import TrailSettings
    from skysieve.frames.mask.trails.sky import SkyLine

__all__ = ["FramePlace", "TrailRecord", "check_trails", "frame_trails"]


@dataclass(frozen=True)
class FramePlace:
    """Where a frame is.

    Attributes
    ----------
    file, hdu, name, plane
        File, number of the HDU, its EXTNAME, and number of the plane in a cube, from 1; 0 for images.
    mask
        File of the mask.
    """

    file: str = ""
    hdu: int = 0
    name: str = ""
    plane: int = 0
    mask: str = ""


@dataclass(frozen=True)
class TrailRecord:
    """A trail, and where it was found.

    Attributes
    ----------
    trail
        The trail.
    place
        The frame.
    sky
        Its centre line on the sky; None without celestial coordinates.
    exposure
        What identifies the exposure.
    unit
        Unit of the pixels; empty if unknown.
    """

    trail: MeasuredTrail
    place: FramePlace
    sky: SkyLine | None = None
    exposure: str = ""
    unit: str = ""


def check_trails(result: MaskResult) -> None:
    """Check that a mask has the class of trails.

    Parameters
    ----------
    result
        The mask.

    Raises
    ------
    ConfigError
        If it does not.
    """
    if find_class("TRL") not in result.classes:
        raise ConfigError("trails need the class TRL, which was not asked for; add it to the classes")


def frame_trails(
    frame: Frame,
    result: MaskResult,
    settings: TrailSettings,
    place: FramePlace,
    *,
    primary: Mapping[str, object] | None = None,
) -> tuple[TrailRecord, ...]:
    """Measure the trails of a masked frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    result
        Its mask, with header and world coordinates.
    settings
        Limits of what is listed.
    place
        Where the frame is.
    primary
        Primary header of its file.

    Returns
    -------
    tuple
        The trails, the most significant first; none if the frame has no sky.

    Raises
    ------
    ConfigError
        If the mask does not have the class of trails.
    """
    check_trails(result)
    try:
        trails = measure_trails(
            frame, result.bits, traced=result.trails, spikes=result.spikes, settings=settings
        )
    except FrameError:  # the frame has a blank mask
        return ()
    if not trails:
        return ()
    headers = [header for header in (result.header, primary) if header is not None]
    exposure = exposure_name(headers, place.file)
    if place.plane:
        exposure = f"{exposure} plane {place.plane}"
    unit = "" if result.origin.unit is None else str(result.origin.unit)
    wcs = result.origin.wcs
    return tuple(TrailRecord(trail, place, sky_line(trail, wcs), exposure, unit) for trail in trails)
