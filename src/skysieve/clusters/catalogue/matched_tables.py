"""Match candidates with known catalogues: two columns and a count of matches per catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.cross_match import chance_matches, default_radius, match
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue

__all__ = ["MatchCount", "add_matches", "check_names"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class MatchCount:
    """Number of candidates that match a catalogue.

    Attributes
    ----------
    name
        Name of the catalogue.
    matched
        Number of candidates with a match.
    chance
        Expected number of chance matches.
    known
        Number of clusters of the catalogue; of those on the footprint, if there is one.
    radius
        Matching radius in arcminutes.
    """

    name: str
    matched: int
    chance: float
    known: int
    radius: float


def add_matches(
    table: Table,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    catalogues: Sequence[KnownCatalogue],
    *,
    radii: Mapping[str, float] | None = None,
    rank: ArrayLike | None = None,
    covered: Sequence[NDArray[np.bool_]] | None = None,
) -> list[MatchCount]:
    """Add the matches with known catalogues to a table of candidates, in place.

    Each catalogue adds two columns: the name of the match (``NAME``), and its separation (``NAME_sep``).

    Parameters
    ----------
    table
        N candidates.
    lon, lat : ndarray of float64, shape (N,)
        Galactic coordinates of the candidates, in degrees.
    catalogues
        Known catalogues; their names become those of the columns.
    radii
        Matching radii in arcminutes by catalogue; the default is that of
        :func:`~skysieve.clusters.catalogue.cross_match.default_radius`.
    rank
        See :func:`~skysieve.clusters.catalogue.cross_match.match`.
    covered
        For each catalogue, which of its clusters are on the footprint; by default all are counted.

    Returns
    -------
    list of MatchCount
        One count per catalogue.

    Raises
    ------
    ConfigError
        If a name or radius is not valid.
    """
    names = [catalogue.name for catalogue in catalogues]
    check_names(names, radii or {})
    counts = []
    for index, catalogue in enumerate(catalogues):
        radius = (radii or {}).get(catalogue.name, default_radius(catalogue.name))
        found = match(lon, lat, catalogue.lon, catalogue.lat, radius=radius, rank=rank)
        by_chance = chance_matches(
            lon, lat, catalogue.lon, catalogue.lat, radius=radius, shift=max(1.0, radius / 15.0)
        )
        partner, separation = np.full(len(table), "", catalogue.names.dtype), np.full(len(table), np.nan)
        partner[found.first] = catalogue.names[found.second]
        separation[found.first] = found.separation
        _add(table, catalogue.name, partner, separation, radius)
        known = len(catalogue) if covered is None else int(np.count_nonzero(covered[index]))
        counts.append(MatchCount(catalogue.name, len(found), by_chance, known, float(radius)))
    return counts


def check_names(names: Sequence[str], radii: Mapping[str, float] | None = None) -> None:
    """Check that names of catalogues are valid as names of columns, and that each radius has a catalogue.

    Parameters
    ----------
    names
        Names of all catalogues.
    radii
        Matching radii by catalogue.

    Raises
    ------
    ConfigError
        If a name is not valid or is given twice, or a radius has no catalogue.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"catalogue {name!r}: expected a name of letters and digits, as PSZ2")
        if names.count(name) > 1:
            raise ConfigError(f"catalogue {name} is given twice; give each a name of its own")
    unknown = [name for name in radii or {} if name not in names]
    if unknown:
        raise ConfigError(
            f"radius of {unknown[0]}: no such catalogue; there are {', '.join(names) or 'none'}"
        )


def _add(
    table: Table,
    name: str,
    partner: NDArray[np.str_],
    separation: NDArray[np.float64],
    radius: float,
) -> None:
    from astropy import units
    from astropy.table import Column

    # Replace the columns of an earlier match with this catalogue, but no other column with this name
    own = f"{name}_sep" in table.colnames
    if name in table.colnames and not own:
        raise ConfigError(f"the table has a column {name} already; give the catalogue another name")
    table.remove_columns([column for column in (name, f"{name}_sep") if column in table.colnames])
    table[name] = Column(partner, description=f"name in {name} of the cluster within {radius:g} arcmin")
    table[f"{name}_sep"] = Column(
        separation, unit=units.arcmin, description=f"separation from the cluster of {name}"
    )
