"""Tables of places on the sky: whatever Astropy reads, with coordinates known by their usual names."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
"""Names of columns of coordinates in lower case, and their frame; the first found are taken, and where a row
has none in them, the next."""

_MAX_NAMED = 12


@dataclass(frozen=True, eq=False)
class SkyTable:
    """A table, and where its rows are.

    Attributes
    ----------
    path
        The file.
    table
        As it was read, an ``astropy.table.Table``.
    lon, lat
        Galactic longitude and latitude in degrees, ``(N,)`` float64; NaN for a row without.
    notes
        What had to be assumed in reading it.
    """

    path: Path
    table: Any
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)


def read_sky_table(path: Path) -> SkyTable:
    """Read a table with places: FITS, VOTable, ECSV, CSV or whatever else Astropy knows by its name.

    Coordinates are taken from the columns of :data:`COORDINATE_COLUMNS`, in the units they state; without a unit in
    degrees, which a note says.  Text is read as numbers, or else as hours and degrees of sexagesimal places.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    SourceError
        If it cannot be read, or has no columns of coordinates, or a place that is none.
    """
    table = _read(path)
    lon, lat = np.full(len(table), np.nan), np.full(len(table), np.nan)
    notes: list[str] = []
    pairs = [(find_column(table, [x]), find_column(table, [y]), frame) for x, y, frame in COORDINATE_COLUMNS]
    there = [(x, y, frame) for x, y, frame in pairs if x is not None and y is not None]
    if not there:
        columns = ", ".join(table.colnames[:_MAX_NAMED]) + ", …" * (len(table.colnames) > _MAX_NAMED)
        raise SourceError(
            f"{path}: no coordinates among its columns ({columns or 'none'}); "
            "name them RA and DEC, RAJ2000 and DEJ2000, or GLON and GLAT"
        )
    for x, y, frame in there:
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


def find_column(table: Any, names: Sequence[str]) -> str | None:
    """Return the first column of a table with one of these names, in lower case; None if there is none."""
    lower = {name.lower(): name for name in reversed(table.colnames)}
    return next((lower[name] for name in names if name in lower), None)


def values_of(column: Any, path: Path) -> NDArray[np.float64]:
    """Return the numbers of a column ``(N,)`` float64, NaN where it has none.

    Raises
    ------
    SourceError
        If they are no numbers.
    """
    try:
        filled = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: expected numbers") from None
    if filled.ndim != 1:
        raise SourceError(f"{path}: column {column.name}: expected one number a row")
    return np.asarray(filled, np.float64)


def _read(path: Path) -> Any:
    from astropy.io.registry import IORegistryError
    from astropy.table import Table

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            # Catalogues of others have units and names that astropy warns of: what is used of them is checked
            warnings.simplefilter("ignore")
            try:
                return Table.read(path)
            except IORegistryError:
                # Not known by its name
                return Table.read(path, format="ascii")
    except Exception as error:  # whatever the readers of tables raise
        reason = " ".join(str(error).split())[:160]
        raise SourceError(
            f"{path}: cannot be read as a table ({reason}); give FITS, VOTable, ECSV or CSV"
        ) from error


def _degrees(column: Any, path: Path, notes: list[str], *, hours: bool) -> NDArray[np.float64]:
    """Return angles in degrees, NaN where there are none."""
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
        place = f"{longitude[first]:g}, {latitude[first]:g}"
        raise SourceError(f"{path}: row {rows[first] + 1}: {place} is no place on the sky in degrees")


def _galactic(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], frame: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if frame == "galactic":
        return np.mod(longitude, 360.0), latitude
    from astropy import units
    from astropy.coordinates import SkyCoord

    places = SkyCoord(longitude, latitude, unit=units.deg, frame=frame).galactic
    return np.asarray(places.l.deg, float), np.asarray(places.b.deg, float)
