"""Catalogues of known clusters: positions, and redshift, mass, Y500 and T500 where available.

Any table with coordinates can be read.  Some published catalogues have wrong or missing names and units in
their headers.  They are recognised by their columns (:data:`FORMATS`), and read with the right ones.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.clusters.maps.naming import arcsecond_names, cluster_names, galactic_names
from skysieve.clusters.simulate.tables import find_column, read_sky_table, values_of
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.table import Column, Table
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.simulate.tables import SkyTable

__all__ = ["FORMATS", "Y500_PER_Y5R500", "KnownCatalogue", "known_clusters", "read_known_catalogue"]

logger = logging.getLogger(__name__)

Y500_PER_Y5R500 = 0.6145 / 1.1037
"""Y500 / Y(5 R500) of the universal pressure profile, both within spheres: I(1) / I(5) of Arnaud et al. 2010,
A&A 517, A92, equations 19 to 21."""

MASS_UNIT = "1e14 solMass"
_NAMES = ("name", "cluster", "cluster_name", "main_id", "id_name", "source", "id")
# Ranges of median masses without a unit: in solar masses, and in MASS_UNIT
_SOLAR_MASSES = (1e12, 1e17)
_MASSES = (1e-3, 1e3)


class Source(NamedTuple):
    """A column from which a quantity is read.

    Attributes
    ----------
    column
        Name in lower case.
    unit
        Unit of the quantity; empty if it is dimensionless.
    scale
        Scale of the values in that unit, if the column has no unit.
    factor
        Ratio of the quantity to the one in the column.
    """

    column: str
    unit: str
    scale: float = 1.0
    factor: float = 1.0

    @property
    def assumed(self) -> str:
        """The unit that is assumed for a column without one."""
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
    """Format of a published catalogue.

    Attributes
    ----------
    name
        Name of the catalogue.
    signature
        Columns, in capitals, that identify it: all must be present.
    redshift, m500, y500, t500
        Columns of the quantity; the first positive value of each row is used.
    names
        Makes names from RA, Dec, Galactic longitude and latitude, if there is no column with names.
    """

    name: str
    signature: frozenset[str]
    redshift: tuple[Source, ...] = _REDSHIFTS
    m500: tuple[Source, ...] = _M500
    y500: tuple[Source, ...] = _Y500
    t500: tuple[Source, ...] = _T500
    names: Callable[[ArrayLike, ArrayLike, ArrayLike, ArrayLike], list[str]] | None = None


FORMATS = (
    # The column R500 of this table holds Y5R500 in spite of its name
    Format(
        "PSZ2",
        frozenset({"RA", "DEC", "GLON", "GLAT", "M500", "R500", "REDMAPPER", "MCXC", "Z"}),
        y500=(Source("r500", "arcmin2", 1e-3, Y500_PER_Y5R500),),
        names=lambda _ra, _dec, lon, lat: galactic_names(lon, lat, prefix="PSZ2"),
    ),
    Format(
        "MCXC",
        frozenset({"RA", "DEC", "R500", "M500", "Z"}),
        y500=(),
        names=lambda ra, dec, _lon, _lat: cluster_names(ra, dec, prefix="MCXC"),
    ),
    Format(
        "redMaPPer",
        frozenset({"RA", "DEC", "LAMBDA", "Z"}),
        m500=(),
        y500=(),
        names=lambda ra, dec, _lon, _lat: arcsecond_names(ra, dec, prefix="RM"),
    ),
    # The column Y5R500 of this table mixes the units of its sources, and is another quantity for ACT and SPT
    Format(
        "merged",
        frozenset({"INDEX_PSZ1", "INDEX_PSZ2", "INDEX_ACT", "INDEX_SPT", "PSZ2_Y5R500"}),
        m500=tuple(Source(name, MASS_UNIT) for name in ("psz2_msz", "psz1_m_yz_500", "act_m500", "spt_m500")),
        y500=(Source("psz2_y5r500", "arcmin2", 1e-3, Y500_PER_Y5R500),),
    ),
)
"""Formats in the order in which they are tried."""

_GENERIC = Format("", frozenset())


@dataclass(frozen=True, eq=False)
class KnownCatalogue:
    """Clusters, or other sources, with their positions.

    Attributes
    ----------
    name
        Name of the catalogue, and of its column in tables of matches.
    path
        File that it was read from.
    names : ndarray of str, shape (N,)
        Names of the clusters; the number of the row, from 1, where the file has no name.
    lon, lat : ndarray of float64, shape (N,)
        Galactic coordinates in degrees.
    redshift : ndarray of float64, shape (N,)
        Redshifts; missing values are NaN, also below.
    m500 : ndarray of float64, shape (N,)
        M500 in 1e14 solar masses.
    y500 : ndarray of float64, shape (N,)
        Integrated Compton parameter within a sphere of R500, in square arcminutes.
    t500 : ndarray of float64, shape (N,)
        Angular size of R500, in arcminutes.
    notes
        Assumptions made while reading the file.
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
        """Return the number of clusters."""
        return len(self.lon)


