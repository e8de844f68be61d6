"""Overscan and prescan: pixels that the electronics read beyond the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Borders", "Overscan"]


@dataclass(frozen=True, kw_only=True)
class Borders:
    """Widths of overscan and prescan on each side of the frame, in pixels."""

    bottom: int = 0
    top: int = 0
    left: int = 0
    right: int = 0

    @property
    def widths(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Widths for :func:`numpy.pad`, which adds the borders to the active area."""
        return (self.bottom, self.top), (self.left, self.right)

    def inside(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of the active area.

        Parameters
        ----------
        shape
            ``(H, W)`` of the whole frame.

        Returns
        -------
        tuple
            Height and width without the borders.
        """
        return shape[0] - self.bottom - self.top, shape[1] - self.left - self.right

    def __bool__(self) -> bool:
        """Whether there are any borders."""
        return any((self.bottom, self.top, self.left, self.right))


@dataclass(frozen=True, kw_only=True)
class Overscan:
    """Ranges of overscan and prescan (OV).

    The mask holds the pixels of the frame that are no pixels of the detector.

    Attributes
    ----------
    probability
        Probability that a frame has any.
    width
        Minimum and maximum width in pixels, log-uniform.
    sides
        Probabilities of the right, left, top and bottom side, if there are any.
    """

    probability: float = 0.35
    width: tuple[int, int] = (4, 100)
    sides: tuple[float, float, float, float] = (0.7, 0.4, 0.3, 0.2)

    def draw(self, shape: tuple[int, int], rng: Generator) -> Borders:
        """Draw borders on at least one side, each at most an eighth of the frame.

        Parameters
        ----------
        shape
            ``(H, W)`` of the whole frame.
        rng
            Random generator.

        Returns
        -------
        Borders
            Widths on each side.
        """
        chosen = rng.uniform(size=4) < self.sides
        if not chosen.any():
            chosen[rng.integers(4)] = True
        low, high = self.width
        widths = np.exp(rng.uniform(np.log(low), np.log(high + 0.999), 4)).astype(int)
        height, width = shape
        right, left, top, bottom = (
            int(min(w, side // 8)) if there else 0
            for w, side, there in zip(widths, (width, width, height, height), chosen, strict=True)
        )
        return Borders(right=right, left=left, top=top, bottom=bottom)
