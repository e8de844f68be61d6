"""Real frames without contaminants, made ready to have some put in."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.errors import ConfigError, SkysieveError
from skysieve.imaging.background import estimate_background
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.frames import ArrayFrame
from skysieve.imaging.locations import Location, find_locations
from skysieve.imaging.mesh import Window
from skysieve.simulate.injection import CleanFrame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["CleanPlane", "CleanSource", "clean_frame", "find_clean_frames"]

logger = logging.getLogger(__name__)

UNBOUNDED = Window(-1e30, 1e30)

GAIN_KEYWORDS = ("GAIN", "EGAIN", "GAINA")
NOISE_KEYWORDS = ("RDNOISE", "READNOIS", "RON", "RDNOISEA")
SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL", "SATURATA", "MAXLIN")


@dataclass(frozen=True)
class CleanPlane:
    """A frame as it was read.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32.
    nodata
        ``(H, W)``, True where there is no data.
    header
        Header of its HDU.
    facts
        Cards of that header, and of the primary one.
    """

    pixels: NDArray[np.float32]
    nodata: NDArray[np.bool_]
    header: fits.Header
    facts: Mapping[str, object]


@dataclass(frozen=True)
class CleanSource:
    """Where a frame is: an HDU of a file, and the plane of a cube.

    Attributes
    ----------
    location
        The file, as it was found.
    hdu, plane
        Numbers among the frames of the file, and among the planes of that.
    label
        What to call it.
    """

    location: Location
    hdu: int
    plane: int
    label: str

    def read(self) -> CleanPlane:
        """Read the frame.

        Raises
        ------
        SourceError
            If the file cannot be read.
        FrameError
            If it has no such frame.
        """
        with FrameFile(self.location) as file:
            hdu = file.frames[self.hdu]
            frame = hdu.planes[self.plane]
            pixels, nodata = frame.rows(0, frame.shape[0])
            facts = {**dict(file.hdus[0].header), **dict(hdu.header)}
            return CleanPlane(pixels, nodata, hdu.header.copy(), facts)


def find_clean_frames(folder: str, *, smallest: int) -> list[CleanSource]:
    """Return the frames in a folder; files that cannot be read are left out, with a warning.

    Parameters
    ----------
    folder
        A folder with FITS files, or what else names some.
    smallest
        Least height and width, in pixels.

    Raises
    ------
    SourceError
        If the folder cannot be read or holds no FITS files.
    ConfigError
        If it holds no frame that is large enough.
    """
    found = []
    for location in find_locations(folder):
        try:
            with FrameFile(location) as file:
                found += [
                    CleanSource(location, number, plane, frame.label)
                    for number, hdu in enumerate(file.frames)
                    for plane, frame in enumerate(hdu.planes)
                    if min(frame.shape) >= smallest
                ]
        except SkysieveError as error:
            logger.warning("%s; left out", error)
    if not found:
        raise ConfigError(
            f"{folder}: no clean frames of {smallest} × {smallest} px or more; name a folder of such frames"
        )
    return found


def clean_frame(
    pixels: NDArray[np.float32],
    nodata: NDArray[np.bool_],
    header: Mapping[str, object],
    *,
    label: str = "frame",
) -> CleanFrame:
    """Return a frame ready for injection: its sky is measured, and its camera read from the header.

    Parameters
    ----------
    pixels, nodata
        ``(H, W)``.
    header
        Cards; gain, read noise and saturation are taken from those of the usual keywords that hold a number.
    label
        What messages call it.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    background = estimate_background(ArrayFrame(pixels, mask=nodata, label=label), UNBOUNDED, threads=1)
    level, sigma = background.rows(0, pixels.shape[0])
    return CleanFrame(
        pixels=np.where(nodata, level, pixels),
        level=level,
        sigma=sigma,
        gain=_number(header, GAIN_KEYWORDS) or 1.0,
        read_noise=_number(header, NOISE_KEYWORDS) or 5.0,
        saturation=_number(header, SATURATION_KEYWORDS),
    )


def _number(header: Mapping[str, object], keywords: tuple[str, ...]) -> float | None:
    """Return the first positive number that the header gives for one of the keywords."""
    for keyword in keywords:
        try:
            value = float(header[keyword])  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError):
            continue
        if np.isfinite(value) and value > 0:
            return value
    return None
