"""Cache of simulated frames for tracking, so that a repeated training need not simulate them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve._version import __version__
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.train.frame_cache import FrameCache
from skysieve.frames.train.tracking_learning import TrackingExample

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.frames.train.tracking_learning import LabelledFrames

__all__ = ["KeptFrames"]

MAX_PIXEL = 60_000.0
"""Pixels are stored as float16 in units of the noise and clipped here: brighter ones saturate any network."""


class KeptFrames:
    """Simulated frames with a cache on disk.

    Parameters
    ----------
    source
        Source of the frames.
    folder
        Folder of the cache; it has a subfolder for each recipe, size, seed and release.
    """

    def __init__(self, source: LabelledFrames, folder: Path) -> None:
        self.source = source
        parts = f"{source.size} {source.seed} {source.cell}"
        self._cache = FrameCache(folder, f"{__version__} {parts}\n{source.recipe.to_yaml()}")

    def frame(self, number: int) -> TrackingExample | None:
        """Return a frame from the cache, or simulate and cache it.

        Parameters
        ----------
        number
            Number of the frame in the source.

        Returns
        -------
        TrackingExample or None
            None if the frame has no noise.

        Raises
        ------
        OutputError
            If the cache cannot be written.
        """
        stored = self._cache.read(number)
        if stored is not None:
            pixels = stored["pixels"].astype(np.float32)
            error = bool(stored["tracking_error"])
            return TrackingExample(pixels, error, stored["smear"], ArrayFrame(pixels))
        made = self.source.frame(number)
        if made is None:
            return None
        half = np.clip(made.pixels, -MAX_PIXEL, MAX_PIXEL).astype(np.float16)
        label = np.array(made.tracking_error)
        self._cache.write(number, pixels=half, smear=made.elongation, tracking_error=label)
        return made._replace(pixels=half.astype(np.float32))
