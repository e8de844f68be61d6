"""The widest reflections, found by their rims: discs whose radii the optics of the camera say.

The light of detector and filter makes discs that cover half of the focal plane.  A background taken off CCD
by CCD leaves little of them but a rim, a few pixels wide and not much brighter than the noise of one pixel,
and a network that sees their middles misses or misdraws some.  Their radius is known, though: so all circles
of that radius are tried, and what lies just inside of each is compared with what lies just outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["RimFinder", "WideDisc", "draw_disc"]

WIDTH = 4
"""Pixels inside and outside of a rim that are compared."""

STEP = 2.0
WIDER = 3.0
"""Pixels between two middles that are tried, and between two radii."""

SECTORS = 30
"""Parts of a circle that are compared one by one: a star or a streak on it moves only its own."""

ANGLES = 8
"""Lines a sector along which pixels are taken."""

CUT = 2.5
"""Units of noise at which pixels are cut off."""

STRONGEST = 0.6
"""Units of noise beyond which a sector counts no more."""

LEAST_SECTORS = 12
LEAST_SEEN = 0.35
"""Part of a sector's pixels on each side of the rim that must have data."""

LEAST_COVER = 0.4
"""Part of a circle that must have data, in the search."""

LEAST_PEAK = 0.15
"""Strength in the search from which on a circle is looked at more closely."""

