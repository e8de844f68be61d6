"""Measure the sky, noise and gap levels of a picture of a focal plane, and normalise it for networks.

The noise of the sky in published pictures is 9 to 28 grey levels.  A network trained with one contrast
detects noise as ghosts, or misses obvious ghosts, in pictures with another contrast.  So each picture is
normalised by its own sky and noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Levels", "measure_levels", "normalise_picture"]

SKY, NOISE, GAP = 53.0, 14.7, 23.0
"""Grey levels of normalised pictures: medians of 160 simulated pictures, measured by this module."""

ZERO_LEVEL, LEVELS_PER_UNIT = 54.0, 13.0
"""Grey level of zero in the network's input, and grey levels per unit of the input."""

WINDOW = 5
"""Side in pixels of the square whose mean decides whether there is data."""

MAX_GAP_DEVIATION = 4.0
"""Maximum mean deviation from the gap level, in grey levels, without data; JPEG leaves 1 to 3 beside CCDs."""

MIN_NOISE = 0.8
"""Minimum noise of the sky in grey levels; rounding alone has a scatter of 0.3."""

MIN_VALID_FRACTION = 0.005
"""Minimum fraction of the focal plane with data."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Grey levels of a picture.

    Attributes
    ----------
    sky
        Median of the pixels with data.
    noise
        Noise of the sky: 1.4826 times the distance from the lower quartile to the median.  Stars and ghosts
        affect only the upper half.
    gap
        Median of the pixels in gaps.
    nodata
        Pixels ``(H, W)`` bool without data: gaps, and blank CCDs or parts of CCDs.
    """

    sky: float
    noise: float
    gap: float
    nodata: NDArray[np.bool_]


def measure_levels(
    picture: NDArray[np.uint8], plane: NDArray[np.bool_], *, label: str = "the picture"
) -> Levels:
    """Measure the levels of a picture.

    Parameters
    ----------
    picture
        Grey levels ``(H, W)`` uint8.
    plane
        Pixels ``(H, W)`` bool on CCDs.
    label
        Name of the picture in messages.

    Returns
    -------
    Levels
        The levels.

    Raises
    ------
    FrameError
        If the picture is black or constant, or its sky has no noise.
    """
    on, beside = picture[plane], picture[~plane]
    if not on.size or on.min() == on.max():
        level = f"all pixels of its CCDs are {on[0]}" if on.size else "no pixel lies on a CCD"
        raise FrameError(f"{label}: {level}: there is no sky; give the picture of a whole focal plane")
    gap = float(np.median(beside)) if beside.size else GAP
    nodata = ~plane | (
        uniform_filter(np.abs(picture.astype(np.float32) - np.float32(gap)), WINDOW) < MAX_GAP_DEVIATION
    )
    valid = picture[~nodata]
    if valid.size < MIN_VALID_FRACTION * on.size:
        raise FrameError(
            f"{label}: only {valid.size} of {on.size} pixels on CCDs differ from the gaps, whose level is "
            f"{gap:.0f}: there is no sky; give the picture of a whole focal plane"
        )
    lower, median = _quantiles(valid, (0.25, 0.5))
    noise = 1.4826 * (median - lower)
    if noise < MIN_NOISE:
        raise FrameError(
            f"{label}: the sky scatters by {noise:.2f} grey levels, 9 to 28 are usual: it is constant, or "
            "cut off at black; scale it so that sky and noise can be seen"
        )
    return Levels(median, noise, gap, nodata)


def normalise_picture(picture: NDArray[np.uint8], levels: Levels) -> NDArray[np.float32]:
    """Normalise a picture to the sky, noise and gap levels that networks are trained with.

    Parameters
    ----------
    picture
        Grey levels ``(H, W)`` uint8.
    levels
        Levels of this picture.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Input of networks.
    """
    scaled = SKY + (picture.astype(np.float32) - np.float32(levels.sky)) * np.float32(NOISE / levels.noise)
    scaled[levels.nodata] = GAP
    pixels: NDArray[np.float32] = (scaled - np.float32(ZERO_LEVEL)) / np.float32(LEVELS_PER_UNIT)
    return pixels


def _quantiles(levels: NDArray[np.uint8], fractions: tuple[float, ...]) -> list[float]:
    """Return quantiles of integer grey levels, as if each were uniform within ±0.5."""
    below = np.concatenate([[0.0], np.cumsum(np.bincount(levels, minlength=256))]) / levels.size
    return [float(np.interp(fraction, below, np.arange(257) - 0.5)) for fraction in fractions]
