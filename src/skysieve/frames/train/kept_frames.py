"""Cache of simulated frames for tracking, so that a repeated training need not simulate them again."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.fits.frames import ArrayFrame
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
        key = f"{__version__} {source.size} {source.seed} {source.cell}\n{source.recipe.to_yaml()}"
        self.source = source
        self.folder = folder / hashlib.sha256(key.encode()).hexdigest()[:12]

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
        path = self.folder / f"{number}.npz"
        cached = _read(path) if path.exists() else None
        if cached is not None:
            return cached
        made = self.source.frame(number)
        if made is None:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.folder}: {error.strerror}") from error
        pixels = np.clip(made.pixels, -MAX_PIXEL, MAX_PIXEL).astype(np.float16)
        with atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
            label = np.array(made.tracking_error)
            np.savez(file, pixels=pixels, smear=made.elongation, tracking_error=label)
        return made._replace(pixels=pixels.astype(np.float32))


def _read(path: Path) -> TrackingExample | None:
    """Return a cached frame; None if its file is damaged."""
    try:
        # opened here, because numpy does not close a damaged file
        with path.open("rb") as file, np.load(file) as stored:
            pixels = stored["pixels"].astype(np.float32)
            label = bool(stored["tracking_error"])
            return TrackingExample(pixels, label, stored["smear"], ArrayFrame(pixels))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
