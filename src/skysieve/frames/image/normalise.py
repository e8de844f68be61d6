"""Frames in units of the sky's noise above the sky: what the networks see."""

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
"""What cards of models call this normalisation."""

PUBLISHED_WINDOW = Window(-500.0, 80000.0)
"""MaxiMask clips pixel values to this range (in ADU, whatever the unit)."""

SAMPLED_ROWS = 64
CLIPPED_PERCENT = 10
"""A window that cuts this part of the pixels off at one end cuts into the sky."""

CACHED_ROWS = 32
"""Rows normalised at a time, so that all they need stays in the processor's cache."""


@dataclass(frozen=True)
class NormalisedFrame:
    """A frame together with its sky: itself a frame, in units of the noise, normalised strip by strip.

    Attributes
    ----------
    frame
        The frame, ``(H, W)``; but for the published rules its usable part.
    background
        Its sky.
    window
        Range that pixel values were clipped to.
    """

    frame: Frame
    background: Background
    window: Window

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.frame.shape

    @property
    def label(self) -> str:
        """Name of the frame in messages."""
        return self.frame.label

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return some rows in units of the noise, and where they have no data.

        Returns
        -------
        pixels
            ``(stop - start, W)`` float32, (pixel - level) / sigma; 0 where there is no data, so that a
            missing pixel looks like empty sky to its neighbours.
        nodata
            ``(stop - start, W)`` bool.
        """
        values, nodata = self.frame.rows(start, stop)
        pixels = np.empty_like(values)
        keep_missing = self.background.sigma_floor == 0  # the published rules know no missing pixels
        for top in range(0, stop - start, CACHED_ROWS):
            part = slice(top, min(top + CACHED_ROWS, stop - start))
            level, sigma = self.background.rows(start + part.start, start + part.stop)
            out = np.clip(values[part], self.window.low, self.window.high, out=pixels[part])
            out -= level
            # a sigma of 0 can only come from the published rules, whose outcome is then not a number
            with np.errstate(divide="ignore", invalid="ignore"):
                out /= sigma
            if not keep_missing:
                out[nodata[part]] = 0.0
        return pixels, nodata


def normalise(frame: Frame, *, rules: Rules = "corrected", threads: int = 2) -> NormalisedFrame:
    """Measure a frame's sky, and return the frame as the networks see it.

    Large areas of one value have no data then, and neither they nor what saw no light by the header count as
    sky: see :mod:`skysieve.frames.image.usable`.  The published rules take every pixel as it is.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit, or the usable part of one.
    rules
        ``corrected`` or ``published``, see :data:`skysieve.frames.image.settings.Rules`.
    threads
        Threads for the measurement.

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
    """Return the published window, moved by the sky's level where it would cut into the sky itself.

    Normalised pixels do not depend on an offset, so that moving the window gives a very bright (or very
    negative) sky what the published one gives a sky near zero.
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
    low, middle, high = np.percentile(values, [CLIPPED_PERCENT, 50, 100 - CLIPPED_PERCENT])
    if low > PUBLISHED_WINDOW.low and high < PUBLISHED_WINDOW.high:
        return PUBLISHED_WINDOW
    return Window(float(middle) + PUBLISHED_WINDOW.low, float(middle) + PUBLISHED_WINDOW.high)
