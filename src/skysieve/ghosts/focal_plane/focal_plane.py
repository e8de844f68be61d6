"""Assemble the picture of a focal plane: all CCDs of an exposure, binned, background-subtracted, in 8 bits.

The grey scale is that of the published pictures, measured on 25 of them.  Gaps have level 23.  The sky of the
CCDs has a median of 54 (36 to 67 in single pictures) and a scatter of 13 (1.48 times the median absolute
deviation).  Stars are single bright pixels in 3 to 5 % of the picture.  This agrees with samples of about 8
x 8 CCD pixels, but not with means of all 70 x 70 pixels, in which a star of magnitude 18 would have 16 times
the noise instead of the observed three.  Therefore the unit of :attr:`FocalPlane.values` is the noise of a
mean of 8 x 8 sky pixels.  A ghost then has the same contrast as in the published pictures, however CCDs are
binned.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.ghosts.focal_plane.binning import SAMPLE, bin_pixels, estimate_background, measure_sky

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.sections import Region
    from skysieve.ghosts.focal_plane.binning import Binning
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.exposures import CcdImage

__all__ = ["GAP_LEVEL", "SKY_LEVEL", "SKY_SCATTER", "FocalPlane", "assemble", "to_grey_levels"]

GAP_LEVEL = 23
SKY_LEVEL = 54
SKY_SCATTER = 13
"""Grey levels of the published pictures: gaps, sky, and one unit of noise."""


@dataclass(frozen=True)
class FocalPlane:
    """A picture of a focal plane.

    Attributes
    ----------
    values
        Background-subtracted pixels ``(H, W)`` float32, in units of :attr:`noise`; NaN in gaps and where
        there is no data.
    picture
        Grey levels ``(H, W)`` uint8, see :func:`to_grey_levels`.
    noise
        Noise of a mean of 8 x 8 sky pixels, in the unit of the frames.
    ccds
        Numbers of the CCDs with data.
    """

    values: NDArray[np.float32]
    picture: NDArray[np.uint8]
    noise: float
    ccds: tuple[int, ...]


class _Binned(NamedTuple):
    """One binned CCD in the orientation of the picture, and the noise of its pixels, in the frame's unit."""

    number: int
    cell: NDArray[np.float32]
    noise: float


def assemble(
    images: Iterable[CcdImage], camera: Camera, *, binning: Binning = "medians", threads: int = 2
) -> FocalPlane:
    """Assemble the picture of a focal plane.

    Parameters
    ----------
    images
        CCDs in any order, may be a generator; missing CCDs stay blank.
    camera
        The camera.
    binning
        How to bin; see :data:`~skysieve.ghosts.focal_plane.binning.Binning`.
    threads
        Number of CCDs to bin at the same time; one more is in memory.

    Returns
    -------
    FocalPlane
        The picture.

    Raises
    ------
    FrameError
        If no CCD has valid pixels with noise.
    """
    values = np.full(camera.picture_shape, np.nan, np.float32)
    noises: dict[int, float] = {}
    for one in _binned(images, camera, binning, threads):
        if np.isnan(one.cell).all() or not one.noise > 0:
            continue
        box = camera.by_number[one.number].picture_box
        rows, columns = box.inside(camera.picture_shape)
        values[rows, columns] = one.cell[
            rows.start - box.y0 : rows.stop - box.y0, columns.start - box.x0 : columns.stop - box.x0
        ]
        noises[one.number] = one.noise
    if not noises:
        raise FrameError("no CCD has valid pixels with noise: the exposure is blank, or wholly masked")
    noise = float(np.median(list(noises.values()))) / SAMPLE
    values /= np.float32(noise)
    return FocalPlane(values, to_grey_levels(values), noise, tuple(sorted(noises)))


def to_grey_levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert values to the grey levels of the published pictures.

    Parameters
    ----------
    values
        Values of any shape, float32, in units of noise above the background; NaN where there is no data.

    Returns
    -------
    ndarray of uint8
        ``54 + 13 values``, rounded and clipped to 0 to 255; 23 where there is no data.

    Examples
    --------
    >>> to_grey_levels(np.array([0.0, 1.0, -5.0, 40.0, np.nan], np.float32)).tolist()
    [54, 67, 0, 255, 23]
    """
    levels = np.rint(np.nan_to_num(values) * SKY_SCATTER + SKY_LEVEL)
    levels[np.isnan(values)] = GAP_LEVEL
    return np.clip(levels, 0, 255).astype(np.uint8)


def _binned(images: Iterable[CcdImage], camera: Camera, binning: Binning, threads: int) -> Iterator[_Binned]:
    """Yield binned CCDs; `threads` of them are computed at the same time."""
    with ThreadPoolExecutor(max(1, threads)) as pool:
        waiting = []
        for image in images:
            waiting.append(pool.submit(_bin_ccd, image, camera, binning))
            if len(waiting) > max(1, threads) - 1:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _bin_ccd(image: CcdImage, camera: Camera, binning: Binning) -> _Binned:
    """Bin a CCD, subtract the background of each part, and rotate it to the orientation of the picture."""
    cell_shape = camera.by_number[image.number].picture_box.shape
    shape = cell_shape[::-1] if camera.transposed else cell_shape
    skies = [measure_sky(image.pixels[part]) for part in image.parts]
    noises = [noise for _, noise in skies if noise > 0]
    pixels = image.pixels if len(skies) == 1 else _subtract_sky(image.pixels, image.parts, skies)
    cell = bin_pixels(pixels, shape, binning=binning)
    cell -= estimate_background(cell, image.parts, camera.ccd_shape)
    return _Binned(image.number, camera.to_picture_axes(cell), float(np.median(noises)) if noises else 0.0)


def _subtract_sky(
    pixels: NDArray[np.float32], parts: tuple[Region, ...], skies: list[tuple[float, float]]
) -> NDArray[np.float32]:
    """Return the pixels minus the sky of their part, so that bins across two parts have no step."""
    subtracted = pixels.copy()
    for part, (level, _) in zip(parts, skies, strict=True):
        subtracted[part] -= np.float32(level)
    return subtracted
