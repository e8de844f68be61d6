"""Bright pixels that stand alone: mostly hot ones, and how many of them may be cosmic rays.

A network says of each class by itself whether a pixel has it.  A hot pixel looks like the track of a particle
that hit one pixel, so that it gets high probabilities of both.  But the charge of a particle spreads: for
each ray that lights one pixel alone there are others that light a second one by a part as much.  So the
number of these tells how many of the lone pixels can be rays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.contaminants.bounds import Bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.imaging.frames import Frame

__all__ = ["LonePixels", "find_lone_pixels"]

BRIGHT = 10.0
"""Least height of a lone pixel above the sky, in units of the noise."""

BESIDE = 0.08
"""Largest value next to a lone pixel, as a part of its own."""

SPREAD = (0.15, 0.4)
"""Largest value next to the brightest pixel of a ray that is no star's: stars spread more."""

LONE_RAYS = 0.8
"""Most rays of one pixel for each that spreads so: up to 0.8 in real frames, up to 0.4 in simulated ones."""

LEAST = 0.05
"""Least probability that is left to a cosmic ray in lone pixels."""

STRIP = 256


@dataclass(frozen=True)
class LonePixels:
    """Bright pixels of a frame next to which there is nothing.

    Attributes
    ----------
    pixels
        ``(H, W)`` bool.
    rays
        Most of them that are cosmic rays, as a part of all: the largest probability of CR in them, at the
        proportions of the network's training set.
    """

    pixels: NDArray[np.bool_]
    rays: float

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """What follows for probabilities: at most :attr:`rays` for CR."""
        return (Bounds(self.pixels, upper={"CR": self.rays}),)


def find_lone_pixels(frame: Frame) -> LonePixels | None:
    """Return the bright pixels of a frame that stand alone; None if all of them may be cosmic rays.

    Parameters
    ----------
    frame
        ``(H, W)`` pixels in units of the noise above the sky.
    """
    height, width = frame.shape
    others = np.ones((3, 3), np.bool_)
    others[1, 1] = False
    found = np.zeros((height, width), np.bool_)
    spread = 0
    for start in range(0, height, STRIP):
        stop = min(start + STRIP, height)
        first, last = max(start - 1, 0), min(stop + 1, height)
        values, _ = frame.rows(first, last)
        beside = ndimage.maximum_filter(values, footprint=others, mode="constant")
        inner = slice(start - first, stop - first)
        values, beside = values[inner], beside[inner]
        bright = values > BRIGHT
        found[start:stop] = bright & (beside < BESIDE * values)
        spread += int((bright & (beside > SPREAD[0] * values) & (beside < SPREAD[1] * values)).sum())
    lone = int(found.sum())
    rays = max(LEAST, LONE_RAYS * (spread + 1) / lone) if lone else 1.0
    return LonePixels(found, rays) if rays < 1 else None
