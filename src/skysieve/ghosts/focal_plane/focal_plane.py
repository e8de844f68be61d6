"""The picture of a focal plane: all CCDs of an exposure, binned, without background, on one grey scale.

The published pictures are the measure.  Of 25 of them: gaps are at 23 exactly; the sky of the CCDs at 54 (its
median; 36 to 67 in single pictures), with a scatter of 13 (1.48 times the median absolute deviation).  Stars
show as single bright pixels in 3 to 5 % of the picture.  That is what samples of about 8 x 8 CCD pixels give,
not means of all 70 x 70: there, stars of 18th magnitude alone would stand 16 times above the noise and not
three, as they do.  So one unit of :attr:`FocalPlane.values` is the noise of a mean of 8 x 8 pixels of sky,
and a ghost has the same contrast in ours as in the published pictures however the CCDs are binned.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.ghosts.focal_plane.binning import SAMPLE, background_of, bin_pixels, sky_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.sections import Region
    from skysieve.ghosts.focal_plane.binning import Binning
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.exposures import CcdImage

__all__ = ["GAP_LEVEL", "SKY_LEVEL", "SKY_SCATTER", "FocalPlane", "assemble", "eight_bits"]

GAP_LEVEL = 23
SKY_LEVEL = 54
SKY_SCATTER = 13
"""Grey levels of the published pictures: of gaps, of the sky, and of one unit of noise."""


@dataclass(frozen=True)
class FocalPlane:
    """A picture of a focal plane.

    Attributes
    ----------
    values
        ``(H, W)`` float32, background subtracted, in units of :attr:`noise`; NaN in gaps and where a CCD is
        missing or has no data.
    picture
        ``(H, W)`` uint8, see :func:`eight_bits`.
    noise
        The unit: the noise of a mean of 8 x 8 pixels of sky, in the unit of the frames; 1 if not known.
    ccds
        Numbers of the CCDs that have data.
    """

    values: NDArray[np.float32]
    picture: NDArray[np.uint8]
    noise: float
    ccds: tuple[int, ...]


class _Binned(NamedTuple):
    """One CCD as it lies in the picture, in the frame's unit, and the noise of its pixels."""

    number: int
    cell: NDArray[np.float32]
    noise: float


def assemble(
    images: Iterable[CcdImage], camera: Camera, *, binning: Binning = "medians", threads: int = 2
) -> FocalPlane:
    """Make the picture of a focal plane.

    Parameters
    ----------
    images
        CCDs, in any order; they may be read as they are asked for.  Those that are missing stay blank.
    camera
        The camera.
    binning
        See :data:`~skysieve.ghosts.focal_plane.binning.Binning`.
    threads
        CCDs that are binned at a time; as many are in memory, and one more.

    Raises
    ------
    FrameError
        If no CCD has any valid pixel, or none has noise.
    """
    values = np.full(camera.picture_shape, np.nan, np.float32)
    noises: dict[int, float] = {}
    for one in _binned(images, camera, binning, threads):
        if np.isnan(one.cell).all() or not one.noise > 0:
            continue
        box = camera.by_number[one.number].lit
        rows, columns = box.inside(camera.picture_shape)
        values[rows, columns] = one.cell[
            rows.start - box.y0 : rows.stop - box.y0, columns.start - box.x0 : columns.stop - box.x0
        ]
        noises[one.number] = one.noise
    if not noises:
        raise FrameError("no CCD has valid pixels with noise: the exposure is blank, or wholly masked")
    noise = float(np.median(list(noises.values()))) / SAMPLE
    values /= np.float32(noise)
    return FocalPlane(values, eight_bits(values), noise, tuple(sorted(noises)))


def eight_bits(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the grey levels of a picture, as the published ones have them.

    Parameters
    ----------
    values
        Any shape, in units of noise above the background; NaN where there is no data.

    Returns
    -------
    ndarray of uint8
        ``54 + 13 values``, rounded and cut to 0 to 255; 23 where there is no data.

    Examples
    --------
    >>> eight_bits(np.array([0.0, 1.0, -5.0, 40.0, np.nan], np.float32)).tolist()
    [54, 67, 0, 255, 23]
    """
    levels = np.rint(np.nan_to_num(values) * SKY_SCATTER + SKY_LEVEL)
    levels[np.isnan(values)] = GAP_LEVEL
    return np.clip(levels, 0, 255).astype(np.uint8)


def _binned(images: Iterable[CcdImage], camera: Camera, binning: Binning, threads: int) -> Iterator[_Binned]:
    """Bin CCDs, a few at a time."""
    with ThreadPoolExecutor(max(1, threads)) as pool:
        waiting = []
        for image in images:
            waiting.append(pool.submit(_bin_ccd, image, camera, binning))
            if len(waiting) > max(1, threads) - 1:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _bin_ccd(image: CcdImage, camera: Camera, binning: Binning) -> _Binned:
    """Subtract the background of a CCD, part by part, and bin it as it lies in the picture."""
    cell_shape = camera.by_number[image.number].lit.shape
    shape = cell_shape[::-1] if camera.transposed else cell_shape
    skies = [sky_of(image.pixels[part]) for part in image.parts]
    noises = [noise for _, noise in skies if noise > 0]
    pixels = image.pixels if len(skies) == 1 else _without_sky(image.pixels, image.parts, skies)
    cell = bin_pixels(pixels, shape, binning=binning)
    cell -= background_of(cell, image.parts, camera.ccd_shape)
    return _Binned(image.number, camera.turned(cell), float(np.median(noises)) if noises else 0.0)


def _without_sky(
    pixels: NDArray[np.float32], parts: tuple[Region, ...], skies: list[tuple[float, float]]
) -> NDArray[np.float32]:
    """Return the pixels with each part's own sky subtracted, so that bins across two parts are even."""
    rest = pixels.copy()
    for part, (level, _) in zip(parts, skies, strict=True):
        rest[part] -= np.float32(level)
    return rest
