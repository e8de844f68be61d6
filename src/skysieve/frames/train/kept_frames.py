"""Simulated frames for tracking, kept in a folder: a training that is tried again has them at once."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.frames.train.tracking_learning import LabelledFrames, MovedFrame

__all__ = ["FrameSource", "KeptFrames"]

LARGEST = 60_000.0
"""Pixels are kept as float16, in units of the noise: what is brighter is saturated to any network."""


class FrameSource(Protocol):
    """Frames by number."""

    def frame(self, number: int) -> MovedFrame | None:
        """Return a frame; None if it has no noise to measure it by."""
        ...


class KeptFrames:
    """Frames that are simulated once.

    Parameters
    ----------
    source
        What simulates them.
    folder
        Where they are kept, in a folder of their own for each recipe, size, seed and release.
    """

    def __init__(self, source: LabelledFrames, folder: Path) -> None:
        said = f"{__version__} {source.size} {source.seed} {source.place}\n{source.recipe.to_yaml()}"
        self.source = source
        self.folder = folder / hashlib.sha256(said.encode()).hexdigest()[:12]

    def frame(self, number: int) -> MovedFrame | None:
        """Return a frame as it was kept, or simulate it and keep it.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = self.folder / f"{number}.npz"
        kept = _read(path) if path.exists() else None
        if kept is not None:
            return kept
        made = self.source.frame(number)
        if made is None:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.folder}: {error.strerror}") from error
        pixels = np.clip(made.pixels, -LARGEST, LARGEST).astype(np.float16)
        with atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez(file, pixels=pixels, smear=made.smear, tracking_error=np.array(made.tracking_error))
        return made._replace(pixels=pixels.astype(np.float32))


def _read(path: Path) -> MovedFrame | None:
    """Return a frame that was kept; None if its file is damaged."""
    from skysieve.core.fits.frames import ArrayFrame
    from skysieve.frames.train.tracking_learning import MovedFrame

    try:
        # opened here, for numpy leaves a damaged file open
        with path.open("rb") as file, np.load(file) as kept:
            pixels = kept["pixels"].astype(np.float32)
            return MovedFrame(pixels, bool(kept["tracking_error"]), kept["smear"], ArrayFrame(pixels))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
