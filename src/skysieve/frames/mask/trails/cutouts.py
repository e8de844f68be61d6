"""Frames in units of their noise, and straightened cut-outs along trails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.frames.image.normalise import normalise
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.mask.classes import NODATA, find_class
from skysieve.frames.mask.known_values import mean_of, median_of

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.image.background import Background
    from skysieve.frames.mask.streaks.tracing import Course

__all__ = ["CHUNK", "Cutout", "SkyLight"]

CHUNK = 32
"""Length in pixels of a chunk along a trail; medians over chunks are free of most stars."""

_ROWS = 256


@dataclass(frozen=True)
class SkyLight:
    """The light of a frame above its sky, in units of the noise.

    Attributes
    ----------
    light
        ``(H, W)`` float32 in units of the noise of the sky; NaN where there is no data.
    background
        Level and noise of the sky in the unit of the frame.
    """

    light: NDArray[np.float32]
    background: Background

    @classmethod
    def of_frame(cls, frame: Frame, bits: NDArray[np.int16], *, threads: int = 2) -> Self:
        """Measure the sky of a frame, and read the frame.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` pixels in any unit.
        bits
            ``(H, W)`` int16, its mask; pixels of overscan and those without data are left out.
        threads
            Number of threads that measure the sky.

        Returns
        -------
        SkyLight
            The light of the frame.

        Raises
        ------
        FrameError
            If the frame has no valid pixels or no noise.
        """
        normalised = normalise(UsableFrame(frame), threads=threads)
        left_out = np.int16(NODATA.code | find_class("OV").code)
        light = np.empty(frame.shape, np.float32)
        for start in range(0, frame.shape[0], _ROWS):
            stop = min(start + _ROWS, frame.shape[0])
            pixels, nodata = normalised.rows(start, stop)
            pixels[nodata | ((bits[start:stop] & left_out) != 0)] = np.nan
            light[start:stop] = pixels
        return cls(light, normalised.background)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        height, width = self.light.shape
        return height, width

    def noise_at(self, row: float, column: float) -> float:
        """Return the noise of the sky at a position.

        Parameters
        ----------
        row, column
            Position in pixels.

        Returns
        -------
        float
            Standard deviation of a pixel in the unit of the frame.
        """
        height, width = self.shape
        y, x = min(max(round(row), 0), height - 1), min(max(round(column), 0), width - 1)
        _, sigma = self.background.rows(y, y + 1)
        return float(sigma[0, x])


@dataclass(frozen=True)
class Cutout:
    """The light along a course, straightened.

    Attributes
    ----------
    along
        ``(T,)`` positions along the course in pixels, 1 px apart.
    across
        ``(V,)`` positions across the course in pixels, 1 px apart, symmetric about 0.
    light
        ``(T, V)`` float32 in units of the noise; NaN without data.
    """

    along: NDArray[np.float64]
    across: NDArray[np.float64]
    light: NDArray[np.float32]

    @classmethod
    def along_course(cls, sky: SkyLight, course: Course, extent: tuple[float, float], half: int) -> Self:
        """Cut out the light along a course.

        Parameters
        ----------
        sky
            The light of the frame.
        course
            The course.
        extent
            First and last position along it, in pixels.
        half
            Distance from the course to both edges of the cut-out, in pixels.

        Returns
        -------
        Cutout
            The cut-out; values are interpolated between pixels.
        """
        count = max(1, math.floor(extent[1] - extent[0]) + 1)
        along = extent[0] + np.arange(count, dtype=np.float64)
        across = np.arange(-half, half + 1, dtype=np.float64)
        rows, columns = course.at(along[:, None], across[None])
        light = ndimage.map_coordinates(
            sky.light, [rows, columns], order=1, mode="constant", cval=np.nan, prefilter=False
        )
        return cls(along, across, light)

    @property
    def centre(self) -> int:
        """Index of the course in :attr:`across`."""
        return self.across.size // 2

    def chunks(self, length: int = CHUNK) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return medians over chunks along the course.

        Parameters
        ----------
        length
            Length of a chunk in pixels.

        Returns
        -------
        centres
            ``(K,)`` positions of the centres of the chunks, in pixels.
        medians
            ``(K, V)`` medians in units of the noise; NaN where fewer than half of the pixels have data.
        """
        count = max(1, self.along.size // length)
        used = min(count * length, self.along.size)
        start = (self.along.size - used) // 2
        parts = self.light[start : start + used].reshape(count, used // count, self.across.size)
        centres = self.along[start : start + used].reshape(count, -1).mean(axis=1)
        return centres, median_of(parts, axis=1, min_known=0.5)

    def above_sides(self, half_width: float) -> NDArray[np.float32]:
        """Return the mean light within a distance of the course, above the light on both sides.

        Positions where the sides differ much, as beside a star, count as unknown.

        Parameters
        ----------
        half_width
            The distance in pixels.

        Returns
        -------
        ndarray
            ``(T,)`` float32 in units of the noise; NaN where unknown.
        """
        inner = np.abs(self.across) <= max(1.0, half_width)
        gap = 2.0 * half_width + 3
        side = max(8.0, 2 * half_width)
        left = (self.across < -gap) & (self.across >= -gap - side)
        right = (self.across > gap) & (self.across <= gap + side)
        mean = mean_of(self.light[:, inner], axis=1)
        sides = np.stack([median_of(self.light[:, part], axis=1) for part in (left, right)])
        level = mean_of(sides, axis=0)
        unlike = np.abs(sides[0] - sides[1]) > 6 * 1.25 / math.sqrt(side)
        found: NDArray[np.float32] = np.where(np.nan_to_num(unlike), np.nan, mean - level).astype(np.float32)
        return found
