"""Cache of training frames on disk, so that a repeated training need not make them again."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FrameCache"]


class FrameCache:
    """Arrays of frames, by number.

    Parameters
    ----------
    folder
        Folder of all caches; None caches nothing.
    description
        Text that identifies the frames; each text has a cache of its own.
    """

    def __init__(self, folder: Path | None, description: str) -> None:
        key = hashlib.sha256(description.encode()).hexdigest()[:12]
        self.folder = None if folder is None else folder / key

    def read(self, number: int) -> dict[str, NDArray[Any]] | None:
        """Read a frame.

        Parameters
        ----------
        number
            Number of the frame.

        Returns
        -------
        dict or None
            Arrays by name; None if the frame is not cached, or its file is damaged.
        """
        if self.folder is None:
            return None
        try:
            # opened here, because numpy does not close a damaged file
            with (self.folder / f"{number}.npz").open("rb") as file, np.load(file) as stored:
                return dict(stored)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, number: int, **arrays: NDArray[Any]) -> None:
        """Write a frame.

        Parameters
        ----------
        number
            Number of the frame.
        **arrays
            Arrays by name.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        if self.folder is not None:
            path = self.folder / f"{number}.npz"
            with atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # an array may have any name