def read_known_catalogue(path: Path, *, name: str | None = None) -> KnownCatalogue:
    """Read a catalogue from a file.

    Rows without coordinates are left out.  Redshifts, masses and sizes that are not positive count as
    missing.  Masses without a unit are taken as solar masses if their median is between 1e12 and 1e17, as
    1e14 solar masses if it is between 1e-3 and 1e3, and are left out otherwise.

    Parameters
    ----------
    path
        FITS, VOTable, ECSV, CSV or another table that Astropy recognises by its file name.
    name
        Name of the catalogue; by default that of the format, or of the file.

    Returns
    -------
    KnownCatalogue
        The clusters with coordinates.

    Raises
    ------
    SourceError
        If the file cannot be read, or has no finite coordinates.
    """
    return known_clusters(read_sky_table(path), name=name)


def known_clusters(read: SkyTable, *, name: str | None = None) -> KnownCatalogue:
    """Convert a table to a catalogue; see :func:`read_known_catalogue`.

    Parameters
    ----------
    read
        Table with positions, of :func:`skysieve.clusters.simulate.tables.read_sky_table`.
    name
        Name of the catalogue; by default that of the format, or of the file.

    Returns
    -------
    KnownCatalogue
        The clusters with coordinates.

    Raises
    ------
    SourceError
        If no row has coordinates.
    """
    path, table = read.path, read.table
    columns = {column.upper() for column in table.colnames}
    form = next((form for form in FORMATS if form.signature <= columns), _GENERIC)
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


def _quantity(table: Table, sources: Sequence[Source], path: Path, notes: list[str]) -> NDArray[np.float64]:
    """Return the first positive value of each row in the unit of the sources, or else NaN."""
    found = np.full(len(table), np.nan)
    for source in sources:
        column = find_column(table, [source.column])
        if column is None or table[column].dtype.kind not in "iuf":
            continue
        values = values_of(table[column], path)
        values = np.where(values > 0, values, np.nan) * _factor(table[column], source, values, notes)
        found = np.where(np.isfinite(found), found, values)
    return found


def _factor(column: Column, source: Source, values: NDArray[np.float64], notes: list[str]) -> float:
    """Return the factor from the values of a column to the quantity in the unit of the source."""
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
        # The size of the values shows the unit
        median = float(np.nanmedian(values))
        if _SOLAR_MASSES[0] <= median <= _SOLAR_MASSES[1]:
            notes.append(f"{column.name} has no unit: taken as solar masses")
            return 1e-14 * source.factor
        if not _MASSES[0] <= median <= _MASSES[1]:
            notes.append(f"{column.name} has no unit, and values about {median:.3g}: no masses; left out")
            return float("nan")
    notes.append(f"{column.name} has no unit: taken as {source.assumed}")
    return source.scale * source.factor


def _names(
    table: Table, form: Format, kept: NDArray[np.intp], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.str_]:
    column = find_column(table, _NAMES)
    if column is not None and table[column].dtype.kind in "SUO":
        texts = [str(text).strip() for text in np.ma.filled(np.ma.asarray(table[column].astype(str)), "")]
        return np.array([texts[row] or str(row + 1) for row in kept])
    if form.names is None:
        return np.array([str(row + 1) for row in kept])
    from astropy import units
    from astropy.coordinates import SkyCoord

    positions = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic").icrs
    return np.array(form.names(positions.ra.deg, positions.dec.deg, lon, lat))
