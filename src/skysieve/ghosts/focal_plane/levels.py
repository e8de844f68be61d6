"""Levels of a picture of a focal plane: its own sky, noise and gaps, and the contrast that networks know.

Published pictures differ: the noise of their sky is 9 to 28 grey levels.  A network that learnt from one
contrast takes the noise of another for ghosts, or misses ghosts that are plain.  So each picture, whatever
its form, is scaled by its own sky and noise before a network sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Levels", "contrast", "measure_levels"]

SKY, NOISE, GAP = 53.0, 14.7, 23.0
"""Grey levels that networks know: medians of 160 simulated pictures, measured as here."""

ZERO, UNIT = 54.0, 13.0
"""Grey level that a network is given as zero, and how many are one."""

WINDOW = 5
"""Pixels along a side of the square whose mean tells that there is no data."""

NEAR = 4.0
"""Grey levels that such a mean differs from the gaps at most; JPEG leaves 1 to 3 beside CCDs."""

LEAST_NOISE = 0.8
"""Grey levels below which the sky has no noise: rounding alone scatters by 0.3."""

LEAST_LIT = 0.005
"""Part of the focal plane that must have data."""


@dataclass(frozen=True, eq=False)
class Levels:
    """Grey levels of a picture.

    Attributes
    ----------
    sky
        Median of the pixels with data.
    noise
        Of the sky: 1.4826 times the distance from the lower quartile to the median.  Stars and ghosts raise
        the upper half alone.
    gap
        Median of the pixels beside the CCDs.
    dark
        Pixels ``(H, W)`` without data: beside the CCDs, and on CCDs that are blank or in part.
    """

    sky: float
    noise: float
    gap: float
    dark: NDArray[np.bool_]


def measure_levels(
    picture: NDArray[np.uint8], plane: NDArray[np.bool_], *, label: str = "the picture"
) -> Levels:
    """Return the levels of a picture.

    Parameters
    ----------
    picture
        ``(H, W)`` uint8 grey levels.
    plane
        Pixels ``(H, W)`` that lie on CCDs.
    label
        What to call the picture in messages.

    Raises
    ------
    FrameError
        If it is black or constant, or has no sky.
    """
    on, beside = picture[plane], picture[~plane]
    if not on.size or on.min() == on.max():
        level = f"all pixels of its CCDs are {on[0]}" if on.size else "no pixel lies on a CCD"
        raise FrameError(f"{label}: {level}: there is no sky; give the picture of a whole focal plane")
    gap = float(np.median(beside)) if beside.size else GAP
    dark = ~plane | (uniform_filter(np.abs(picture.astype(np.float32) - np.float32(gap)), WINDOW) < NEAR)
    lit = picture[~dark]
    if lit.size < LEAST_LIT * on.size:
        raise FrameError(
            f"{label}: only {lit.size} of {on.size} pixels on CCDs differ from the gaps, whose level is "
            f"{gap:.0f}: there is no sky; give the picture of a whole focal plane"
        )
    lower, middle = _quantiles(lit, (0.25, 0.5))
    noise = 1.4826 * (middle - lower)
    if noise < LEAST_NOISE:
        raise FrameError(
            f"{label}: the sky scatters by {noise:.2f} grey levels, 9 to 28 are usual: it is constant, or "
            "cut off at black; scale it so that sky and noise can be seen"
        )
    return Levels(middle, noise, gap, dark)


def contrast(picture: NDArray[np.uint8], levels: Levels) -> NDArray[np.float32]:
    """Return a picture ``(H, W)`` as networks take it, float32: with the sky, noise and gaps that they know.

    Parameters
    ----------
    picture
        ``(H, W)`` uint8 grey levels.
    levels
        Its levels.
    """
    known = SKY + (picture.astype(np.float32) - np.float32(levels.sky)) * np.float32(NOISE / levels.noise)
    known[levels.dark] = GAP
    pixels: NDArray[np.float32] = (known - np.float32(ZERO)) / np.float32(UNIT)
    return pixels


def _quantiles(levels: NDArray[np.uint8], shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of grey levels, each spread evenly over the unit that was rounded to it."""
    below = np.concatenate([[0.0], np.cumsum(np.bincount(levels, minlength=256))]) / levels.size
    return [float(np.interp(share, below, np.arange(257) - 0.5)) for share in shares]
