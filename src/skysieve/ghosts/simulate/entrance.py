"""What stands in front of DECam's lenses: edge of the mirror, cage with its filter changer, spider.

It does not turn with the star, as vignetting in the lenses does, but its shadow moves on the pupil as the
star moves in the field.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PUPIL_RADIUS", "STOP_HEIGHT", "VANE_WIDTH", "entrance_shadow"]

PUPIL_RADIUS = 1.971
"""Of the mask above the mirror, in metres."""

STOP_HEIGHT = 0.534
"""Of that mask above the vertex of the mirror, in metres; places on the pupil are places on its plane."""

VANE_WIDTH = 0.019
"""Of a vane of the spider, in metres."""

_SPIDER_HEIGHT = 9.7459
_DISCS = ((12.0228, 0.8254), (9.0446, 0.7896), (7.4622, 0.8181))
"""Height and radius of the discs that no other one hides, in metres."""

_CHANGER_HEIGHT = 10.3079
_CHANGER = (0.459, 1.0119)
"""Half width, and half length, of the filter changer, which sticks out on two sides, in metres."""


def entrance_shadow(
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    *,
    tilt: tuple[float, float],
    pixel: float,
    vane_width: float = VANE_WIDTH,
) -> NDArray[np.float32]:
    """Return the fraction of the light that passes at places on the pupil.

    Parameters
    ----------
    u, v
        Places ``(H, W)`` float32, in metres from the axis.
    tilt
        Tangents of the star's field angle along `u` and `v`.
    pixel
        Width in metres over which edges are smoothed: one pixel of the picture.
    vane_width
        Of the spider, in metres.

    References
    ----------
    The numbers are those of batoid's prescription ``DECam.yaml``.
    """
    light = _inside(np.hypot(u, v), PUPIL_RADIUS, pixel)
    for height, radius in _DISCS:
        y, x = (lean * (height - STOP_HEIGHT) for lean in (tilt[1], tilt[0]))
        light *= 1 - _inside(np.hypot(u - np.float32(x), v - np.float32(y)), radius, pixel)
    x, y = (lean * (_CHANGER_HEIGHT - STOP_HEIGHT) for lean in tilt)
    width, length = _CHANGER
    changer = _inside(np.abs(u - np.float32(x)), width, pixel)
    changer *= _inside(np.hypot(u - np.float32(x), v - np.float32(y)), length, pixel)
    light *= 1 - changer
    x, y = (lean * (_SPIDER_HEIGHT - STOP_HEIGHT) for lean in tilt)
    depth = np.float32(min(1.0, vane_width / pixel))
    along, across = (
        (u - np.float32(x)) * np.float32(math.sqrt(0.5)),
        (v - np.float32(y)) * np.float32(math.sqrt(0.5)),
    )
    for distance in (np.abs(along - across), np.abs(along + across)):
        light *= 1 - depth * _inside(distance, vane_width / 2, max(pixel, vane_width))
    return light


def _inside(distance: NDArray[np.float32], limit: float, pixel: float) -> NDArray[np.float32]:
    """Return 1 below a limit, 0 above it, and what lies between within a pixel."""
    share: NDArray[np.float32] = np.clip(
        np.float32(0.5 + limit / pixel) - distance * np.float32(1 / pixel), 0, 1
    )
    return share
