"""Catalogues of known clusters: places, and redshift, mass, Y500 and T500 where they have them.

Any table of places will do.  Of some published catalogues more is known than their headers say: these are
recognised by their columns (:data:`FORMATS`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skysieve.clusters.maps.naming import cluster_names, galactic_names, second_names
from skysieve.clusters.simulate.tables import find_column, read_sky_table, values_of
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.simulate.tables import SkyTable

__all__ = ["FORMATS", "Y500_PER_Y5R500", "KnownCatalogue", "known_clusters", "read_known_catalogue"]

logger = logging.getLogger(__name__)

Y500_PER_Y5R500 = 0.6145 / 1.1037
"""Of the universal pressure profile, both within spheres: I(1) and I(5) of Arnaud et al. 2010, A&A 517, A92,
equations 19 to 21."""

MASS_UNIT = "1e14 solMass"
_NAMES = ("name", "cluster", "cluster_name", "main_id", "id_name", "source", "id")
_SOLAR_MASSES = (1e12, 1e17)
_MASSES = (1e-3, 1e3)


class Source(NamedTuple):
    """A column that holds a quantity.

    Attributes
    ----------
    column
        Its name in lower case.
    unit
        Of the quantity; nothing for a number.
    scale
        Times this are numbers in that unit, where the column states no unit.
    factor
        What makes the quantity of that in the column.
    """

    column: str
    unit: str
    scale: float = 1.0
    factor: float = 1.0

    @property
    def assumed(self) -> str:
        """In words, the unit of numbers without one."""
        return self.unit if self.scale == 1 else f"{self.scale:g} {self.unit}"


_Y5R500 = Source("y5r500", "arcmin2", 1e-3, Y500_PER_Y5R500)
_REDSHIFTS = tuple(
    Source(name, "")
    for name in ("z", "redshift", "zspec", "z_spec", "z_lambda", "zlambda", "zphot", "z_phot", "photz")
)
_M500 = tuple(
    Source(name, MASS_UNIT)
    for name in ("m500", "msz", "m500c", "m500ccal", "m500cupp", "m_yz_500", "m500_true", "mass")
)
_Y500 = (Source("y500", "arcmin2"), _Y5R500)
_T500 = tuple(Source(name, "arcmin") for name in ("t500", "theta500", "theta_500"))


@dataclass(frozen=True)
class Format:
    """How a published catalogue is read.

    Attributes
    ----------
    name
        Of the catalogue.
    marks
        Columns that it has all of, in capitals.
    redshift, m500, y500, t500
        Where these are: of a row the first that is positive.
    names
        Makes names from places, RA, Dec, Galactic longitude and latitude, where there is no column of them.
    """

    name: str
    marks: frozenset[str]
    redshift: tuple[Source, ...] = _REDSHIFTS
    m500: tuple[Source, ...] = _M500
    y500: tuple[Source, ...] = _Y500
    t500: tuple[Source, ...] = _T500
    names: Callable[..., list[str]] | None = None


def _planck_names(ra: Any, dec: Any, lon: Any, lat: Any) -> list[str]:  # noqa: ARG001
    return galactic_names(lon, lat, prefix="PSZ2")


def _mcxc_names(ra: Any, dec: Any, lon: Any, lat: Any) -> list[str]:  # noqa: ARG001
    return cluster_names(ra, dec, prefix="MCXC")


def _redmapper_names(ra: Any, dec: Any, lon: Any, lat: Any) -> list[str]:  # noqa: ARG001
    return second_names(ra, dec, prefix="RM")


FORMATS = (
    # The column R500 of these is Y5R500, whatever it is called
    Format(
        "PSZ2",
        frozenset({"RA", "DEC", "GLON", "GLAT", "M500", "R500", "REDMAPPER", "MCXC", "Z"}),
        y500=(Source("r500", "arcmin2", 1e-3, Y500_PER_Y5R500),),
        names=_planck_names,
    ),
    Format("MCXC", frozenset({"RA", "DEC", "R500", "M500", "Z"}), y500=(), names=_mcxc_names),
    Format("redMaPPer", frozenset({"RA", "DEC", "LAMBDA", "Z"}), m500=(), y500=(), names=_redmapper_names),
    # Its own Y5R500 mixes the units of its sources, and for ACT and SPT is no such thing
    Format(
        "merged",
        frozenset({"INDEX_PSZ1", "INDEX_PSZ2", "INDEX_ACT", "INDEX_SPT", "PSZ2_Y5R500"}),
        m500=tuple(Source(name, MASS_UNIT) for name in ("psz2_msz", "psz1_m_yz_500", "act_m500", "spt_m500")),
        y500=(Source("psz2_y5r500", "arcmin2", 1e-3, Y500_PER_Y5R500),),
    ),
)
"""The first whose columns are there is taken."""

_ANY = Format("", frozenset())


@dataclass(frozen=True, eq=False)
class KnownCatalogue:
    """Clusters, or other sources, with their places.

    Attributes
    ----------
    name
        What to call it: in tables the name of a column.
    path
        The file.
    names
        Of its clusters; the number of the row, from 1, where nothing else is known.
    lon, lat
        Galactic, in degrees, ``(N,)`` float64.
    redshift
        ``(N,)`` float64; NaN where there is none, as below.
    m500
        In 1e14 solar masses.
    y500
        Integrated Compton parameter within a sphere of R500, in square arcminutes.
    t500
        R500 as an angle, in arcminutes.
    notes
        What had to be assumed in reading it.
    """

    name: str
    path: Path
    names: NDArray[np.str_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    redshift: NDArray[np.float64]
    m500: NDArray[np.float64]
    y500: NDArray[np.float64]
    t500: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of its clusters."""
        return len(self.lon)


