"""Where pictures of focal planes come from: exposures, CCD by CCD, and pictures made before."""

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

BLANK = 3.0
"""Mean distance from the level of the gaps below which a CCD is blank: sky scatters by 13 about 54."""


@dataclass(frozen=True)
class Source:
    """A picture of a focal plane and what is known of it.

    Attributes
    ----------
    picture
        ``(H, W)`` uint8.
    ccds
        Numbers of the CCDs that have data.
    exposure
        The open exposure; None for a picture made before.
    sky
        Where it is on the sky; None if that is not known.
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
    """Open an exposure or a picture, and close it at the end.

    Parameters
    ----------
    location
        A multi-extension FITS file of CCDs, or a picture: see
        :func:`~skysieve.ghosts.focal_plane.pictures.is_picture`.
    camera
        The camera.
    mask, mask_bits, binning, threads
        See :class:`Exposure` and :func:`~skysieve.ghosts.focal_plane.focal_plane.assemble`; not for pictures.

    Raises
    ------
    SourceError
        If a file cannot be read.
    FrameError
        If it holds no exposure of the camera and no picture of its focal plane, or nothing valid.
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
    """Return a picture made before, with the CCDs that it shows.

    Missing CCDs have the grey level of the gaps, but for what JPEG adds.

    Parameters
    ----------
    picture
        ``(H, W)`` uint8, of the size of the camera's pictures.
    camera
        The camera.
    """
    blank = {
        ccd.number
        for ccd in camera.ccds
        if abs(picture[ccd.lit.inside(camera.picture_shape)].astype(float) - GAP_LEVEL).mean() < BLANK
    }
    return Source(picture, tuple(number for number in camera.numbers if number not in blank))
