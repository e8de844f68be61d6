"""Columns of binary tables in FITS files, read part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["column_of", "find_table", "read_columns", "values_in_row"]

_CHUNK_BYTES = 2**24
# Booleans, bits, text, complex numbers, and lists of changing length.
_NO_NUMBERS = frozenset("LXACMPQ")


def find_table(hdus: fits.HDUList, hdu: int | str, label: str) -> int:
    """Return the number of the binary table that is asked for by number or name.

    Raises
    ------
    SourceError
        If there is none.
    """
    from astropy.io import fits

    tables = [number for number, other in enumerate(hdus) if isinstance(other, fits.BinTableHDU)]
    for number in tables:
        if number == hdu or (isinstance(hdu, str) and hdus[number].name.upper() == hdu.strip().upper()):
            return number
    has = ", ".join(f"{number} {hdus[number].name}".strip() for number in tables) or "none"
    raise SourceError(f"{label}: HDU {hdu} is no table that could hold a map; tables here: {has}")


def column_of(columns: Sequence[Any], field: int | str, label: str) -> Any:
    """Return the column of numbers that is asked for by place, from 0, or by name in any case.

    Raises
    ------
    SourceError
        If there is none, or it holds no numbers.
    """
    names = [column.name.strip() for column in columns]
    folded = [name.upper() for name in names]
    if isinstance(field, str) and field.strip().upper() in folded:
        column = columns[folded.index(field.strip().upper())]
    elif isinstance(field, int) and 0 <= field < len(columns):
        column = columns[field]
    else:
        raise SourceError(f"{label}: has no column {field}; it has {', '.join(names) or 'none'}")
    if _NO_NUMBERS.intersection(column.format):
        raise SourceError(f"{label}: column {column.name} holds no numbers (format {column.format})")
    return column


def values_in_row(column: Any) -> int:
    """Return how many values of a column stand in each row."""
    return int(np.prod(column.dtype.shape, dtype=np.int64))


def read_columns(
    hdus: fits.HDUList, number: int, columns: Sequence[Any]
) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """Yield parts of some columns, as flat arrays, and how many values of each went before.

    Nothing is memory-mapped: of a table with ten columns all rows would stay in memory for the sake of one.
    Values are as meant: scaled by TSCAL and TZERO, NaN for what TNULL states.
    """
    place, table = hdus.fileinfo(number), hdus[number]
    row = table.columns.dtype.newbyteorder(">")
    rows = int(table.header["NAXIS2"])
    step = max(1, _CHUNK_BYTES // row.itemsize)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        place["file"].seek(place["datLoc"] + first * row.itemsize)
        content = np.frombuffer(place["file"].read(count * row.itemsize), row)
        yield first * values_in_row(columns[0]), [_physical(content, column) for column in columns]


def _physical(content: NDArray[Any], column: Any) -> NDArray[Any]:
    stored = content[column.name].ravel()
    scale, zero = float(column.bscale or 1), column.bzero or 0
    missing = None if column.null in {None, ""} or stored.dtype.kind == "f" else stored == int(column.null)
    if scale == 1 and stored.dtype.kind != "f":
        values = stored.astype(np.int64) + int(zero)
    elif scale != 1 or zero:
        values = stored * scale + float(zero)
    else:
        values = stored
    return cast("NDArray[Any]", values if missing is None else np.where(missing, np.nan, values))