def read_known_catalogue(path: Path, *, name: str | None = None) -> KnownCatalogue:
    """Read a catalogue from a table; rows without a place are left out.

    Redshifts, masses and sizes that are not positive are none.  Masses without a unit are in 1e14 solar
    masses, or in solar masses if they are of that size.

    Parameters
    ----------
    path
        The file: FITS, VOTable, ECSV, CSV or whatever else Astropy knows by its name.
    name
        What to call it; by default that of the format, or of the file.

    Raises
    ------
    SourceError
        If it cannot be read, or has no coordinates, or none that are finite.
    """
    return known_clusters(read_sky_table(path), name=name)


def known_clusters(read: SkyTable, *, name: str | None = None) -> KnownCatalogue:
    """Return a table that was read as a catalogue; see :func:`read_known_catalogue`."""
    path, table = read.path, read.table
    columns = {column.upper() for column in table.colnames}
    form = next((form for form in FORMATS if form.marks <= columns), _ANY)
    kept = np.flatnonzero(np.isfinite(read.lon))
    if not kept.size:
        raise SourceError(f"{path}: has no row with coordinates")
    notes = list(read.notes)
    redshift, m500, y500, t500 = (
        _quantity(table, sources, path, notes)[kept]
        for sources in (form.redshift, form.m500, form.y500, form.t500)
    )
    lon, lat = read.lon[kept], read.lat[kept]
    for note in notes:
        logger.info("%s: %s", path, note)
    return KnownCatalogue(
        name or form.name or path.name.partition(".")[0],
        path,
        _names(table, form, kept, lon, lat),
        lon,
        lat,
        redshift,
        m500,
        y500,
        t500,
        tuple(notes),
    )


def _quantity(table: Any, sources: Sequence[Source], path: Path, notes: list[str]) -> NDArray[np.float64]:
    """Return a quantity in the unit of its sources, the first that is positive of each row; else NaN."""
    found = np.full(len(table), np.nan)
    for source in sources:
        column = find_column(table, [source.column])
        if column is None or table[column].dtype.kind not in "iuf":
            continue
        values = values_of(table[column], path)
        values = np.where(values > 0, values, np.nan) * _factor(table[column], source, values, notes)
        found = np.where(np.isfinite(found), found, values)
    return found


def _factor(column: Any, source: Source, values: NDArray[np.float64], notes: list[str]) -> float:
    """Return what makes the values of a column those of the quantity."""
    from astropy import units

    if not source.unit:
        return source.factor
    if column.unit is not None:
        try:
            return float(units.Unit(column.unit).to(units.Unit(source.unit))) * source.factor
        except (units.UnitConversionError, TypeError, ValueError):
            notes.append(f"{column.name} has the unit {column.unit}: taken as {source.assumed}")
            return source.scale * source.factor
    if source.unit == MASS_UNIT and np.isfinite(values).any():
        # By their size masses tell what they are in
        middle = float(np.nanmedian(values))
        if _SOLAR_MASSES[0] <= middle <= _SOLAR_MASSES[1]:
            notes.append(f"{column.name} has no unit: taken as solar masses")
            return 1e-14 * source.factor
        if not _MASSES[0] <= middle <= _MASSES[1]:
            notes.append(f"{column.name} has no unit, and values about {middle:.3g}: no masses; left out")
            return float("nan")
    notes.append(f"{column.name} has no unit: taken as {source.assumed}")
    return source.scale * source.factor


def _names(
    table: Any, form: Format, kept: NDArray[np.intp], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.str_]:
    column = find_column(table, _NAMES)
    if column is not None and table[column].dtype.kind in "SUO":
        texts = [str(text).strip() for text in np.ma.filled(np.ma.asarray(table[column].astype(str)), "")]
        return np.array([texts[row] or str(row + 1) for row in kept])
    if form.names is None:
        return np.array([str(row + 1) for row in kept])
    from astropy import units
    from astropy.coordinates import SkyCoord

    places = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic").icrs
    return np.array(form.names(places.ra.deg, places.dec.deg, lon, lat))
