"""Open the input of a ghost search: an exposure, or an existing picture of a focal plane."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.ghosts.focal_plane.exposures import Exposure
from skysieve.ghosts.focal_plane.focal_plane import GAP_LEVEL, assemble
from skysieve.ghosts.focal_plane.pictures import is_picture, read_picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.fits.locations import Location
    from skysieve.core.fits.mask_values import MaskBits
    from skysieve.ghosts.focal_plane.binning import Binning
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.geometry import SkyMap

__all__ = ["Source", "open_source", "picture_source"]

MAX_BLANK_DEVIATION = 3.0
"""Maximum mean deviation of a blank CCD from the gap level in grey levels; the sky has 54 ± 13."""


@dataclass(frozen=True)
class Source:
    """A picture of a focal plane with its origin.

    Attributes
    ----------
    picture
        Grey levels ``(H, W)`` uint8.
    ccds
        Numbers of the CCDs with data.
    exposure
        The open exposure; None for an existing picture.
    sky
        Mapping between picture and sky; None if unknown.
    """

    picture: NDArray[np.uint8]
    ccds: tuple[int, ...]
    exposure: Exposure | None = None
    sky: SkyMap | None = None


@contextmanager
def open_source(
    location: Location,
    camera: Camera,
    *,
    mask: Path | None = None,
    mask_bits: MaskBits | None = None,
    binning: Binning = "medians",
    threads: int = 2,
) -> Iterator[Source]:
    """Open an exposure or a picture as a context manager.

    Parameters
    ----------
    location
        A FITS file of CCDs, or a picture; see :func:`~skysieve.ghosts.focal_plane.pictures.is_picture`.
    camera
        The camera.
    mask, mask_bits
        Masks of the exposure; see :class:`Exposure`.  Ignored for pictures.
    binning, threads
        See :func:`~skysieve.ghosts.focal_plane.focal_plane.assemble`.  Ignored for pictures.

    Yields
    ------
    Source
        The picture; its exposure is closed at the end of the context.

    Raises
    ------
    SourceError
        If a file cannot be read.
    FrameError
        If the file is neither an exposure of the camera nor a picture, or has no valid pixels.
    """
    if is_picture(location, shape=camera.picture_shape):
        picture = read_picture(location, shape=camera.picture_shape)
        yield picture_source(picture, camera)
        return
    with Exposure(location, camera, mask=mask, mask_bits=mask_bits) as exposure:
        plane = assemble(exposure, camera, binning=binning, threads=threads)
        sky = exposure.sky_map()
        yield Source(plane.picture, plane.ccds, exposure, sky if sky.numbers else None)


def picture_source(picture: NDArray[np.uint8], camera: Camera) -> Source:
    """Wrap an existing picture, and find its CCDs with data.

    Missing CCDs have the grey level of the gaps, except for JPEG artefacts.

    Parameters
    ----------
    picture
        Grey levels ``(H, W)`` uint8, in the picture shape of the camera.
    camera
        The camera.

    Returns
    -------
    Source
        The picture without exposure and sky position.
    """
    blank = {
        ccd.number
        for ccd in camera.ccds
        if abs(picture[ccd.picture_box.inside(camera.picture_shape)].astype(float) - GAP_LEVEL).mean()
        < MAX_BLANK_DEVIATION
    }
    return Source(picture, tuple(number for number in camera.numbers if number not in blank))
