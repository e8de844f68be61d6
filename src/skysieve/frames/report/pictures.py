"""Pictures of the frames and their thumbnails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor

from skysieve.core.report.panels import Layer, overlay_layers, shrink_bits, shrink_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.report.preview import PreviewPlane

__all__ = ["averaged", "grey_picture", "thumbnail"]

THUMBNAIL = 160
"""Longest side of a thumbnail, in pixels."""

_EMPTY = (24, 28, 34)


def averaged(frame: Frame, size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a frame averaged over blocks of pixels, read in strips.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    size
        Largest side of the result.

    Returns
    -------
    pixels : ndarray of float32, shape (h, w)
        Means of the pixels with data, in the unit of the frame.
    nodata : ndarray of bool, shape (h, w)
        True where less than half of a block has data.
    """
    height, width = frame.shape
    step = max(1, -(-max(height, width) // size))
    columns = np.arange(0, width, step)
    rows = max(1, 512 // step) * step
    means, missing = [], []
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        pixels, nodata = frame.rows(start, stop)
        usable = ~nodata & np.isfinite(pixels)
        if step == 1:
            means.append(np.where(usable, pixels, np.float32(0)))
            missing.append(~usable)
            continue
        lines = np.arange(0, stop - start, step)
        total, count, whole = (
            np.add.reduceat(np.add.reduceat(values, lines, axis=0), columns, axis=1)
            for values in (
                np.where(usable, pixels, 0).astype(np.float64),
                usable.astype(np.int64),
                np.ones(usable.shape, np.int64),
            )
        )
        means.append((total / np.maximum(count, 1)).astype(np.float32))
        missing.append(2 * count < whole)
    return np.concatenate(means), np.concatenate(missing)


def grey_picture(
    frame: Frame | None, size: int, *, no_sky: NDArray[np.bool_], shape: tuple[int, int]
) -> Image.Image:
    """Return a frame as a grey picture, its first row at the bottom.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit; None for an empty picture.
    size
        Largest side of the picture.
    no_sky
        ``(H, W)``, True for pixels that are not used for the grey levels.
    shape
        Height and width of the frame.

    Returns
    -------
    Image
        The picture.
    """
    if frame is None:
        step = max(1, -(-max(shape) // size))
        return Image.new("RGB", (-(-shape[1] // step), -(-shape[0] // step)), _EMPTY)
    pixels, nodata = averaged(frame, size)
    height, width = pixels.shape
    share = shrink_bits(no_sky.astype(np.uint8), (width, height)) != 0
    grey = shrink_frame(pixels, nodata, (width, height), no_sky=share)
    return Image.fromarray(np.ascontiguousarray(grey.rgb[::-1]))


def thumbnail(picture: Image.Image, bits: NDArray[np.integer], planes: Sequence[PreviewPlane]) -> Image.Image:
    """Return a small picture of a frame with its mask in colour.

    Parameters
    ----------
    picture
        Picture of the frame.
    bits
        ``(H, W)`` mask.
    planes
        Planes to show; the first is on top.

    Returns
    -------
    Image
        The thumbnail.
    """
    scale = min(1.0, THUMBNAIL / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    size = (min(size[0], bits.shape[1]), min(size[1], bits.shape[0]))
    small = np.asarray(picture.resize(size, Image.Resampling.BOX).convert("RGB"))[::-1]
    shrunk = shrink_bits(bits, size)
    layers = []
    for plane in planes:
        part = float(np.count_nonzero(bits & plane.value)) / bits.size
        red, green, blue = ImageColor.getrgb(plane.colour)[:3]
        layers.append(Layer(plane.value, (red, green, blue), part))
    drawn = overlay_layers(np.ascontiguousarray(small), shrunk, layers)
    return Image.fromarray(np.ascontiguousarray(drawn[::-1]))
