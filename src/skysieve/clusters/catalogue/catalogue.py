"""Catalogue of cluster candidates, with the unit and description of each column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.naming import cluster_names

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "make_catalogue", "ranking"]


@dataclass(frozen=True)
class ColumnKind:
    """A column: its name, unit, dtype, description, and UCD 1+ of the Virtual Observatory."""

    name: str
    unit: str | None
    kind: str
    description: str
    ucd: str


COLUMNS = (
    ColumnKind("name", None, "U", "name by place, digits cut off", "meta.id;meta.main"),
    ColumnKind("RA", "deg", "f8", "right ascension, ICRS", "pos.eq.ra;meta.main"),
    ColumnKind("Dec", "deg", "f8", "declination, ICRS", "pos.eq.dec;meta.main"),
    ColumnKind("GLON", "deg", "f8", "Galactic longitude", "pos.galactic.lon"),
    ColumnKind("GLAT", "deg", "f8", "Galactic latitude", "pos.galactic.lat"),
    ColumnKind("score", "", "f4", "how sure the finder is, from 0 to 1", "stat.likelihood"),
    ColumnKind("snr", "", "f4", "signal to noise of the matched filter", "stat.snr"),
    ColumnKind("size", "arcmin", "f4", "angular size", "phys.angSize"),
    ColumnKind("npix", "pix", "i4", "pixels of the map above the threshold", "meta.number"),
    ColumnKind("finder", None, "U", "what found it: network, mmf or both", "meta.note"),
)
"""Columns of every catalogue.  Columns of known catalogues and other columns of a finder follow them."""

_MISSING: dict[str, float | str] = {"f": np.nan, "i": -1, "U": ""}
"""Value of a missing entry, by kind of dtype."""


def make_catalogue(candidates: Table, *, prefix: str) -> Table:
    """Make a catalogue of candidates, sorted by decreasing score.

    Parameters
    ----------
    candidates
        Table with ``lon`` and ``lat`` (Galactic, degrees) and any of ``score``, ``snr``, ``size`` (arcmin),
        ``npix`` and ``finder``.  Other columns are kept.
    prefix
        Prefix of the names.

    Returns
    -------
    Table
        The columns of :data:`COLUMNS`, with units, descriptions and UCDs, then all others.

    Raises
    ------
    ConfigError
        If the prefix is not valid.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.table import Column, Table

    best = candidates[np.argsort(-ranking(candidates), kind="stable")]
    lon, lat = (np.asarray(best[name], np.float64) for name in ("lon", "lat"))
    positions = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic").icrs
    ra, dec = np.asarray(positions.ra.deg, np.float64), np.asarray(positions.dec.deg, np.float64)
    names = cluster_names(ra, dec, prefix=prefix, unique=True)
    computed: dict[str, NDArray[np.generic]] = {
        "name": np.array(names, dtype=None if names else "U1"),
        "RA": ra,
        "Dec": dec,
        "GLON": np.mod(lon, 360.0),
        "GLAT": lat,
    }
    catalogue = Table()
    for column in COLUMNS:
        values = computed.get(column.name)
        if values is None:
            values = _values(best, column)
        described = Column(values, description=column.description, meta={"ucd": column.ucd})
        if column.unit is not None:
            described.unit = units.Unit(column.unit)
        catalogue[column.name] = described
    for name in best.colnames:
        if name not in ("lon", "lat", *catalogue.colnames):
            catalogue[name] = best[name]
    return catalogue


def ranking(table: Table) -> NDArray[np.float64]:
    """Return the quantity by which the rows of a table are ranked.

    Parameters
    ----------
    table
        Catalogue; names of columns are compared without case.

    Returns
    -------
    ndarray of float64, shape (N,)
        The column ``score``, or else ``snr``; 0 if the table has neither.  Missing values are ``-inf``.
    """
    names = {name.lower(): name for name in reversed(table.colnames)}
    for wanted in ("score", "snr"):
        if wanted in names and table[names[wanted]].dtype.kind in "iuf":
            values = np.ma.filled(np.ma.asarray(table[names[wanted]]).astype(float), np.nan)
            if np.isfinite(values).any():
                return np.nan_to_num(np.asarray(values, np.float64), nan=-np.inf)
    return np.zeros(len(table))


def _values(table: Table, column: ColumnKind) -> NDArray[np.generic]:
    letter = column.kind[0]
    if column.name not in table.colnames:
        return np.full(len(table), _MISSING[letter], "U1" if letter == "U" else column.kind)
    values: NDArray[np.generic] = np.ma.filled(np.ma.asarray(table[column.name]), _MISSING[letter])
    if letter == "U":
        return values.astype(str) if len(values) else np.empty(0, "U1")
    return values.astype(column.kind)
