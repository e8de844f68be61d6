"""The wings of stars: what the atmosphere and the dust on mirrors throw far."""

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
    """Light beyond the drawn image: the tail of the core, and an aureole that falls as r^-2.6.

    Attributes
    ----------
    aureole
        Fraction of the light of the star in the aureole.
    scale
        Radius in pixels at which the aureole bends from flat to steep.
    tail
        Fraction of the flux that the core leaves in a pixel at ``radius``.
    slope
        The core falls as r^-slope there.
    radius
        Radius in pixels where the tail takes over.

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
        """Return the aureole's fraction of the flux in a pixel, given its squared distance."""
        strength = self.aureole * 0.3 / (math.pi * self.scale**2)
        profile: NDArray[np.float32] = (1 + np.asarray(squared, np.float32) / self.scale**2) ** -1.3
        return strength * profile

    def at(self, squared: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the fraction of the flux in a pixel far from the star, given its squared distance."""
        beyond = np.maximum(np.asarray(squared, np.float32) / self.radius**2, 1)
        tail: NDArray[np.float32] = self.tail * beyond ** (-self.slope / 2)
        return self.halo(squared) + tail
