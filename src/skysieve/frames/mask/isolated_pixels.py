"""Isolated bright pixels: mostly hot pixels, and the fraction that can be cosmic rays.

A network predicts each class independently.  An isolated hot pixel looks like a cosmic ray that hit one
pixel, and gets high probabilities of both classes.  But the charge of a cosmic ray spreads: for each ray in a
single pixel there are others whose second pixel has a fraction of the signal of the first.  The number of
these limits how many of the isolated pixels can be cosmic rays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.frames.mask.bounds import Bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["IsolatedPixels", "find_isolated_pixels"]

BRIGHT = 10.0
"""Minimum value of an isolated pixel above the sky, in units of the noise."""

MAX_NEIGHBOUR = 0.08
"""Maximum value of the neighbours of an isolated pixel, as a fraction of its own."""

SPREAD = (0.15, 0.4)
"""Range of the brightest neighbour of a cosmic ray that spreads, as a fraction of its brightest pixel; stars
have brighter neighbours."""

SINGLE_PER_SPREAD = 0.8
"""Maximum ratio of single-pixel rays to rays that spread: 0.8 in real frames, 0.4 in simulated ones."""

MIN_FRACTION = 0.05
"""Minimum of :attr:`IsolatedPixels.ray_fraction`."""

STRIP = 256


@dataclass(frozen=True)
class IsolatedPixels:
    """Isolated bright pixels of a frame.

    Attributes
    ----------
    pixels
        ``(H, W)`` bool, True in isolated bright pixels.
    ray_fraction
        Maximum fraction of them that can be cosmic rays.  This is the maximum probability of CR in them, at
        the class proportions of the training set.
    """

    pixels: NDArray[np.bool_]
    ray_fraction: float

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """Bounds on probabilities: at most :attr:`ray_fraction` for CR."""
        return (Bounds(self.pixels, upper={"CR": self.ray_fraction}),)


def find_isolated_pixels(frame: Frame) -> IsolatedPixels | None:
    """Find isolated bright pixels.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` normalised pixels.

    Returns
    -------
    IsolatedPixels or None
        None if all of them can be cosmic rays, or if there are none.
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
        neighbours = ndimage.maximum_filter(values, footprint=others, mode="constant")
        inner = slice(start - first, stop - first)
        values, neighbours = values[inner], neighbours[inner]
        bright = values > BRIGHT
        found[start:stop] = bright & (neighbours < MAX_NEIGHBOUR * values)
        spread += int((bright & (neighbours > SPREAD[0] * values) & (neighbours < SPREAD[1] * values)).sum())
    count = int(found.sum())
    fraction = max(MIN_FRACTION, SINGLE_PER_SPREAD * (spread + 1) / count) if count else 1.0
    return IsolatedPixels(found, fraction) if fraction < 1 else None
