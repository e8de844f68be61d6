"""Wings of the PSF: light scattered to large angles by the atmosphere and by dust on mirrors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Wings"]


@dataclass(frozen=True, kw_only=True)
class Wings:
    """Light beyond the image of the PSF: the tail of the core, and an aureole that falls as r^-2.6.

    Attributes
    ----------
    aureole
        Fraction of the flux in the aureole.
    scale
        Core radius of the aureole, in pixels.
    tail
        Fraction of the flux that the core leaves in a pixel at ``radius``.
    slope
        Exponent of the tail, which falls as r^-slope.
    radius
        Radius at which the tail begins, in pixels.

    References
    ----------
    King 1971, PASP 83, 199, and Racine 1996, PASP 108, 699 (the aureole, close to r^-2).
    """

    aureole: float
    scale: float
    tail: float
    slope: float
    radius: float

    def halo(self, squared: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the profile of the aureole.

        Parameters
        ----------
        squared
            Squared distance from the star in pixels, any shape.

        Returns
        -------
        numpy.ndarray
            Fraction float32 of the flux in a pixel.
        """
        strength = self.aureole * 0.3 / (math.pi * self.scale**2)
        profile: NDArray[np.float32] = (1 + np.asarray(squared, np.float32) / self.scale**2) ** -1.3
        return strength * profile

    def at(self, squared: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the profile of aureole and tail.

        Parameters
        ----------
        squared
            Squared distance from the star in pixels, any shape; within :attr:`radius` the tail is constant.

        Returns
        -------
        numpy.ndarray
            Fraction float32 of the flux in a pixel.
        """
        beyond = np.maximum(np.asarray(squared, np.float32) / self.radius**2, 1)
        tail: NDArray[np.float32] = self.tail * beyond ** (-self.slope / 2)
        return self.halo(squared) + tail
