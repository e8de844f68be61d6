"""Lossless compression of masks: which algorithm and which tiles preserve every pixel.

PLIO_1 is made for masks and the fastest algorithm, but its encoder, which astropy and others copied from
CFITSIO, has two defects:

- After a run of exactly 4095 zeros it encodes a single pixel wrongly: the pixel is lost and others appear.
- A pixel that differs from its neighbours by more than 4095 can take three 16-bit words, but the buffer is
  made for two: the encoder writes beyond its end.

Tiles are therefore always too narrow for the first defect. Images that could cause the second use GZIP_2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Compression", "choose_compression", "tile_shape"]

Compression: TypeAlias = Literal["PLIO_1", "GZIP_2", "none"]

_PLIO_LIMIT = 1 << 24
_PLIO_WIDEST_TILE = 4095
# A step of up to this value from the initial level 1 takes one word: 12-bit masks are always safe.
_PLIO_SAFE_VALUE = 4096

# GZIP_2 compresses blocks of rows to a half to a fifth of the size of single rows, and reading a cut-out
# still does not decompress the whole image.
_GZIP_ROWS = 32


def choose_compression(data: NDArray[np.generic], wish: Compression | None) -> Compression:
    """Return the compression to use.

    Parameters
    ----------
    data : ndarray, shape (H, W) or (N, H, W)
        Mask or probabilities, of a type that FITS tiles can hold.
    wish
        Compression that the user requested; None selects PLIO_1 if it works, else GZIP_2.

    Returns
    -------
    str
        The compression.

    Raises
    ------
    OutputError
        If PLIO_1 is requested and cannot hold these data.

    References
    ----------
    For the encoder's failures: https://github.com/heasarc/cfitsio/pull/174, and ``pl_p2li`` in CFITSIO's
    ``pliocomp.c``.
    """
    if wish is None:
        suits = data.ndim == 2 and _why_not_plio(data) is None
        return "PLIO_1" if suits else "GZIP_2"
    if wish == "PLIO_1" and (reason := _why_not_plio(data)) is not None:
        raise OutputError(f"PLIO_1 cannot compress this mask: {reason}; use GZIP_2")
    return wish


def tile_shape(shape: tuple[int, ...], compression: Compression) -> tuple[int, ...]:
    """Return the shape of the tiles for compressing an image.

    Parameters
    ----------
    shape
        Shape of the image, (H, W) or (N, H, W).
    compression
        The compression.

    Returns
    -------
    tuple of int
        Shape of a tile, in NumPy order.
    """
    leading = (1,) * (len(shape) - 2)
    height, width = shape[-2:]
    if compression == "PLIO_1":
        return (*leading, 1, _plio_tile_width(width))
    return (*leading, min(height, _GZIP_ROWS), width)


def _plio_tile_width(width: int) -> int:
    count = -(-width // _PLIO_WIDEST_TILE)
    return -(-width // count)


def _why_not_plio(data: NDArray[np.generic]) -> str | None:
    if data.dtype.kind not in "iu":
        return "it holds integers only"
    if data.dtype == np.uint16:
        return "FITS stores unsigned integers of 16 bits as negative ones"
    lowest, highest = int(data.min()), int(data.max())
    if lowest < 0:
        return f"its lowest value is {lowest}, below 0"
    if highest >= _PLIO_LIMIT:
        return f"its highest value is {highest}, beyond 24 bits"
    if highest > _PLIO_SAFE_VALUE and _is_busy(data):
        return "its values change too often along a row"
    return None


def _is_busy(data: NDArray[np.generic]) -> bool:
    """Check whether three words per change along a row might not fit into two words per pixel.

    A changed pixel costs at most one word more than its share. A pixel equal to its neighbour leaves at least
    one word free, and so does the buffer itself. The first pixel of a tile counts as changed.
    """
    width = data.shape[-1]
    tile_width = _plio_tile_width(width)
    for start in range(0, width, tile_width):
        tile = data[..., start : start + tile_width]
        changes = np.count_nonzero(tile[..., 1:] != tile[..., :-1], axis=-1)
        if 2 * int(changes.max()) >= tile.shape[-1]:
            return True
    return False
