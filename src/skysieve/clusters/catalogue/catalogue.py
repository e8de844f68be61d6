"""The catalogue of candidates: its columns, with unit and meaning of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.maps.naming import DEFAULT_PREFIX, cluster_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "make_catalogue", "ranking"]


@dataclass(frozen=True)
class ColumnKind:
    """A column: its name, unit, type, what it means, and its word in the Virtual Observatory (UCD 1+)."""

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
"""Of every catalogue; those of known catalogues and whatever a finder adds stand behind them."""

_NONE: dict[str, Any] = {"f": np.nan, "i": -1, "U": ""}


def make_catalogue(candidates: Any, *, prefix: str = DEFAULT_PREFIX) -> Any:
    """Return candidates as a catalogue, the best first, with names and all columns of :data:`COLUMNS`.

    Parameters
    ----------
    candidates
        An ``astropy.table.Table`` with the columns ``lon`` and ``lat``, Galactic in degrees, and as many of
        ``score``, ``snr``, ``size`` in arcminutes, ``npix`` and ``finder`` as there are.  Others are kept.
    prefix
        What names begin with.

    Returns
    -------
    astropy.table.Table

    Raises
    ------
    ConfigError
        If the prefix is none.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.table import Column, Table

    best = candidates[np.argsort(-ranking(candidates), kind="stable")]
    lon, lat = (np.asarray(best[name], np.float64) for name in ("lon", "lat"))
    places = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic").icrs
    ra, dec = np.asarray(places.ra.deg, np.float64), np.asarray(places.dec.deg, np.float64)
    names = cluster_names(ra, dec, prefix=prefix, unique=True)
    made: dict[str, Any] = {
        "name": np.array(names, dtype=None if names else "U1"),
        "RA": ra,
        "Dec": dec,
        "GLON": np.mod(lon, 360.0),
        "GLAT": lat,
    }
    catalogue = Table()
    for column in COLUMNS:
        values = made.get(column.name)
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


def ranking(table: Any) -> NDArray[np.float64]:
    """Return how good each row of a table is: its score, or else its signal to noise; 0 without both.

    Rows that lack the number are worst of all.
    """
    names = {name.lower(): name for name in reversed(table.colnames)}
    for wanted in ("score", "snr"):
        if wanted in names and table[names[wanted]].dtype.kind in "iuf":
            values = np.ma.filled(np.ma.asarray(table[names[wanted]]).astype(float), np.nan)
            if np.isfinite(values).any():
                return np.nan_to_num(np.asarray(values, np.float64), nan=-np.inf)
    return np.zeros(len(table))


def _values(table: Any, column: ColumnKind) -> NDArray[Any]:
    letter = column.kind[0]
    if column.name not in table.colnames:
        return np.full(len(table), _NONE[letter], "U1" if letter == "U" else column.kind)
    values: NDArray[Any] = np.ma.filled(np.ma.asarray(table[column.name]), _NONE[letter])
    if letter == "U":
        return values.astype(str) if len(values) else np.empty(0, "U1")
    return values.astype(column.kind)
