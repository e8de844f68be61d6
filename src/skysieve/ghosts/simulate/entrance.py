"""Obscuration in front of the lenses: the mirror's edge, the cage with the filter changer, the spider.

Unlike vignetting in the lenses, it does not rotate with the direction of the star.  Its shadow shifts on the
pupil as the star moves in the field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DECAM_ENTRANCE", "PUPIL_RADIUS", "STOP_HEIGHT", "VANE_WIDTH", "Entrance", "entrance_shadow"]

PUPIL_RADIUS = 1.971
"""Radius of the mask above the mirror, in metres."""

STOP_HEIGHT = 0.534
"""Height of that mask above the vertex of the mirror, in metres.  Pupil coordinates lie in its plane."""

VANE_WIDTH = 0.019
"""Width of a spider vane, in metres."""

_SPIDER_HEIGHT = 9.7459
_DISCS = ((12.0228, 0.8254), (9.0446, 0.7896), (7.4622, 0.8181))
"""Height and radius of the discs that no other disc hides, in metres."""

_CHANGER = (10.3079, 0.459, 1.0119)
"""Height, half width and half length of the filter changer, which extends beyond the cage on two sides."""


@dataclass(frozen=True)
class Entrance:
    """Pupil and obscuration of a telescope; lengths are in metres.

    Attributes
    ----------
    pupil_radius
        Radius of the pupil.
    stop_height
        Height of its plane above the vertex of the mirror.
    discs
        Height and radius of each round obscuration.
    changer
        Height, half width and half length of a bar in front of the pupil; None if there is none.
    spider_height, vane_width
        Height of the spider, whose vanes lie at 45 degrees, and width of its vanes; 0 for no spider.
    """

    pupil_radius: float
    stop_height: float
    discs: tuple[tuple[float, float], ...] = ()
    changer: tuple[float, float, float] | None = None
    spider_height: float = 0.0
    vane_width: float = 0.0


DECAM_ENTRANCE = Entrance(PUPIL_RADIUS, STOP_HEIGHT, _DISCS, _CHANGER, _SPIDER_HEIGHT, VANE_WIDTH)
"""Dimensions of batoid's prescription ``DECam.yaml``."""


def entrance_shadow(
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    *,
    tilt: tuple[float, float],
    pixel: float,
    vane_width: float | None = None,
    entrance: Entrance = DECAM_ENTRANCE,
) -> NDArray[np.float32]:
    """Return the fraction of the light that passes the obscuration, at points of the pupil.

    Parameters
    ----------
    u, v
        Pupil coordinates ``(H, W)`` float32, in metres from the axis.
    tilt
        Tangents of the star's field angle along `u` and `v`.
    pixel
        Width over which edges are smoothed, in metres: one pixel of the picture.
    vane_width
        Width of the spider vanes, in metres; that of the entrance if None.
    entrance
        Pupil and obscuration.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Fraction from 0 to 1.
    """
    light = _inside(np.hypot(u, v), entrance.pupil_radius, pixel)
    stop = entrance.stop_height
    for height, radius in entrance.discs:
        y, x = (tangent * (height - stop) for tangent in (tilt[1], tilt[0]))
        light *= 1 - _inside(np.hypot(u - np.float32(x), v - np.float32(y)), radius, pixel)
    if entrance.changer is not None:
        height, width, length = entrance.changer
        x, y = (tangent * (height - stop) for tangent in tilt)
        changer = _inside(np.abs(u - np.float32(x)), width, pixel)
        changer *= _inside(np.hypot(u - np.float32(x), v - np.float32(y)), length, pixel)
        light *= 1 - changer
    vane_width = entrance.vane_width if vane_width is None else vane_width
    if not vane_width:
        return light
    x, y = (tangent * (entrance.spider_height - stop) for tangent in tilt)
    depth = np.float32(min(1.0, vane_width / pixel))
    along, across = (
        (u - np.float32(x)) * np.float32(math.sqrt(0.5)),
        (v - np.float32(y)) * np.float32(math.sqrt(0.5)),
    )
    for distance in (np.abs(along - across), np.abs(along + across)):
        light *= 1 - depth * _inside(distance, vane_width / 2, max(pixel, vane_width))
    return light


def _inside(distance: NDArray[np.float32], limit: float, pixel: float) -> NDArray[np.float32]:
    """Return 1 below a limit and 0 above it, with a linear transition of one pixel."""
    share: NDArray[np.float32] = np.clip(
        np.float32(0.5 + limit / pixel) - distance * np.float32(1 / pixel), 0, 1
    )
    return share
