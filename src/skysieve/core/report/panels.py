"""Frames as grey pictures of a given size, and masks as colours over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from PIL import Image
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["GreyPanel", "Layer", "overlay_layers", "shrink_bits", "shrink_frame"]

# Pixels without data are not grey, so that they are not mistaken for faint or bright sky
_NODATA_COLOUR = (24, 38, 66)

# Linear part of the stretch, in units of the upper limit: a smaller value shows more in bright areas
_SOFTENING = 0.25
# The stretch extends beyond the upper limit of zscale, so that cores and wings of stars differ
_HEADROOM = 3.0

# Opacities of the rim and the interior of regions. The rim is almost opaque, so that thin features are well
# visible; the interior is transparent, so that the frame remains visible. Planes that cover a large fraction
# of the frame are more transparent (second values).
_RIM = (0.95, 0.45)
_INSIDE = (0.5, 0.25)
_SMALL, _LARGE = 0.02, 0.12

_ZSCALE_SAMPLE = 250_000


class GreyPanel(NamedTuple):
    """A frame as a picture.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (h, w, 3)
        The picture; its first row is the lowest, as in the frame.
    low, high
        Limits of zscale, in the unit of the frame.
    """

    rgb: NDArray[np.uint8]
    low: float
    high: float


class Layer(NamedTuple):
    """A mask plane to draw: its value, its colour, and the fraction of the frame that it covers."""

    value: int
    rgb: tuple[int, int, int]
    fraction: float


def shrink_frame(
    pixels: NDArray[np.float32],
    nodata: NDArray[np.bool_],
    size: tuple[int, int],
    *,
    no_sky: NDArray[np.bool_] | None = None,
) -> GreyPanel:
    """Convert a frame to grey levels at the same or a smaller size, by averaging pixels.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        The frame, in any unit.
    nodata : ndarray of bool, shape (H, W)
        True where there is no data.
    size
        Width and height of the picture.
    no_sky : ndarray of bool, shape (H, W)
        True for pixels that are shown but not used for the limits, unless there are no others.

    Returns
    -------
    GreyPanel
        The picture and its limits.

    References
    ----------
    The limits are those of IRAF's zscale (Valdes), as in ``astropy.visualization.ZScaleInterval``; the
    stretch is the asinh of Lupton et al. 2004, PASP 116, 133.
    """
    usable = ~(nodata | ~np.isfinite(pixels))
    values = np.where(usable, pixels, np.float32(0))
    if size != pixels.shape[::-1]:
        # Means over the pixels with data; both sums have the same weights
        weights = _resize(usable.astype(np.float32), size)
        values = _resize(values, size) / np.maximum(weights, np.float32(1e-6))
        usable = weights > 0.5
    counted = usable
    if no_sky is not None and no_sky.any():
        share = no_sky if size == pixels.shape[::-1] else _resize(no_sky.astype(np.float32), size) > 0
        counted = usable & ~share if (usable & ~share).any() else usable
    low, high = _zscale(values[counted])
    scaled = np.clip((values.astype(np.float64) - low) / (high - low), 0, _HEADROOM)
    levels = 255 * np.arcsinh(scaled / _SOFTENING) / np.arcsinh(_HEADROOM / _SOFTENING)
    rgb = np.repeat(levels.astype(np.uint8)[:, :, None], 3, axis=2)
    rgb[~usable] = _NODATA_COLOUR
    return GreyPanel(rgb, low, high)


def shrink_bits(bits: NDArray[np.integer], size: tuple[int, int]) -> NDArray[np.integer]:
    """Reduce a mask to the same or a smaller size; each pixel has the bits of all pixels that it covers.

    So a cosmic ray or a column of one pixel's width remains visible at any size.

    Parameters
    ----------
    bits : ndarray of int, shape (H, W)
        The mask.
    size
        Width and height of the result.

    Returns
    -------
    ndarray of int, shape (h, w)
        The reduced mask.
    """
    width, height = size
    rows = np.arange(height) * bits.shape[0] // height
    columns = np.arange(width) * bits.shape[1] // width
    shrunk = np.bitwise_or.reduceat(np.bitwise_or.reduceat(bits, rows, axis=0), columns, axis=1)
    return cast("NDArray[np.integer]", shrunk)


def overlay_layers(
    grey: NDArray[np.uint8], bits: NDArray[np.integer], layers: Sequence[Layer]
) -> NDArray[np.uint8]:
    """Draw the planes of a mask over a picture; the first plane is on top.

    Parameters
    ----------
    grey : ndarray of uint8, shape (h, w, 3)
        The picture.
    bits : ndarray of int, shape (h, w)
        The mask.
    layers
        Planes to draw.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
        A new picture.
    """
    picture = grey.copy()
    free = np.ones(bits.shape, dtype=bool)
    for layer in layers:
        region = (bits & layer.value) != 0
        drawn = region & free
        free &= ~region
        inside = ndimage.binary_erosion(region, np.ones((3, 3)), border_value=1)
        opacity = np.where(
            inside[drawn],
            np.interp(layer.fraction, (_SMALL, _LARGE), _INSIDE),
            np.interp(layer.fraction, (_SMALL, _LARGE), _RIM),
        )[:, None]
        picture[drawn] = (picture[drawn] * (1 - opacity) + opacity * np.array(layer.rgb)).astype(np.uint8)
    return picture


def _zscale(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the limits of zscale, or the extremes if zscale fails; the two always differ."""
    from astropy.visualization import ZScaleInterval

    sample = values[:: max(1, values.size // _ZSCALE_SAMPLE)].astype(np.float64)
    if sample.size == 0:
        return 0.0, 1.0
    low, high = (float(limit) for limit in ZScaleInterval().get_limits(sample))
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    return (low, high) if high > low else (low, low + max(1.0, 1e-6 * abs(low)))


def _resize(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    # A plain mean has blocks of unequal size at most scales, which show as a noise pattern; hence Hamming
    resized = Image.fromarray(image).resize(size, Image.Resampling.HAMMING)
    return np.asarray(resized, dtype=np.float32)
