"""Catalogues of bright stars: any table that Astropy reads, its columns known by their usual names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

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
"""Names of columns in lower case, the first found being taken; those of VizieR, Gaia, SIMBAD, SExtractor."""


@dataclass(frozen=True, eq=False)
class BrightStars:
    """Stars with their places and magnitudes.

    Attributes
    ----------
    names
        What to call them; their rows from 1 where the catalogue has no names.
    ra, dec
        ``(N,)`` float64, in degrees.
    magnitude
        ``(N,)`` float64.
    """

    names: tuple[str, ...]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]

    def __len__(self) -> int:
        """Return their number."""
        return len(self.names)


def read_bright_stars(path: Path, *, magnitude: str | None = None) -> BrightStars:
    """Read stars from a table: FITS, VOTable, ECSV, CSV or whatever else Astropy knows by its name.

    Rows without place or magnitude are left out.  Columns without a unit are in degrees, and so is text as
    a number; other text is sexagesimal, right ascensions in hours.

    Parameters
    ----------
    path
        The file.
    magnitude
        Name of the column of magnitudes; by default the first that looks like one.

    Raises
    ------
    SourceError
        If it cannot be read, or has no such columns, or a place that is none.
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


def _read(path: Path) -> Any:
    from astropy.table import Table

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        return Table.read(path)
    except Exception as error:  # whatever the readers of tables raise
        reason = " ".join(str(error).split())[:160]
        raise SourceError(
            f"{path}: cannot be read as a table ({reason}); give FITS, VOTable, ECSV or CSV"
        ) from error


def _numbers(column: Any, path: Path) -> NDArray[np.float64]:
    try:
        filled = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError):
        raise SourceError(f"{path}: column {column.name}: expected numbers") from None
    return np.asarray(filled, float)


def _degrees(column: Any, path: Path, *, hours: bool) -> NDArray[np.float64]:
    """Return angles in degrees, NaN where there are none."""
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
