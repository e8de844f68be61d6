"""The usable pixels of a frame, and which of them can be sky.

:mod:`skysieve.core.fits.constant_areas` and the sections in the header exclude three kinds of pixels:

- Empty pixels have no data.  They are large areas of one value, and borders of one value that lie outside of
  the active area in the header.
- Large saturated areas have no data either, but their class is known.
- Some pixels have data but are not sky: overscan and other pixels outside of the active area, and areas of
  one value far above the sky, such as the cores of saturated stars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.fits.constant_areas import find_constant_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.core.fits.sections import Sections

__all__ = ["SkyFrame", "UsableFrame"]

SAMPLED_ROWS = 64


class UsableFrame:
    """A frame in which empty and saturated areas have no data.

    It implements :class:`~skysieve.core.fits.frames.Frame`.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit, with or without the attribute `sections` of its header.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.sections: Sections | None = getattr(frame, "sections", None)
        self.areas = find_constant_areas(frame, sections=self.sections)
        self._empty_lines = None if self.sections is None else _empty_lines(frame, self.sections)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return self.frame.shape

    @property
    def label(self) -> str:
        """What to call the frame in messages."""
        return self.frame.label

    @property
    def is_unchanged(self) -> bool:
        """Whether no pixel is excluded."""
        return self.areas is None and self.sections is None

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """See :meth:`skysieve.core.fits.frames.Frame.rows`."""
        pixels, nodata = self.frame.rows(start, stop)
        if self.is_unchanged:
            return pixels, nodata
        if self.areas is not None:
            nodata |= self.areas.rows("empty", start, stop)
            nodata |= self.areas.rows("saturated", start, stop)
        if self.sections is not None and self._empty_lines is not None:
            rows, columns = self._empty_lines
            nodata |= (rows[start:stop, None] | columns) & ~self.sections.in_overscan(start, stop)
        pixels[nodata] = 0
        return pixels, nodata

    def saturated(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which pixels lie in large saturated areas; :meth:`rows` gives them no data.

        Parameters
        ----------
        start, stop
            First row, and the row after the last.

        Returns
        -------
        ndarray
            ``(stop - start, W)`` bool.
        """
        if self.areas is None:
            return np.zeros((stop - start, self.shape[1]), np.bool_)
        return self.areas.rows("saturated", start, stop)

    def not_sky(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which pixels have data but are not sky.

        Parameters
        ----------
        start, stop
            First row, and the row after the last.

        Returns
        -------
        ndarray
            ``(stop - start, W)`` bool.
        """
        found = np.zeros((stop - start, self.shape[1]), np.bool_)
        if self.areas is not None:
            found |= self.areas.rows("bright", start, stop)
        if self.sections is not None:
            found |= self.sections.inactive(start, stop)
        return found

    @property
    def sky(self) -> Frame:
        """The same frame, in which only sky and sources have data; the sky is measured in it."""
        return self.frame if self.is_unchanged else SkyFrame(self)


class SkyFrame:
    """A frame in which :meth:`UsableFrame.not_sky` pixels have no data.

    It implements :class:`~skysieve.core.fits.frames.Frame`.

    Parameters
    ----------
    usable
        The frame.
    """

    def __init__(self, usable: UsableFrame) -> None:
        self._usable = usable

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return self._usable.shape

    @property
    def label(self) -> str:
        """What to call the frame in messages."""
        return self._usable.label

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """See :meth:`skysieve.core.fits.frames.Frame.rows`."""
        pixels, nodata = self._usable.rows(start, stop)
        nodata |= self._usable.not_sky(start, stop)
        pixels[nodata] = 0
        return pixels, nodata

    def saturated(self, start: int, stop: int) -> NDArray[np.bool_]:
        """See :meth:`UsableFrame.saturated`."""
        return self._usable.saturated(start, stop)


def _empty_lines(frame: Frame, sections: Sections) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return rows ``(H,)`` and columns ``(W,)`` of one value, outside of the active area and of the overscan.

    Columns are inspected in a sample of the rows.
    """
    height, width = frame.shape
    dark_rows, dark_columns = np.ones(height, np.bool_), np.ones(width, np.bool_)
    for rows, columns in (*sections.active, *sections.overscan):
        dark_rows[rows], dark_columns[columns] = False, False
    empty_rows = np.zeros(height, np.bool_)
    for row in np.flatnonzero(dark_rows).tolist():
        pixels, nodata = frame.rows(row, row + 1)
        line = pixels[0][~nodata[0]]
        empty_rows[row] = line.size > 0 and line.min() == line.max()
    low, high = np.full(width, np.inf, np.float32), np.full(width, -np.inf, np.float32)
    for row in range(0, height, max(1, height // SAMPLED_ROWS)) if dark_columns.any() else ():
        pixels, nodata = frame.rows(row, row + 1)
        valid = ~nodata[0]
        low[valid] = np.minimum(low[valid], pixels[0][valid])
        high[valid] = np.maximum(high[valid], pixels[0][valid])
    return empty_rows, dark_columns & (low == high)
