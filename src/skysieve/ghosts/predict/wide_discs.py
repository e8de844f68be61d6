"""Find the widest reflections by their rims: discs whose radii are known from the optics of the camera.

Reflections between detector and filter are discs that cover half of the focal plane.  Background subtraction
of each CCD removes all but their rim, which is a few pixels wide and hardly brighter than the noise of a
pixel.  The network misses some of these discs, or predicts wrong masks.  Because the radii are known, all
circles of these radii are tested: the mean just inside of the rim is compared with the mean just outside.
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
"""Width in pixels of the rings inside and outside of a rim that are compared."""

CENTRE_STEP = 2.0
RADIUS_STEP = 3.0
"""Steps in pixels between tested centres, and between tested radii."""

SECTORS = 30
"""Number of sectors of a circle, compared one by one.  A star or a streak then affects only one sector."""

ANGLES = 8
"""Number of radial lines per sector along which pixels are sampled."""

CLIP = 2.5
"""Pixels are clipped at plus and minus this value, in units of noise."""

MAX_SECTOR_CONTRAST = 0.6
"""The contrast of a sector is clipped at plus and minus this value, in units of noise."""

MIN_SECTORS = 12
MIN_VALID_FRACTION = 0.35
"""Minimum number of valid sectors, and minimum fraction of a sector's pixels with data on each side of the
rim."""

MIN_COVERAGE = 0.4
"""Minimum fraction of a circle with data, in the first search."""

MIN_PEAK = 0.15
"""Minimum strength of a circle in the first search; stronger circles are refined."""

MAX_CANDIDATES = 3
"""Maximum number of circles that are refined, and of those refined near expected ones."""

NEAR_CENTRE, NEAR_RADIUS = 8.0, 5.0
"""Distance in pixels from an expected centre, and from its radius, within which a circle is searched."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True)
class WideDisc:
    """A circle in a picture.

    Attributes
    ----------
    row, column
        Centre in pixels.
    radius
        Radius in pixels.
    strength
        Contrast across its rim in units of the noise of a pixel: mean difference, inside minus outside, over
        the sectors, times the square root of the fraction of the circle with data.
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
        Rows and columns of the pictures; even numbers.
    radii
        Minimum and maximum radius in pixels.
    """

    def __init__(self, shape: tuple[int, int], radii: tuple[float, float]) -> None:
        self.shape = shape
        self.radii = np.arange(radii[0], radii[1] + RADIUS_STEP / 2, RADIUS_STEP)

    @cached_property
    def _size(self) -> int:
        """Side of the padded field for the FFT, so that circles do not wrap around."""
        return int(
            fft.next_fast_len(
                math.ceil(max(self.shape) / CENTRE_STEP + self.radii[-1] / CENTRE_STEP) + WIDTH, real=True
            )
        )

    @cached_property
    def _kernels(self) -> list[tuple[NDArray[np.complex64], NDArray[np.complex64], float]]:
        """For each radius, the FFT of the rings inside and outside, and the area of a ring in pixels."""
        cells = np.minimum(np.arange(self._size), self._size - np.arange(self._size))
        away = (CENTRE_STEP * np.hypot(cells[:, None], cells[None])).astype(np.float32)

        def ring(low: float, high: float) -> NDArray[np.complex64]:
            inside = np.clip((away - low) / CENTRE_STEP + 0.5, 0, 1) * np.clip(
                (high - away) / CENTRE_STEP + 0.5, 0, 1
            )
            transform: NDArray[np.complex64] = fft.rfft2(inside)
            return transform

        return [(ring(r - WIDTH, r), ring(r, r + WIDTH), 2 * math.pi * r * WIDTH) for r in self.radii]

    def find(
        self,
        pixels: NDArray[np.float32],
        nodata: NDArray[np.bool_],
        expected: Sequence[WideDisc] = (),
    ) -> list[WideDisc]:
        """Find circles with a rim.

        Parameters
        ----------
        pixels
            Picture ``(H, W)`` float32, in units of noise above the sky.
        nodata
            Pixels ``(H, W)`` bool without data.
        expected
            Circles near which to search as well, however strong others are.

        Returns
        -------
        list of WideDisc
            Circles, sorted by decreasing strength.
        """
        valid = (~nodata).astype(np.float32)
        clipped: NDArray[np.float32] = np.clip(pixels, -CLIP, CLIP) * valid
        strengths = self._search(clipped, valid)
        starts = list(self._peaks(strengths))
        starts += [disc for disc in self._peaks_near(strengths, expected) if not _is_near(disc, starts)]
        padded = np.pad(clipped, 1), np.pad(valid, 1)
        found = [self._refine(*padded, circle) for circle in starts]
        return sorted(found, key=lambda disc: -disc.strength)

    def _search(self, clipped: Floats, valid: Floats) -> Floats:
        """Return the strength of circles centred on every second pixel ``(radii, H / 2, W / 2)``."""
        height, width = (side // 2 for side in self.shape)
        size = (self._size, self._size)
        light, cover = (fft.rfft2(a.reshape(height, 2, width, 2).sum((1, 3)), size) for a in (clipped, valid))
        strengths = np.empty((len(self.radii), height, width), np.float32)
        for number, (inner, outer, pixels) in enumerate(self._kernels):
            of_inner, of_outer, on_inner, on_outer = (
                fft.irfft2(field * ring, size)[:height, :width]
                for field in (light, cover)
                for ring in (inner, outer)
            )
            coverage = np.minimum(on_inner, on_outer) / pixels
            contrast = of_inner / np.maximum(on_inner, 1) - of_outer / np.maximum(on_outer, 1)
            strengths[number] = np.where(
                coverage > MIN_COVERAGE, contrast * np.sqrt(np.maximum(coverage, 0)), -1
            )
        return strengths

    def _peaks(self, strengths: Floats) -> Iterator[WideDisc]:
        """Yield the strongest circles, each at some distance from stronger ones."""
        best, which = strengths.max(0), strengths.argmax(0)
        for _ in range(MAX_CANDIDATES):
            row, column = np.unravel_index(int(best.argmax()), best.shape)
            if best[row, column] < MIN_PEAK:
                return
            radius = float(self.radii[which[row, column]])
            yield WideDisc(2.0 * row + 0.5, 2.0 * column + 0.5, radius, float(best[row, column]))
            best[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7] = -1

    def _peaks_near(self, strengths: Floats, expected: Sequence[WideDisc]) -> list[WideDisc]:
        """Return the strongest circle near each expected one; of all expected ones, the strongest few."""
        found: dict[tuple[int, ...], WideDisc] = {}
        rows, columns = (CENTRE_STEP * np.arange(side) + 0.5 for side in strengths.shape[1:])
        for disc in expected:
            axes = [
                np.flatnonzero(np.abs(values - middle) <= reach)
                for values, middle, reach in (
                    (self.radii, disc.radius, NEAR_RADIUS),
                    (rows, disc.row, NEAR_CENTRE),
                    (columns, disc.column, NEAR_CENTRE),
                )
            ]
            if all(axis.size for axis in axes):
                part = strengths[np.ix_(*axes)]
                at = np.unravel_index(int(part.argmax()), part.shape)
                r, y, x = (int(axis[index]) for axis, index in zip(axes, at, strict=True))
                found[r, y, x] = WideDisc(
                    float(rows[y]), float(columns[x]), float(self.radii[r]), float(part[at])
                )
        return sorted(found.values(), key=lambda disc: -disc.strength)[:MAX_CANDIDATES]

    def _refine(self, clipped: Floats, valid: Floats, start: WideDisc) -> WideDisc:
        """Return the strongest circle near `start`, measured by sectors; arrays have a border of zeros."""
        best = WideDisc(start.row, start.column, start.radius, -1.0)
        best = self._strongest(clipped, valid, [best]) or best
        for step in (2.0, 1.0):
            shifts = (-2 * step, -step, 0.0, step, 2 * step)
            candidates = [
                WideDisc(best.row + down, best.column + right, best.radius + wider, 0.0)
                for down in shifts
                for right in shifts
                for wider in (-2.0, -1.0, 0.0, 1.0, 2.0)
            ]
            best = self._strongest(clipped, valid, candidates) or best
        return best

    def _strongest(self, clipped: Floats, valid: Floats, candidates: Sequence[WideDisc]) -> WideDisc | None:
        """Return the strongest candidate; None if none has enough valid sectors; see :meth:`_refine`."""
        angles = np.linspace(0, 2 * np.pi, SECTORS * ANGLES, endpoint=False)
        rows, columns, radii = (
            np.array([getattr(disc, name) for disc in candidates])[:, None, None]
            for name in ("row", "column", "radius")
        )
        along = radii + np.arange(-WIDTH + 0.5, WIDTH)[:, None]
        height, width = self.shape
        # the border of zeros stands for all that is outside
        y = np.clip(np.rint(rows + along * np.sin(angles)).astype(np.int32), -1, height)
        x = np.clip(np.rint(columns + along * np.cos(angles)).astype(np.int32), -1, width)
        indices = (y + 1) * np.int32(width + 2) + (x + 1)
        weights = valid.ravel()[indices]
        light = clipped.ravel()[indices]
        sums, counts = (
            values.reshape(len(candidates), 2, WIDTH, SECTORS, ANGLES).sum((2, 4))
            for values in (light, weights)
        )
        enough = counts.min(1) >= MIN_VALID_FRACTION * WIDTH * ANGLES
        means = sums / np.maximum(counts, 1)
        contrast = np.where(
            enough, np.clip(means[:, 0] - means[:, 1], -MAX_SECTOR_CONTRAST, MAX_SECTOR_CONTRAST), 0
        )
        number = enough.sum(1)
        strengths = np.where(
            number >= MIN_SECTORS, contrast.sum(1) / np.maximum(number, 1) * np.sqrt(number / SECTORS), -1
        )
        first = int(strengths.argmax())
        if strengths[first] < 0:
            return None
        disc = candidates[first]
        return WideDisc(disc.row, disc.column, disc.radius, float(strengths[first]))


def _is_near(disc: WideDisc, others: Sequence[WideDisc]) -> bool:
    """Tell whether the refinement of another circle reaches this one as well."""
    return any(
        max(abs(disc.row - one.row), abs(disc.column - one.column), abs(disc.radius - one.radius))
        <= CENTRE_STEP
        for one in others
    )


def draw_disc(disc: WideDisc, shape: tuple[int, int], *, margin: float = 0.0) -> NDArray[np.bool_]:
    """Draw the mask of a disc.

    Parameters
    ----------
    disc
        The disc.
    shape
        Rows and columns of the picture.
    margin
        Pixels by which the radius is increased.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True inside.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    mask: NDArray[np.bool_] = np.hypot(rows - disc.row, columns - disc.column) <= disc.radius + margin
    return mask
