"""Read tables with sky positions: any format of Astropy, with coordinates under their usual column names."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from astropy.table import Column, Table
    from numpy.typing import NDArray

__all__ = ["SkyTable", "find_column", "read_sky_table", "values_of"]

COORDINATE_COLUMNS = (
    ("glon", "glat", "galactic"),
    ("ra", "dec", "icrs"),
    ("raj2000", "dej2000", "icrs"),
    ("_raj2000", "_dej2000", "icrs"),
    ("ra_icrs", "de_icrs", "icrs"),
    ("ra_deg", "dec_deg", "icrs"),
    ("radeg", "decdeg", "icrs"),
    ("radeg", "dedeg", "icrs"),
    ("alpha_j2000", "delta_j2000", "icrs"),
    ("_glon", "_glat", "galactic"),
    ("l", "b", "galactic"),
)
"""Names of coordinate columns in lower case, and their frame.

The first pair found is used, and the next pair for rows without coordinates in it.
"""

_MAX_NAMED = 12


@dataclass(frozen=True, eq=False)
class SkyTable:
    """A table and the positions of its rows.

    Attributes
    ----------
    path
        File of the table.
    table
        The table as read.
    lon, lat
        Galactic coordinates in degrees, ``(N,)`` float64; NaN for a row without.
    notes
        Assumptions made in reading it.
    """

    path: Path
    table: Table
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)


def read_sky_table(path: Path) -> SkyTable:
    """Read a table with sky positions: FITS, VOTable, ECSV, CSV or any other format that Astropy recognises.

    Coordinates are taken from the columns of :data:`COORDINATE_COLUMNS`, in their units; a column without a
    unit is taken as degrees, with a note.  Text is read as numbers, or else as sexagesimal hours and degrees.

    Parameters
    ----------
    path
        File of the table.

    Returns
    -------
    SkyTable
        The table with Galactic positions.

    Raises
    ------
    SourceError
        If the table cannot be read, has no coordinate columns, or has an invalid position.
    """
    table = _read(path)
    lon, lat = np.full(len(table), np.nan), np.full(len(table), np.nan)
    notes: list[str] = []
    pairs = [(find_column(table, [x]), find_column(table, [y]), frame) for x, y, frame in COORDINATE_COLUMNS]
    found = [(x, y, frame) for x, y, frame in pairs if x is not None and y is not None]
    if not found:
        columns = ", ".join(table.colnames[:_MAX_NAMED]) + ", …" * (len(table.colnames) > _MAX_NAMED)
        raise SourceError(
            f"{path}: no coordinates among its columns ({columns or 'none'}); "
            "name them RA and DEC, RAJ2000 and DEJ2000, or GLON and GLAT"
        )
    for x, y, frame in found:
        missing = ~np.isfinite(lon)
        if not missing.any() and len(table):
            break
        longitude = _degrees(table[x], path, notes, hours=frame == "icrs")
        latitude = _degrees(table[y], path, notes, hours=False)
        usable = missing & np.isfinite(longitude) & np.isfinite(latitude)
        _check_positions(longitude[usable], latitude[usable], np.flatnonzero(usable), path)
        lon[usable], lat[usable] = _galactic(longitude[usable], latitude[usable], frame)
    without = int(np.count_nonzero(~np.isfinite(lon)))
    if without:
        notes.append(f"{without} of {len(table)} rows have no coordinates")
    return SkyTable(path, table, lon, lat, tuple(dict.fromkeys(notes)))


def find_column(table: Table, names: Sequence[str]) -> str | None:
    """Find a column by its possible names.

    Parameters
    ----------
    table
        A table.
    names
        Names in lower case, in order of preference.

    Returns
    -------
    str or None
        Name of the first column found, as in the table.
    """
    lower = {name.lower(): name for name in reversed(table.colnames)}
    return next((lower[name] for name in names if name in lower), None)


def values_of(column: Column, path: Path) -> NDArray[np.float64]:
    """Return the numbers of a column.

    Parameters
    ----------
    column
        A column of a table.
    path
        File of the table, for messages.

    Returns
    -------
    ndarray, shape (N,), float64
        NaN for missing values.

    Raises
    ------
    SourceError
        If the column does not hold one number per row.
    """
    try:
        filled = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: expected numbers") from None
    if filled.ndim != 1:
        raise SourceError(f"{path}: column {column.name}: expected one number a row")
    return np.asarray(filled, np.float64)


def _read(path: Path) -> Table:
    from astropy.io.registry import IORegistryError
    from astropy.table import Table

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            # Astropy warns of nonstandard units and names in catalogues; the columns used are checked
            warnings.simplefilter("ignore")
            try:
                return Table.read(path)
            except IORegistryError:
                # Astropy does not recognise the suffix
                return Table.read(path, format="ascii")
    except Exception as error:  # readers of tables raise exceptions of many types
        reason = " ".join(str(error).split())[:160]
        raise SourceError(
            f"{path}: cannot be read as a table ({reason}); give FITS, VOTable, ECSV or CSV"
        ) from error


def _degrees(column: Column, path: Path, notes: list[str], *, hours: bool) -> NDArray[np.float64]:
    """Return angles in degrees, NaN for missing ones."""
    from astropy import units
    from astropy.coordinates import Angle

    if column.dtype.kind in "SUO":
        try:
            return values_of(column, path)
        except SourceError:
            unit = units.hourangle if hours else units.deg
        try:
            return np.asarray(Angle([str(text) for text in column], unit=unit).deg, float)
        except ValueError:
            raise SourceError(
                f"{path}: column {column.name}: expected degrees, or 05:34:31.9 and the like"
            ) from None
    values = values_of(column, path)
    if column.unit is None:
        notes.append(f"{column.name} has no unit: taken as degrees")
        return values
    try:
        return np.asarray(units.Quantity(values, column.unit).to_value(units.deg), float)
    except (units.UnitConversionError, TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: its unit {column.unit} is no angle") from None


def _check_positions(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], rows: NDArray[np.intp], path: Path
) -> None:
    wrong = np.flatnonzero((np.abs(latitude) > 90) | (longitude < -360) | (longitude > 360))
    if wrong.size:
        first = int(wrong[0])
        position = f"{longitude[first]:g}, {latitude[first]:g}"
        raise SourceError(f"{path}: row {rows[first] + 1}: {position} is no place on the sky in degrees")


def _galactic(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], frame: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if frame == "galactic":
        return np.mod(longitude, 360.0), latitude
    from astropy import units
    from astropy.coordinates import SkyCoord

    galactic = SkyCoord(longitude, latitude, unit=units.deg, frame=frame).galactic
    return np.asarray(galactic.l.deg, float), np.asarray(galactic.b.deg, float)
