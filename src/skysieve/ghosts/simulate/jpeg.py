"""JPEG compression of a grey picture: quantised cosine coefficients of blocks of 8 x 8 pixels.

References
----------
ITU-T T.81 (1992), annex K, table K.1; the Independent JPEG Group's scaling of it by quality.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["jpeg_round_trip"]

_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def jpeg_round_trip(picture: NDArray[np.uint8], *, quality: int = 75) -> NDArray[np.uint8]:
    """Return the picture after JPEG compression and decompression.

    Parameters
    ----------
    picture
        ``(H, W)`` uint8.
    quality
        1 to 100.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        With the artefacts of the compression.
    """
    height, width = picture.shape
    padded = np.pad(picture, ((0, -height % 8), (0, -width % 8)), mode="edge").astype(np.float32) - 128
    rows, columns = padded.shape
    blocks = padded.reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2)
    cosines, table = _cosines(), _quantisation_table(quality)
    rounded = np.rint(cosines @ blocks @ cosines.T / table) * table
    restored = (cosines.T @ rounded @ cosines).swapaxes(1, 2).reshape(rows, columns)[:height, :width]
    return np.clip(np.rint(restored + 128), 0, 255).astype(np.uint8)


@cache
def _cosines() -> NDArray[np.float32]:
    """Return the matrix of the orthonormal cosine transform of 8 values."""
    k, n = np.arange(8)[:, None], np.arange(8)
    matrix = np.cos(np.pi * (2 * n + 1) * k / 16) / 2
    matrix[0] *= np.sqrt(0.5)
    return matrix.astype(np.float32)


def _quantisation_table(quality: int) -> NDArray[np.float32]:
    """Return the quantisation table."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    steps = np.floor((np.array(_LUMINANCE) * scale + 50) / 100)
    return np.clip(steps, 1, 255).astype(np.float32)
