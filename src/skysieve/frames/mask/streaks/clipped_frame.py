"""A frame for the detection of streaks: pixels clipped at a few sigma, in one byte per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from skysieve.core.fits.frames import Frame

__all__ = ["BIN", "ClippedFrame", "Mark"]

BIN = 4
"""Side in pixels of the blocks whose means are searched for ridges."""

CLIP_SIGMA = 6.0
"""Pixels are clipped at this many sigma before they are averaged, so that stars do not form ridges."""

_UNITS = 8.0
"""The unit of the bytes is an eighth of the noise."""
_LOWEST, _HIGHEST = -100, 127
_ROWS = 256

_VALUE_OF_BYTE = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float32) / np.float32(_UNITS)
"""Value of each byte in units of the noise; NaN for marks."""
_VALUE_OF_BYTE[np.arange(256, dtype=np.uint8).view(np.int8) < _LOWEST] = np.nan


class Mark(IntEnum):
    """Values of pixels without data, and of pixels of a streak."""

    MISSING = -128
    TRAIL = -127
    SPIKE = -126


@dataclass(frozen=True)
class ClippedFrame:
    """A frame clipped at a few sigma, in which detected streaks are marked.

    Attributes
    ----------
    values
        ``(H, W)`` int8, eighths of the noise above the sky, -12.5 to 15.9 sigma, or a :class:`Mark`.
    peaks
        ``(H / 4, W / 4)`` float32, maximum of each block in units of the noise.
    """

    values: NDArray[np.int8]
    peaks: NDArray[np.float32]

    @classmethod
    def of_frame(cls, frame: Frame) -> Self:
        """Read a frame, strip by strip.

        Parameters
        ----------
        frame
            Frame of ``(H, W)`` normalised pixels.

        Returns
        -------
        ClippedFrame
            The clipped frame, without marks of streaks.
        """
        height, width = frame.shape
        values = np.empty((height, width), np.int8)
        peaks = np.zeros((-(-height // BIN), -(-width // BIN)), np.float32)
        for start in range(0, height, _ROWS):
            stop = min(start + _ROWS, height)
            pixels, nodata = frame.rows(start, stop)
            scaled = np.clip(np.nan_to_num(pixels * np.float32(_UNITS)), _LOWEST, _HIGHEST)
            values[start:stop] = np.rint(scaled)
            values[start:stop][nodata] = Mark.MISSING
            peaks[start // BIN : -(-stop // BIN)] = _blocks(np.where(nodata, 0, pixels), np.max)
        return cls(values, peaks)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        height, width = self.values.shape
        return height, width

    def binned(self) -> NDArray[np.float32]:
        """Average blocks of pixels.

        Returns
        -------
        ndarray
            ``(H / 4, W / 4)`` float32 in units of the noise; marked pixels count as 0.
        """
        height, width = self.shape
        means = np.empty((-(-height // BIN), -(-width // BIN)), np.float32)
        for start in range(0, height, _ROWS):
            part = self.values[start : start + _ROWS]
            light = np.where(part < _LOWEST, np.int8(0), np.minimum(part, np.int8(CLIP_SIGMA * _UNITS)))
            means[start // BIN : -(-(start + part.shape[0]) // BIN)] = _blocks(
                light.astype(np.float32), np.mean
            )
        return means / np.float32(_UNITS)

    def sample(self, rows: ArrayLike, columns: ArrayLike) -> NDArray[np.float32]:
        """Return the values of the nearest pixels.

        Parameters
        ----------
        rows, columns
            Positions in pixels, arrays of one shape.

        Returns
        -------
        ndarray
            float32 of the same shape in units of the noise; NaN outside of the frame and in marked pixels.
        """
        y, x, inside = self._nearest(rows, columns)
        width = self.values.shape[1]
        found = self.values.reshape(-1).view(np.uint8).take(y * width + x, mode="clip")
        light: NDArray[np.float32] = _VALUE_OF_BYTE[found]
        light[~inside] = np.nan
        return light

    def mark(self, rows: ArrayLike, columns: ArrayLike, mark: Mark) -> None:
        """Mark the nearest pixels that have data and no mark yet.

        Parameters
        ----------
        rows, columns
            Positions in pixels, arrays of one shape; positions outside of the frame are ignored.
        mark
            The mark.
        """
        y, x, inside = self._nearest(rows, columns)
        y, x = y[inside], x[inside]
        free = self.values[y, x] >= _LOWEST
        self.values[y[free], x[free]] = mark

    def _nearest(
        self, rows: ArrayLike, columns: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return row and column of the nearest pixels, and which of them lie in the frame."""
        y = np.rint(np.asarray(rows, np.float32)).astype(np.int64)
        x = np.rint(np.asarray(columns, np.float32)).astype(np.int64)
        height, width = self.shape
        return y, x, (y >= 0) & (y < height) & (x >= 0) & (x < width)


def _blocks(pixels: NDArray[np.float32], combine: Callable[..., NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return mean or maximum of blocks; incomplete ones are padded with their last pixels."""
    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % BIN), (0, -width % BIN)), mode="edge")
    cells = padded.reshape(padded.shape[0] // BIN, BIN, padded.shape[1] // BIN, BIN)
    return combine(cells, axis=(1, 3))
