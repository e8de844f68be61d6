"""Checks of what an image header states, made before memory is allocated for it.

The axes of an uncompressed image are checked when the file is opened: all its data are there. The axes and
tiles of a compressed image are only stated by its header and need a check here.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ImageHDU", "find_damage", "tile_shape", "version_of"]

ImageHDU: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
"""Any image HDU."""

_MAX_AXIS_LENGTH = 2**31
# Images of this size are accepted whatever their file holds: processing one takes a gigabyte.
_ALWAYS_ALLOWED_PIXELS = 2**28
# Larger images may have this many pixels per compressed byte. Rows of one value reach about a tenth of it.
_MAX_PIXELS_PER_BYTE = 10**4
_MAX_SHOWN_CHARACTERS = 24
_MAX_PARAMETERS = 1000
_RICE_PARAMETERS = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4, 8)}


def find_damage(hdu: ImageHDU) -> str | None:
    """Return what is wrong with an image's header, in a few words, or None.

    Parameters
    ----------
    hdu
        Image HDU.

    Returns
    -------
    str or None
        The problem.
    """
    try:
        shape = tuple(hdu.shape)
        problem = _axes_problem(shape)
        if problem is None and isinstance(hdu, fits.CompImageHDU):
            problem = _tiles_problem(hdu, shape) or _compression_problem(hdu)
        if problem is None and not isinstance(hdu.name, str):
            problem = f"its EXTNAME is {str(hdu.name)[:_MAX_SHOWN_CHARACTERS]}, not a text"
    except Exception as error:  # noqa: BLE001 - astropy raises many kinds for headers that break the standard
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"its header cannot be understood: {reason[:80]}"
    return problem


def version_of(hdu: Any) -> int:
    """Return the EXTVER of an HDU, or 1 if the header holds no integer EXTVER.

    Parameters
    ----------
    hdu
        Any HDU.

    Returns
    -------
    int
        EXTVER.
    """
    version = hdu.ver
    return version if isinstance(version, int) and not isinstance(version, bool) else 1


def tile_shape(hdu: fits.CompImageHDU) -> tuple[int, ...]:
    """Return the shape of the tiles of a compressed image, in NumPy order.

    Parameters
    ----------
    hdu
        Compressed image.

    Returns
    -------
    tuple of int
        Shape of a tile.
    """
    return tuple(int(length) for length in reversed(_tile_lengths(hdu, tuple(hdu.shape))))


def _axes_problem(shape: Sequence[object]) -> str | None:
    whole = all(isinstance(length, int) and not isinstance(length, bool) for length in shape)
    if not whole or not all(0 <= length < _MAX_AXIS_LENGTH for length in shape):  # type: ignore[operator]
        return f"its axes are {' x '.join(str(length)[:_MAX_SHOWN_CHARACTERS] for length in reversed(shape))}"
    return None


def _tiles_problem(hdu: fits.CompImageHDU, shape: tuple[int, ...]) -> str | None:
    """Return what is wrong with the tiles; each tile is a row of the table that holds them."""
    if 0 in shape:
        return None
    table, lengths = _table_header(hdu), _tile_lengths(hdu, shape)
    if _axes_problem(lengths) is not None or 0 in lengths:
        return f"its tiles are {' x '.join(str(length)[:_MAX_SHOWN_CHARACTERS] for length in lengths)}"
    tiles = prod(-(-length // side) for (_, length), side in zip(_axes(shape), lengths, strict=True))
    rows = table["NAXIS2"]
    size = " x ".join(str(length) for length in reversed(shape))
    if rows != tiles:
        return f"its {size} pixels make {tiles} tiles, and it holds {rows}"
    stored = rows * table["NAXIS1"] + table.get("PCOUNT", 0)
    if prod(shape) > max(_ALWAYS_ALLOWED_PIXELS, _MAX_PIXELS_PER_BYTE * stored):
        return f"its {size} pixels cannot be in {stored} bytes"
    return None


def _compression_problem(hdu: fits.CompImageHDU) -> str | None:
    """Return what is wrong with the compression parameters; decompressors do not check them and crash.

    References
    ----------
    FITS Standard 4.0 (2018), sections 10.4.1 (``BLOCKSIZE`` and ``BYTEPIX`` of RICE_1) and 10.4.4.
    """
    table = _table_header(hdu)
    if str(table.get("ZCMPTYPE", "")).strip() not in ("RICE_1", "RICE_ONE"):
        return None
    for number in range(1, _MAX_PARAMETERS):
        name, value = table.get(f"ZNAME{number}"), table.get(f"ZVAL{number}")
        allowed = _RICE_PARAMETERS.get(str(name).strip().upper())
        if allowed is not None and (isinstance(value, bool) or value not in allowed):
            return f"its {name} of RICE_1 is {str(value)[:_MAX_SHOWN_CHARACTERS]}"
    return None


def _axes(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the FITS axis numbers, from 1, with the axis lengths."""
    return list(enumerate(reversed(shape), start=1))


def _tile_lengths(hdu: fits.CompImageHDU, shape: tuple[int, ...]) -> list[Any]:
    """Return the tile lengths that the header states, in FITS order; the default tile is one row."""
    table = _table_header(hdu)
    return [table.get(f"ZTILE{axis}", length if axis == 1 else 1) for axis, length in _axes(shape)]


def _table_header(hdu: fits.CompImageHDU) -> fits.Header:
    """Return the header of the table that holds the tiles; astropy exposes the image header only."""
    table = getattr(hdu, "_bintable", None)
    header: fits.Header = hdu._header if table is None else table.header  # noqa: SLF001
    return header
