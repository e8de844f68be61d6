"""Pixels along a line, so that drawing a narrow feature costs no more than the pixels that it covers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import fftconvolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["STEP", "Band", "Profile"]

STEP = 1 / 16
"""Step of a tabulated profile, in pixels."""


@dataclass(frozen=True)
class Profile:
    """A symmetric profile across a line, tabulated for fast lookup.

    Attributes
    ----------
    values
        ``(N,)`` float32 at distances 0, 1/16, 2/16, … px from the line; 0 beyond the last.
    """

    values: NDArray[np.float32]

    @classmethod
    def tabulate(
        cls,
        line: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        *,
        reach: float,
        blur: NDArray[np.float64] | None = None,
    ) -> Profile:
        """Tabulate the profile of a line, or the sum of parallel lines.

        Parameters
        ----------
        line
            Profile at offsets in pixels, such as :meth:`Psf.line`.
        reach
            Distance of the last value from the line, in pixels.
        blur
            Symmetric weights ``(2 N + 1,)`` float64 of parallel lines 1/16 px apart, of sum 1; None for one
            line.

        Returns
        -------
        Profile
            The table.
        """
        if blur is None:
            return cls(line(np.arange(0, reach + STEP, STEP, dtype=np.float32)).astype(np.float32))
        half = line(np.arange(0, reach + (1 + blur.size // 2) * STEP, STEP, dtype=np.float32))
        whole = np.concatenate([half[:0:-1], half])
        mixed = fftconvolve(whole, blur, mode="same")[half.size - 1 :]
        return cls(mixed[: mixed.size - blur.size // 2].astype(np.float32))

    @property
    def peak(self) -> float:
        """Maximum: on the line, unless the profile is hollow."""
        return float(self.values.max())

    def reach(self, floor: float) -> float:
        """Return the distance beyond which the profile stays below a floor.

        Parameters
        ----------
        floor
            A value of the profile.

        Returns
        -------
        float
            Distance in pixels.
        """
        return float(self.reaches(np.array([floor]))[0])

    def reaches(self, floors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the distances beyond which the profile stays below floors.

        Parameters
        ----------
        floors
            Values of the profile, any shape.

        Returns
        -------
        numpy.ndarray
            Distances float64 in pixels, of the same shape.
        """
        return np.searchsorted(-self.envelope, -floors).astype(np.float64) * STEP

    @cached_property
    def envelope(self) -> NDArray[np.float32]:
        """Maximum ``(N,)`` float32 at each distance or beyond: decreasing even if the profile is not."""
        return np.maximum.accumulate(self.values[::-1])[::-1]

    def at(self, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the profile at some offsets.

        Parameters
        ----------
        offset
            Offsets from the line in pixels, any shape and sign.

        Returns
        -------
        numpy.ndarray
            Values float32 of the same shape.
        """
        index = (np.abs(offset) * np.float32(1 / STEP) + np.float32(0.5)).astype(np.int32)
        found: NDArray[np.float32] = self.values[np.minimum(index, self.values.size - 1)]
        return found


@dataclass(frozen=True)
class Band:
    """The pixels of a frame within some distance of a straight or slightly curved line.

    Attributes
    ----------
    rows, columns
        ``(N,)`` integers; each pixel occurs once.
    along, across
        ``(N,)`` float32, distances in pixels along the line from its origin, and from the line.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    along: NDArray[np.float32]
    across: NDArray[np.float32]

    @classmethod
    def around(
        cls,
        shape: tuple[int, int],
        *,
        y: float,
        x: float,
        angle: float,
        extent: tuple[float, float],
        half_width: float,
        curvature: float = 0.0,
        taper: Callable[[NDArray[np.floating]], NDArray[np.float64]] | None = None,
    ) -> Band:
        """Find the pixels around a line.

        Parameters
        ----------
        shape
            ``(H, W)`` of the frame.
        y, x
            Origin of the line, in pixels.
        angle
            Direction of the line: along ``(dy, dx) = (sin, cos)``, in radians.
        extent
            Start and end of the line, as distances from its origin in pixels.
        half_width
            Distance to either side, and beyond the ends, in pixels.
        curvature
            Small curvature in 1/px: the line deviates from its direction by ``curvature * along**2 / 2``.
        taper
            Function that gives a smaller distance to either side from the distance along the line.

        Returns
        -------
        Band
            The pixels.
        """
        sine, cosine = math.sin(angle), math.cos(angle)
        # At each step along the major axis, take the pixels on either side of the line
        steep = abs(sine) > abs(cosine)
        origin, drift, size, side = (y, x, *shape) if steep else (x, y, *shape[::-1])
        rise, run = (sine, cosine) if steep else (cosine, sine)
        ends = sorted((origin + extent[0] * rise, origin + extent[1] * rise))
        first = max(0, math.floor(ends[0] - half_width))
        last = min(size, math.ceil(ends[1] + half_width) + 1)
        steps = np.arange(first, max(first, last))
        along = (steps - origin) / rise
        normal = -rise if steep else rise  # component of the curvature along the minor axis
        centre = drift + run * along + normal * curvature / 2 * along**2
        reach = min(math.ceil(half_width / abs(rise)) + 1, side)
        inside = (centre > -reach) & (centre < side + reach)
        steps, along, centre = steps[inside], along[inside], np.rint(centre[inside]).astype(np.intp)
        if taper is not None or 2 * reach < side:
            offset = np.arange(-reach, reach + 1)
            crossing = centre[:, None] + offset
            kept = (crossing >= 0) & (crossing < side)
            if taper is not None:
                kept &= np.abs(offset) <= taper(along)[:, None] / abs(rise) + 1
            minor = crossing[kept]
            major = np.broadcast_to(steps[:, None], crossing.shape)[kept]
        else:
            minor, major = np.tile(np.arange(side), steps.size), np.repeat(steps, side)
        rows, columns = (major, minor) if steep else (minor, major)
        dy, dx = (rows - y).astype(np.float32), (columns - x).astype(np.float32)
        distance = dx * np.float32(cosine) + dy * np.float32(sine)
        across = dy * np.float32(cosine) - dx * np.float32(sine)
        if curvature:
            across -= np.float32(curvature / 2) * distance**2
        return cls(rows, columns, distance, across)