MOST = 3
"""Circles that are looked at more closely, the strongest."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class WideDisc:
    """A circle in a picture.

    Attributes
    ----------
    row, column
        Of its middle.
    radius
        In pixels.
    strength
        How much brighter than beyond its rim it is within, in units of the noise of a pixel: the mean over
        sectors, times the square root of the part of the circle that has data.
    """

    row: float
    column: float
    radius: float
    strength: float


class RimFinder:
    """Finds circles in pictures of one size.

    Parameters
    ----------
    shape
        Rows and columns of the pictures; even.
    radii
        Least and largest radius in pixels.
    """

    def __init__(self, shape: tuple[int, int], radii: tuple[float, float]) -> None:
        self.shape = shape
        self.radii = np.arange(radii[0], radii[1] + WIDER / 2, WIDER)

    @cached_property
    def _size(self) -> int:
        """Cells along a side of the field in which circles are moved about without meeting their ends."""
        return int(
            fft.next_fast_len(math.ceil(max(self.shape) / STEP + self.radii[-1] / STEP) + WIDTH, real=True)
        )

    @cached_property
    def _kernels(self) -> list[tuple[NDArray[np.complex64], NDArray[np.complex64], float]]:
        """Transforms of the rings inside and outside of each radius, and the pixels of a ring."""
        cells = np.minimum(np.arange(self._size), self._size - np.arange(self._size))
        away = (STEP * np.hypot(cells[:, None], cells[None])).astype(np.float32)

        def ring(low: float, high: float) -> NDArray[np.complex64]:
            inside = np.clip((away - low) / STEP + 0.5, 0, 1) * np.clip((high - away) / STEP + 0.5, 0, 1)
            transform: NDArray[np.complex64] = fft.rfft2(inside)
            return transform

        return [(ring(r - WIDTH, r), ring(r, r + WIDTH), 2 * math.pi * r * WIDTH) for r in self.radii]

    def find(self, pixels: NDArray[np.float32], dark: NDArray[np.bool_]) -> list[WideDisc]:
        """Return circles with a rim, the strongest first.

        Parameters
        ----------
        pixels
            ``(H, W)`` float32, in units of noise above the sky.
        dark
            Pixels ``(H, W)`` without data.
        """
        seen = (~dark).astype(np.float32)
        cut: NDArray[np.float32] = np.clip(pixels, -CUT, CUT) * seen
        found = [self._refined(cut, seen, circle) for circle in self._peaks(self._search(cut, seen))]
        return sorted(found, key=lambda disc: -disc.strength)

    def _search(self, cut: Floats, seen: Floats) -> Floats:
        """Return the strength of circles around every second pixel ``(radii, H / 2, W / 2)``."""
        height, width = (side // 2 for side in self.shape)
        size = (self._size, self._size)
        light, cover = (fft.rfft2(a.reshape(height, 2, width, 2).sum((1, 3)), size) for a in (cut, seen))
        strengths = np.empty((len(self.radii), height, width), np.float32)
        for number, (inner, outer, pixels) in enumerate(self._kernels):
            of_inner, of_outer, on_inner, on_outer = (
                fft.irfft2(field * ring, size)[:height, :width]
                for field in (light, cover)
                for ring in (inner, outer)
            )
            part = np.minimum(on_inner, on_outer) / pixels
            apart = of_inner / np.maximum(on_inner, 1) - of_outer / np.maximum(on_outer, 1)
            strengths[number] = np.where(part > LEAST_COVER, apart * np.sqrt(np.maximum(part, 0)), -1)
        return strengths

    def _peaks(self, strengths: Floats) -> Iterator[WideDisc]:
        """Yield the strongest circles, each well away from stronger ones."""
        best, which = strengths.max(0), strengths.argmax(0)
        for _ in range(MOST):
            row, column = np.unravel_index(int(best.argmax()), best.shape)
            if best[row, column] < LEAST_PEAK:
                return
            radius = float(self.radii[which[row, column]])
            yield WideDisc(2.0 * row + 0.5, 2.0 * column + 0.5, radius, float(best[row, column]))
            best[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7] = -1

    def _refined(self, cut: Floats, seen: Floats, start: WideDisc) -> WideDisc:
        """Return the circle near another that is strongest, sector by sector."""
        best = WideDisc(start.row, start.column, start.radius, -1.0)
        best = self._strongest(cut, seen, [best]) or best
        for step in (2.0, 1.0):
            near = (-2 * step, -step, 0.0, step, 2 * step)
            tried = [
                WideDisc(best.row + down, best.column + right, best.radius + wider, 0.0)
                for down in near
                for right in near
                for wider in (-2.0, -1.0, 0.0, 1.0, 2.0)
            ]
            best = self._strongest(cut, seen, tried) or best
        return best

    def _strongest(self, cut: Floats, seen: Floats, tried: Sequence[WideDisc]) -> WideDisc | None:
        """Return the strongest of some circles, if any has enough sectors."""
        angles = np.linspace(0, 2 * np.pi, SECTORS * ANGLES, endpoint=False)
        rows, columns, radii = (
            np.array([getattr(disc, name) for disc in tried])[:, None, None]
            for name in ("row", "column", "radius")
        )
        along = radii + np.arange(-WIDTH + 0.5, WIDTH)[:, None]
        y = np.rint(rows + along * np.sin(angles)).astype(np.intp)
        x = np.rint(columns + along * np.cos(angles)).astype(np.intp)
        height, width = self.shape
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        places = np.where(inside, y * width + x, 0)
        there = inside * seen.ravel()[places]
        light = there * cut.ravel()[places]
        sums, counts = (
            values.reshape(len(tried), 2, WIDTH, SECTORS, ANGLES).sum((2, 4)) for values in (light, there)
        )
        good = counts.min(1) >= LEAST_SEEN * WIDTH * ANGLES
        means = sums / np.maximum(counts, 1)
        apart = np.where(good, np.clip(means[:, 0] - means[:, 1], -STRONGEST, STRONGEST), 0)
        number = good.sum(1)
        strengths = np.where(
            number >= LEAST_SECTORS, apart.sum(1) / np.maximum(number, 1) * np.sqrt(number / SECTORS), -1
        )
        first = int(strengths.argmax())
        if strengths[first] < 0:
            return None
        disc = tried[first]
        return WideDisc(disc.row, disc.column, disc.radius, float(strengths[first]))


def draw_disc(disc: WideDisc, shape: tuple[int, int], *, margin: float = 0.0) -> NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` of a disc, and of so many pixels around it."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    mask: NDArray[np.bool_] = np.hypot(rows - disc.row, columns - disc.column) <= disc.radius + margin
    return mask
