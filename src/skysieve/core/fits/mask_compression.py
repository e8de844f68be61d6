"""Which compression a mask can have, and in what tiles, so that every pixel comes back.

PLIO_1 is the fastest for masks and was made for them, but its encoder, which
Astropy and others have from CFITSIO, fails in two ways that matter here:

- After a run of exactly 4095 zeros it encodes a single pixel as something
  else: the pixel is lost and others appear.
- Each pixel that differs from its neighbours by more than 4095 can take three
  words of 16 bits, in a buffer made for two: it writes beyond the end.

So a tile is never wide enough for the first, and an image that could do the
second is left to GZIP_2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Compression", "choose_compression", "tile_shape"]

Compression: TypeAlias = Literal["PLIO_1", "GZIP_2", "none"]

_PLIO_LIMIT = 1 << 24
_PLIO_WIDEST_TILE = 4095
# Steps up to this from the initial level 1 take one word, so masks of 12 bits and their sum are always safe.
_PLIO_SAFE_VALUE = 4096

# Of blocks of rows GZIP_2 makes half to a fifth of what it makes of single rows, and a reader of a
# cut-out still need not decompress the whole.
_GZIP_ROWS = 32


def choose_compression(data: NDArray[Any], wish: Compression | None) -> Compression:
    """Return the compression to use.

    Parameters
    ----------
    data : ndarray, shape (H, W) or (N, H, W)
        The mask or probabilities, of a type that FITS tiles can hold.
    wish
        What the user asked for; None to choose: PLIO_1 where it works, else GZIP_2.

    Raises
    ------
    OutputError
        If PLIO_1 is asked for and cannot hold these data.

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
    """Return the shape of the tiles in which to compress an image of this shape."""
    leading = (1,) * (len(shape) - 2)
    height, width = shape[-2:]
    if compression == "PLIO_1":
        return (*leading, 1, _plio_tile_width(width))
    return (*leading, min(height, _GZIP_ROWS), width)


def _plio_tile_width(width: int) -> int:
    count = -(-width // _PLIO_WIDEST_TILE)
    return -(-width // count)


def _why_not_plio(data: NDArray[Any]) -> str | None:
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


def _is_busy(data: NDArray[Any]) -> bool:
    """Whether three words for every change along a row might not fit into two words for every pixel.

    A changed pixel costs at most one word more than its share; a pixel that repeats its neighbour leaves
    at least one over, and so does the buffer itself. The first pixel of a tile counts as changed.
    """
    width = data.shape[-1]
    tile_width = _plio_tile_width(width)
    for start in range(0, width, tile_width):
        tile = data[..., start : start + tile_width]
        changes = np.count_nonzero(tile[..., 1:] != tile[..., :-1], axis=-1)
        if 2 * int(changes.max()) >= tile.shape[-1]:
            return True
    return False
