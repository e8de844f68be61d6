"""Pixels that the electronics read where there is no detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Borders", "Overscan"]


@dataclass(frozen=True, kw_only=True)
class Borders:
    """Columns and rows without light, on each side of the frame, in pixels."""

    bottom: int = 0
    top: int = 0
    left: int = 0
    right: int = 0

    @property
    def widths(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What :func:`numpy.pad` takes to add them to the lit pixels."""
        return (self.bottom, self.top), (self.left, self.right)

    def inside(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the shape of the lit part of a frame of this shape."""
        return shape[0] - self.bottom - self.top, shape[1] - self.left - self.right

    def __bool__(self) -> bool:
        """Whether there are any."""
        return any((self.bottom, self.top, self.left, self.right))


@dataclass(frozen=True, kw_only=True)
class Overscan:
    """Overscan and prescan (OV).

    A pixel belongs when the electronics made it without a pixel of the detector behind it.

    Attributes
    ----------
    probability
        Chance that a frame has any.
    width
        Narrowest and widest, in pixels; all orders of magnitude are as likely.
    sides
        Chances of the right, left, top and bottom, when there are any.
    """

    probability: float = 0.35
    width: tuple[int, int] = (4, 100)
    sides: tuple[float, float, float, float] = (0.7, 0.4, 0.3, 0.2)

    def draw(self, shape: tuple[int, int], rng: Generator) -> Borders:
        """Return the borders of a frame ``(H, W)``: one or more, each at most an eighth of the frame."""
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
