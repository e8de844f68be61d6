"""Memory for the output of the network for a whole frame."""

from __future__ import annotations

import math
import os
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGEST_ARRAY", "allocate_posteriors"]

LARGEST_ARRAY = 2**30
"""Size in bytes above which the array is in a temporary file."""

_CHUNK = 2**24


def allocate_posteriors(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an array for the output of the network; a large one is in an unnamed temporary file.

    Parameters
    ----------
    shape
        Shape of the array, ``(C, H, W)``.

    Returns
    -------
    ndarray
        float32, not initialised.

    Raises
    ------
    OutputError
        If there is no space for that file.
    """
    size = 4 * math.prod(shape)
    if size <= LARGEST_ARRAY:
        return np.empty(shape, np.float32)
    try:
        with tempfile.TemporaryFile(prefix="skysieve-") as file:
            # Allocate all of it now: if a page of a mapped file has no space later, the system kills the
            # process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for start in range(0, size, _CHUNK):
                    file.write(bytes(min(_CHUNK, size - start)))
                file.flush()
            return np.memmap(file, np.float32, "r+", shape=shape)
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()} has no room for {size / 1e9:.1f} GB of probabilities"
            f" ({error.strerror or error}); set TMPDIR to a folder with room"
        ) from error
