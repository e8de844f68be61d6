"""Primary HDU for a file that holds one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.fits.cards import inherit_cards, set_cards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["frame_hdu"]

_OF_EXTENSIONS = ("INHERIT", "EXTNAME", "EXTVER", "EXTLEVEL")


def frame_hdu(
    pixels: NDArray[np.float32], *, cards: Iterable[HeaderCard], header: fits.Header | None = None
) -> fits.PrimaryHDU:
    """Return a primary HDU with a frame.

    Integer-valued pixels, as converters produce them, are stored in 16 bits if they fit: signed if possible,
    else unsigned (``BZERO`` 32768). All other pixels are stored as 32-bit floats.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        NaN where there is no data.
    cards
        Cards to set, as ``(keyword, value, comment)``.
    header
        Header of a frame with the same pixel grid; its world coordinates and names are copied.

    Returns
    -------
    astropy.io.fits.PrimaryHDU
        The HDU.
    """
    hdu = fits.PrimaryHDU(_as_stored(pixels))
    if header is not None:
        inherited = inherit_cards(header)
        for keyword in _OF_EXTENSIONS:
            inherited.remove(keyword, ignore_missing=True)
        hdu.header.extend(inherited, update=True)
    set_cards(hdu.header, cards)
    return hdu


def _as_stored(pixels: NDArray[np.float32]) -> NDArray[np.generic]:
    """Return the pixels in the smallest type that holds them exactly."""
    whole = bool(np.isfinite(pixels).all()) and bool((pixels == np.rint(pixels)).all())
    if whole:
        low, high = float(pixels.min()), float(pixels.max())
        for kind in (np.int16, np.uint16):
            limits = np.iinfo(kind)
            if low >= limits.min and high <= limits.max:
                return pixels.astype(kind)
    return np.ascontiguousarray(pixels, np.float32)
