"""Normalisation of frames: pixels above the sky in units of its noise, the input of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.image.background import Background, estimate_background
from skysieve.frames.image.mesh import Window
from skysieve.frames.image.usable import UsableFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.image.settings import Rules

__all__ = ["NAME", "PUBLISHED_WINDOW", "NormalisedFrame", "normalise"]

NAME = "mesh-200"
"""Name of this normalisation in the cards of models."""

PUBLISHED_WINDOW = Window(-500.0, 80000.0)
"""Range to which MaxiMask clips pixel values; it is in ADU, and is used in any unit."""

SAMPLED_ROWS = 64
CLIPPED_PERCENT = 10
"""If the window clips this percentage of the pixels at one end, it clips the sky itself."""

CACHED_ROWS = 32
"""Number of rows normalised at a time, so that the arrays stay in the processor's cache."""


@dataclass(frozen=True)
class NormalisedFrame:
    """A normalised frame, which implements :class:`~skysieve.core.fits.frames.Frame`.

    Rows are normalised when they are read.

    Attributes
    ----------
    frame
        Frame of ``(H, W)`` pixels; a :class:`~skysieve.frames.image.usable.UsableFrame` except with the
        published rules.
    background
        Level and noise of its sky.
    window
        Range to which pixel values are clipped.
    """

    frame: Frame
    background: Background
    window: Window

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return self.frame.shape

    @property
    def label(self) -> str:
        """What to call the frame in messages."""
        return self.frame.label

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return a range of rows in units of the noise, and where they have no data.

        Parameters
        ----------
        start, stop
            First row, and the row after the last.

        Returns
        -------
        pixels
            ``(stop - start, W)`` float32, (pixel - level) / sigma; 0, like empty sky, where there is no data.
        nodata
            ``(stop - start, W)`` bool, True where there is no data.
        """
        values, nodata = self.frame.rows(start, stop)
        pixels = np.empty_like(values)
        keep_missing = self.background.sigma_floor == 0  # the published rules have no pixels without data
        for top in range(0, stop - start, CACHED_ROWS):
            part = slice(top, min(top + CACHED_ROWS, stop - start))
            level, sigma = self.background.rows(start + part.start, start + part.stop)
            out = np.clip(values[part], self.window.low, self.window.high, out=pixels[part])
            out -= level
            # only the published rules can give a sigma of 0; the result is then NaN or infinite
            with np.errstate(divide="ignore", invalid="ignore"):
                out /= sigma
            if not keep_missing:
                out[nodata[part]] = 0.0
        return pixels, nodata


def normalise(frame: Frame, *, rules: Rules = "corrected", threads: int = 2) -> NormalisedFrame:
    """Measure the sky of a frame and normalise the frame.

    Large areas of one value have no data in the result.  They are excluded from the sky, as are areas outside
    of the active area in the header; see :mod:`skysieve.frames.image.usable`.  The published rules use every
    pixel.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    rules
        ``corrected`` or ``published``, see :data:`skysieve.frames.image.settings.Rules`.
    threads
        Number of threads that measure the sky.

    Returns
    -------
    NormalisedFrame
        The frame in units of the noise above the sky.

    Raises
    ------
    FrameError
        If the frame has no valid pixel or no noise.

    References
    ----------
    Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4; constants from MaxiMask 1.3.0.
    """
    if rules == "published":
        background = estimate_background(frame, PUBLISHED_WINDOW, rules=rules, threads=threads)
        return NormalisedFrame(frame, background, PUBLISHED_WINDOW)
    usable = frame if isinstance(frame, UsableFrame) else UsableFrame(frame)
    window = _window(usable.sky)
    return NormalisedFrame(usable, estimate_background(usable.sky, window, threads=threads), window)


def _window(frame: Frame) -> Window:
    """Return the published window, shifted by the level of the sky if it would clip the sky itself.

    Normalised pixels do not depend on an offset.  With the shift a very bright or very negative sky is
    clipped as the published window clips a sky near zero.
    """
    height = frame.shape[0]
    step = max(1, height // SAMPLED_ROWS)
    sample = []
    for row in range(step // 2, height, step):
        pixels, nodata = frame.rows(row, row + 1)
        sample.append(pixels[~nodata])
    values = np.concatenate(sample)
    if values.size == 0:
        return PUBLISHED_WINDOW
    low, median, high = np.percentile(values, [CLIPPED_PERCENT, 50, 100 - CLIPPED_PERCENT])
    if low > PUBLISHED_WINDOW.low and high < PUBLISHED_WINDOW.high:
        return PUBLISHED_WINDOW
    return Window(float(median) + PUBLISHED_WINDOW.low, float(median) + PUBLISHED_WINDOW.high)
