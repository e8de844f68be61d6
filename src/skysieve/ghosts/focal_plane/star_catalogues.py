"""Read catalogues of bright stars: any table that astropy reads, with common column names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Column, Table
    from numpy.typing import NDArray

__all__ = ["BrightStars", "read_bright_stars"]

_ASCENSIONS = ("ra", "raj2000", "_raj2000", "ra_icrs", "_ra", "ra_deg", "radeg", "alpha_j2000")
_DECLINATIONS = ("dec", "dej2000", "_dej2000", "de_icrs", "_de", "dec_deg", "dedeg", "delta_j2000", "decl")
_MAGNITUDES = (
    "mag",
    "magnitude",
    "vmag",
    "gmag",
    "phot_g_mean_mag",
    "hpmag",
    "vtmag",
    "rmag",
    "imag",
    "zmag",
)
_NAMES = ("name", "main_id", "source_id", "source", "hip", "hd", "hr", "tyc", "id")
"""Column names in lower case, from VizieR, Gaia, SIMBAD and SExtractor; the first one found is used."""


@dataclass(frozen=True, eq=False)
class BrightStars:
    """Stars with positions and magnitudes.

    Attributes
    ----------
    names
        Names; row numbers from 1 if the catalogue has none.
    ra, dec
        Positions ``(N,)`` float64 in degrees.
    magnitude
        Magnitudes ``(N,)`` float64.
    """

    names: tuple[str, ...]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of stars."""
        return len(self.names)


def read_bright_stars(path: Path, *, magnitude: str | None = None) -> BrightStars:
    """Read bright stars from a table: FITS, VOTable, ECSV, CSV or another format that astropy recognises.

    Rows without position or magnitude are left out.  Columns without a unit, and text with decimal numbers,
    are in degrees.  Other text is sexagesimal, with right ascensions in hours.

    Parameters
    ----------
    path
        The file.
    magnitude
        Name of the magnitude column; None for the first column with a common name.

    Returns
    -------
    BrightStars
        The stars.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column, or has an invalid position.
    """
    table = _read(path)
    lower = {name.lower(): name for name in reversed(table.colnames)}
    if magnitude is not None and magnitude not in table.colnames:
        raise SourceError(f"{path}: no column {magnitude!r}; it has {', '.join(table.colnames)}")
    columns = {}
    for what, known in (("ra", _ASCENSIONS), ("dec", _DECLINATIONS), ("magnitude", _MAGNITUDES)):
        found = next((lower[name] for name in known if name in lower), None)
        if what == "magnitude" and magnitude is not None:
            found = magnitude
        if found is None:
            hint = "; name it with --magnitude" if what == "magnitude" else f"; call it {known[0]}"
            raise SourceError(
                f"{path}: no column of {what} among {', '.join(table.colnames) or 'none'}{hint}"
            )
        columns[what] = table[found]
    ra, dec = (_degrees(columns[what], path, hours=what == "ra") for what in ("ra", "dec"))
    brightness = _numbers(columns["magnitude"], path)
    good = np.isfinite(ra) & np.isfinite(dec) & np.isfinite(brightness)
    wrong = np.flatnonzero(good & ((np.abs(dec) > 90) | (ra < -360) | (ra > 360)))
    if wrong.size:
        row = int(wrong[0])
        raise SourceError(
            f"{path}: row {row + 1}: {ra[row]:g}, {dec[row]:g} is no place on the sky in degrees"
        )
    named = next((lower[name] for name in _NAMES if name in lower), None)
    names = [str(row + 1) for row in range(len(table))] if named is None else [str(n) for n in table[named]]
    kept = np.flatnonzero(good)
    return BrightStars(
        tuple(names[row].strip() or str(row + 1) for row in kept), ra[kept], dec[kept], brightness[kept]
    )


def _read(path: Path) -> Table:
    from astropy.table import Table

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        return Table.read(path)
    except Exception as error:  # the readers of astropy raise various errors
        reason = " ".join(str(error).split())[:160]
        raise SourceError(
            f"{path}: cannot be read as a table ({reason}); give FITS, VOTable, ECSV or CSV"
        ) from error


def _numbers(column: Column, path: Path) -> NDArray[np.float64]:
    try:
        filled = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: expected numbers") from None
    return np.asarray(filled, float)


def _degrees(column: Column, path: Path, *, hours: bool) -> NDArray[np.float64]:
    """Return angles in degrees; NaN where they are missing."""
    from astropy import units
    from astropy.coordinates import Angle

    if column.dtype.kind in "SU":
        try:
            return _numbers(column, path)
        except SourceError:
            unit = units.hourangle if hours else units.deg
        try:
            return np.asarray(Angle([str(text) for text in column], unit=unit).deg, float)
        except ValueError:
            raise SourceError(
                f"{path}: column {column.name}: expected degrees, or 05:34:31.9 and the like"
            ) from None
    values = _numbers(column, path)
    if column.unit is None:
        return values
    try:
        return np.asarray((values * units.Unit(column.unit)).to_value(units.deg), float)
    except (units.UnitConversionError, TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: its unit {column.unit} is no angle") from None
