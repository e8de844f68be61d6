"""What the header of an image claims, checked before memory is spent on it.

The axes of an image that is not compressed are checked when the file is walked: its data are all there.
Those of a compressed one are only claimed, and so are the tiles of it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["damage_of", "tile_shape", "version_of"]

_LONGEST_AXIS = 2**31
# A frame of this size takes a gigabyte at work, whatever its file holds.
_ALWAYS_ALLOWED = 2**28
# Pixels that a byte of compressed data may stand for, beyond that: rows of one value get near a tenth of it.
_MOST_PIXELS_PER_BYTE = 10**4
_SHOWN = 24
_MOST_PARAMETERS = 1000
_RICE_PARAMETERS = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4, 8)}


def damage_of(hdu: Any) -> str | None:
    """Return what is wrong with the claims of an image's header, in a few words, or None."""
    try:
        shape = tuple(hdu.shape)
        problem = _of_axes(shape)
        if problem is None and isinstance(hdu, fits.CompImageHDU):
            problem = _of_tiles(hdu, shape) or _of_compression(hdu)
        return problem or _of_others(hdu)
    except Exception as error:  # noqa: BLE001 - whatever astropy raises for a header against the standard
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"its header cannot be understood: {reason[:80]}"


def version_of(hdu: Any) -> int:
    """Return the EXTVER of an HDU; 1 where the header holds none that is a whole number."""
    version = hdu.ver
    return version if isinstance(version, int) and not isinstance(version, bool) else 1


def tile_shape(hdu: fits.CompImageHDU) -> tuple[int, ...]:
    """Return the shape of the tiles of a compressed image, in the order of NumPy."""
    return tuple(int(length) for length in reversed(_tile_lengths(hdu, tuple(hdu.shape))))


def _of_axes(shape: Sequence[object]) -> str | None:
    whole = all(isinstance(length, int) and not isinstance(length, bool) for length in shape)
    if not whole or not all(0 <= length < _LONGEST_AXIS for length in shape):  # type: ignore[operator]
        return f"its axes are {' x '.join(str(length)[:_SHOWN] for length in reversed(shape))}"
    return None


def _of_tiles(hdu: fits.CompImageHDU, shape: tuple[int, ...]) -> str | None:
    """Return what is wrong with tiles: each is a row of the table that holds them."""
    if 0 in shape:
        return None
    table, lengths = _table_header(hdu), _tile_lengths(hdu, shape)
    if _of_axes(lengths) is not None or 0 in lengths:
        return f"its tiles are {' x '.join(str(length)[:_SHOWN] for length in lengths)}"
    tiles = prod(-(-length // side) for (_, length), side in zip(_axes(shape), lengths, strict=True))
    rows = table["NAXIS2"]
    size = " x ".join(str(length) for length in reversed(shape))
    if rows != tiles:
        return f"its {size} pixels make {tiles} tiles, and it holds {rows}"
    stored = rows * table["NAXIS1"] + table.get("PCOUNT", 0)
    if prod(shape) > max(_ALWAYS_ALLOWED, _MOST_PIXELS_PER_BYTE * stored):
        return f"its {size} pixels cannot be in {stored} bytes"
    return None


def _of_compression(hdu: fits.CompImageHDU) -> str | None:
    """Return what is wrong with the parameters of the compression: decompressors believe them and crash.

    References
    ----------
    FITS Standard 4.0 (2018), sections 10.4.1 (``BLOCKSIZE`` and ``BYTEPIX`` of RICE_1) and 10.4.4.
    """
    table = _table_header(hdu)
    if str(table.get("ZCMPTYPE", "")).strip() not in ("RICE_1", "RICE_ONE"):
        return None
    for number in range(1, _MOST_PARAMETERS):
        name, value = table.get(f"ZNAME{number}"), table.get(f"ZVAL{number}")
        allowed = _RICE_PARAMETERS.get(str(name).strip().upper())
        if allowed is not None and (isinstance(value, bool) or value not in allowed):
            return f"its {name} of RICE_1 is {str(value)[:_SHOWN]}"
    return None


def _axes(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the axes as FITS counts them, from 1, and their lengths."""
    return list(enumerate(reversed(shape), start=1))


def _tile_lengths(hdu: fits.CompImageHDU, shape: tuple[int, ...]) -> list[Any]:
    """Return what the header states as the lengths of tiles, in the order of FITS; a row by default."""
    table = _table_header(hdu)
    return [table.get(f"ZTILE{axis}", length if axis == 1 else 1) for axis, length in _axes(shape)]


def _table_header(hdu: fits.CompImageHDU) -> fits.Header:
    """Return the header of the table that holds the tiles, of which astropy shows that of the image alone."""
    table = getattr(hdu, "_bintable", None)
    header: fits.Header = hdu._header if table is None else table.header  # noqa: SLF001
    return header


def _of_others(hdu: Any) -> str | None:
    name = hdu.name
    return None if isinstance(name, str) else f"its EXTNAME is {str(name)[:_SHOWN]}, not a text"
