"""Normalised training frames, with a cache on disk, because simulating takes longer than learning."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from skysieve._version import __version__
from skysieve.core.errors import FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.train.frame_cache import FrameCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray


__all__ = ["FrameSource", "NormalisedFrame", "NormalisedFrames", "first_frames", "normalise_frame"]

GAP_PROBABILITY = 0.06
"""Probability that a frame gets a rectangle without data, like a gap or a masked amplifier."""


class FrameSource(Protocol):
    """Source of training frames."""

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return a frame and its truth.

        Parameters
        ----------
        number
            Number of the frame; the same number gives the same frame.

        Returns
        -------
        pixels
            ``(H, W)`` float32, in any unit.
        bits
            ``(H, W)`` int16, codes of the classes, and of NODATA.
        """
        ...


class NormalisedFrame(NamedTuple):
    """A frame and its truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, in units of the noise; zero where there is no data.
    bits
        ``(H, W)`` int16, codes of the classes, and of NODATA.
    """

    pixels: NDArray[np.float32]
    bits: NDArray[np.int16]


class NormalisedFrames:
    """Frames of a source, each normalised and given a gap at random.

    The cache stores asinh of the pixels as float16, which has steps below 1 % of any pixel and of the noise.

    Parameters
    ----------
    source
        Source of the frames.
    folder
        Folder of the cache; None caches nothing.
    description
        Text that identifies the frames; each text has a cache of its own.
    """

    def __init__(self, source: FrameSource, folder: Path | None = None, *, description: str = "") -> None:
        self.source, self.description = source, description
        self._cache = FrameCache(folder, f"{__version__}\n{description}")

    def frame(self, number: int) -> NormalisedFrame | None:
        """Return a frame from the cache, or make and cache it.

        Parameters
        ----------
        number
            Number of the frame in the source.

        Returns
        -------
        NormalisedFrame or None
            None if the frame has no noise.

        Raises
        ------
        OutputError
            If the cache cannot be written.
        """
        stored = self._cache.read(number)
        if stored is None:
            try:
                made = normalise_frame(*self.source.frame(number), np.random.default_rng([number]))
            except FrameError:
                return None
            if self._cache.folder is None:
                return NormalisedFrame(*made)
            stored = {"pixels": np.arcsinh(made[0]).astype(np.float16), "bits": made[1]}
            self._cache.write(number, **stored)
        return NormalisedFrame(np.sinh(stored["pixels"].astype(np.float32)), stored["bits"])


def first_frames(frames: NormalisedFrames, number: int) -> Iterator[NormalisedFrame]:
    """Return the first frames that have noise.

    Parameters
    ----------
    frames
        The frames.
    number
        Number of frames to return.

    Returns
    -------
    Iterator
        So many frames.
    """
    return islice(filter(None, map(frames.frame, count())), number)


def normalise_frame(
    pixels: NDArray[np.float32], bits: NDArray[np.int16], rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Normalise a frame, at random with a gap without data.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32, in any unit.
    bits
        ``(H, W)`` int16, codes of the classes.
    rng
        Generator of the gap, a rectangle of up to a third of the frame along each axis.

    Returns
    -------
    pixels
        ``(H, W)`` float32, in units of the noise; zero where there is no data.
    bits
        ``(H, W)`` int16, with NODATA in the gap.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    nodata = np.zeros(pixels.shape, np.bool_)
    if rng.uniform() < GAP_PROBABILITY:
        height, width = pixels.shape
        top, left = int(rng.integers(height)), int(rng.integers(width))
        tall, wide = rng.integers(1, 1 + np.array([height, width]) // 3)
        nodata[top : top + tall, left : left + wide] = True
    frame = normalise(ArrayFrame(pixels, mask=nodata), threads=1)
    image, missing = frame.rows(0, pixels.shape[0])
    return image, np.where(missing, np.int16(NODATA.code), bits)
