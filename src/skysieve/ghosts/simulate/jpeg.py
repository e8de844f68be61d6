"""JPEG compression of a grey picture."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["jpeg_round_trip"]


def jpeg_round_trip(picture: NDArray[np.uint8], *, quality: int = 75) -> NDArray[np.uint8]:
    """Return the picture after JPEG compression and decompression.

    Parameters
    ----------
    picture
        ``(H, W)`` uint8.
    quality
        1 to 95, as Pillow and libjpeg define it.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        With the artefacts of the compression.
    """
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
