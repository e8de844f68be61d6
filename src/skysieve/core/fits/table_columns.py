"""Columns of binary tables in FITS files, read in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    Numbers = NDArray[np.integer | np.floating]

__all__ = ["column_of", "find_table", "read_columns", "values_in_row"]

_CHUNK_BYTES = 2**24
# Formats of booleans, bits, text, complex numbers and variable-length arrays.
_NO_NUMBERS = frozenset("LXACMPQ")


def find_table(hdus: fits.HDUList, hdu: int | str, label: str) -> int:
    """Return the number of the binary table with a given number or name.

    Parameters
    ----------
    hdus
        The file.
    hdu
        Number or EXTNAME of the table.
    label
        Name of the file in messages.

    Returns
    -------
    int
        Number of the HDU.

    Raises
    ------
    SourceError
        If there is no such table.
    """
    from astropy.io import fits

    tables = [number for number, other in enumerate(hdus) if isinstance(other, fits.BinTableHDU)]
    for number in tables:
        if number == hdu or (isinstance(hdu, str) and hdus[number].name.upper() == hdu.strip().upper()):
            return number
    has = ", ".join(f"{number} {hdus[number].name}".strip() for number in tables) or "none"
    raise SourceError(f"{label}: HDU {hdu} is no table that could hold a map; tables here: {has}")


def column_of(columns: Sequence[fits.Column], field: int | str, label: str) -> fits.Column:
    """Return the numeric column with a given index or name.

    Parameters
    ----------
    columns
        Columns of a table.
    field
        Index from 0, or name in any case.
    label
        Name of the table in messages.

    Returns
    -------
    astropy.io.fits.Column
        The column.

    Raises
    ------
    SourceError
        If there is no such column, or it is not numeric.
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


def values_in_row(column: fits.Column) -> int:
    """Return how many values of a column are in each row.

    Parameters
    ----------
    column
        Column of a table.

    Returns
    -------
    int
        Number of values.
    """
    return int(np.prod(column.dtype.shape, dtype=np.int64))


def read_columns(
    hdus: fits.HDUList, number: int, columns: Sequence[fits.Column]
) -> Iterator[tuple[int, list[Numbers]]]:
    """Read some columns in parts.

    The table is not memory-mapped: all rows of a table with ten columns would stay in memory to read one
    column. Values are physical: scaled by TSCAL and TZERO, and NaN where they equal TNULL.

    Parameters
    ----------
    hdus
        The open file.
    number
        Number of the table's HDU.
    columns
        Columns to read.

    Yields
    ------
    first : int
        Number of values of the first column before this part.
    values : list of ndarray
        Values of each column, flattened.
    """
    location, table = hdus.fileinfo(number), hdus[number]
    row = table.columns.dtype.newbyteorder(">")
    rows = int(table.header["NAXIS2"])
    step = max(1, _CHUNK_BYTES // row.itemsize)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        location["file"].seek(location["datLoc"] + first * row.itemsize)
        content = np.frombuffer(location["file"].read(count * row.itemsize), row)
        yield first * values_in_row(columns[0]), [_physical(content, column) for column in columns]


def _physical(content: NDArray[np.generic], column: fits.Column) -> Numbers:
    """Return the values of a column, scaled by TSCAL and TZERO; NaN where they equal TNULL."""
    stored = content[column.name].ravel()
    scale, zero = float(column.bscale or 1), column.bzero or 0
    missing = None if column.null in {None, ""} or stored.dtype.kind == "f" else stored == int(column.null)
    if scale == 1 and stored.dtype.kind != "f":
        values = stored.astype(np.int64) + int(zero)
    elif scale != 1 or zero:
        values = stored * scale + float(zero)
    else:
        values = stored
    return cast("Numbers", values if missing is None else np.where(missing, np.nan, values))
