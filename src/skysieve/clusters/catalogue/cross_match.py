"""One-to-one cross-match of two lists of sky positions within a radius."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["DEFAULT_RADIUS", "RADII", "Matches", "chance_matches", "default_radius", "match"]

RADII: Mapping[str, float] = MappingProxyType({"planck": 7.0, "psz": 7.0, "plck": 7.0, "mcxc": 7.0})
"""Matching radii in arcminutes, by the first letters of a catalogue's name in lower case.  They are larger
for Planck, whose beams are wide, and for X-ray catalogues, whose nearby clusters are extended."""

DEFAULT_RADIUS = 5.0
"""Matching radius in arcminutes for all other catalogues: redMaPPer, ACT, SPT, spurious sources."""

LARGEST_RADIUS = 10_800.0
"""180 degrees, in arcminutes."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of positions; each position is in one pair at most.

    Attributes
    ----------
    first, second : ndarray of intp, shape (P,)
        Rows of the first and the second list, sorted by the first.
    separation : ndarray of float64, shape (P,)
        Angular separation in arcminutes.
    sizes
        Lengths of the two lists.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    separation: NDArray[np.float64]
    sizes: tuple[int, int]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first)

    @property
    def of_first(self) -> NDArray[np.intp]:
        """Matched row of the second list for each row of the first, or -1."""
        partner = np.full(self.sizes[0], -1, np.intp)
        partner[self.first] = self.second
        return partner

    @property
    def of_second(self) -> NDArray[np.intp]:
        """Matched row of the first list for each row of the second, or -1."""
        partner = np.full(self.sizes[1], -1, np.intp)
        partner[self.second] = self.first
        return partner


def default_radius(name: str) -> float:
    """Return the default matching radius for a catalogue.

    Parameters
    ----------
    name
        Name of the catalogue.

    Returns
    -------
    float
        Radius in arcminutes.

    Examples
    --------
    >>> default_radius("PSZ2"), default_radius("redMaPPer")
    (7.0, 5.0)
    """
    lower = name.lower()
    return next((radius for start, radius in RADII.items() if lower.startswith(start)), DEFAULT_RADIUS)


def match(
    lon: ArrayLike,
    lat: ArrayLike,
    other_lon: ArrayLike,
    other_lat: ArrayLike,
    *,
    radius: ArrayLike,
    rank: ArrayLike | None = None,
    other_rank: ArrayLike | None = None,
) -> Matches:
    """Match the positions of two lists one to one.

    Matching is greedy.  The first list is processed by decreasing rank, and each position is matched with the
    nearest free position of the second list within the radius.  So the matches of high ranks do not depend on
    lower ranks.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        First list, in degrees.  Rows that are not finite have no match.
    other_lon, other_lat : array_like, shape (M,)
        Second list, in degrees, in the same frame.
    radius : array_like, shape () or (M,)
        Radius in arcminutes: one for all, or one for each row of the second list.
    rank : array_like, shape (N,)
        Rank of the first list, such as its score; NaN ranks last.  By default the closest pair comes first.
    other_rank : array_like, shape (M,)
        Match with the highest rank of the second list, such as the brightest, in place of the nearest.

    Returns
    -------
    Matches
        The pairs.

    Raises
    ------
    ConfigError
        If a radius is not above 0 and below 180 degrees.
    """
    here, there = _positions(lon, lat), _positions(other_lon, other_lat)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(there[0]),))
    check_radius(radii)
    rows, partners, separation = _pairs(here, there, radii)
    # np.lexsort sorts by the last key first
    keys = [partners, separation]
    if other_rank is not None:
        keys.append(_worst_last(other_rank)[partners])
    if rank is None:
        keys.insert(1, rows)
    else:
        keys += [rows, _worst_last(rank)[rows]]
    order = np.lexsort(keys)
    taken, chosen = np.zeros(len(here[0]), bool), np.zeros(len(there[0]), bool)
    kept = []
    for index in order.tolist():
        row, partner = rows[index], partners[index]
        if not taken[row] and not chosen[partner]:
            taken[row] = chosen[partner] = True
            kept.append(index)
    pairs = np.array(kept, np.intp)
    pairs = pairs[np.argsort(rows[pairs])]
    return Matches(rows[pairs], partners[pairs], separation[pairs], (len(here[0]), len(there[0])))


def chance_matches(
    lon: ArrayLike,
    lat: ArrayLike,
    other_lon: ArrayLike,
    other_lat: ArrayLike,
    *,
    radius: ArrayLike,
    shift: float = 1.0,
    directions: int = 16,
) -> float:
    """Estimate the number of chance matches, by shifting the positions of the first list.

    Each position is shifted by the same angle in evenly spaced directions.  It stays in its neighbourhood,
    where the density of the second list is similar.

    Parameters
    ----------
    lon, lat, other_lon, other_lat, radius
        See :func:`match`.
    shift
        Angle in degrees, well above the radius.
    directions
        Number of directions.

    Returns
    -------
    float
        Mean number of matches over the directions.

    Raises
    ------
    ConfigError
        If a radius is not valid, or is above half of the shift.
    """
    check_radius(radius)
    largest = float(np.max(radius, initial=0.0))
    if largest > 30.0 * shift:
        raise ConfigError(
            f"a shift of {shift:g} degrees is too small for a radius of {largest:g}'; "
            "give at least twice the radius"
        )
    here = _positions(lon, lat)
    counts = []
    for angle in 2 * np.pi * np.arange(directions) / directions:
        moved = _shifted(here, np.radians(shift), float(angle))
        counts.append(len(match(*moved, other_lon, other_lat, radius=radius)))
    return float(np.mean(counts))


def check_radius(radius: ArrayLike) -> None:
    """Check that matching radii are valid.

    Parameters
    ----------
    radius
        One or more radii in arcminutes.

    Raises
    ------
    ConfigError
        If a radius is not above 0 and below 180 degrees.
    """
    values = np.atleast_1d(np.asarray(radius, np.float64))
    wrong = values[~((values > 0) & (values < LARGEST_RADIUS))]
    if wrong.size:
        raise ConfigError(f"radius of matches: {wrong[0]:g} is not above 0 arcminutes and below 180 degrees")


def _worst_last(rank: ArrayLike) -> NDArray[np.float64]:
    return np.nan_to_num(-np.asarray(rank, np.float64), nan=np.inf)


Positions = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Longitudes and latitudes ``(N,)`` in degrees."""


def _positions(lon: ArrayLike, lat: ArrayLike) -> Positions:
    return np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))


def _vectors(positions: Positions) -> NDArray[np.float64]:
    """Return unit vectors ``(N, 3)``."""
    lon, lat = np.radians(positions[0]), np.radians(positions[1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _pairs(
    here: Positions, there: Positions, radii: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return rows and separations (arcminutes) of all pairs within the radius of the second position."""
    from scipy.spatial import cKDTree

    mine, others = (np.flatnonzero(np.isfinite(x) & np.isfinite(y)) for x, y in (here, there))
    empty = np.empty(0, np.intp)
    if not (mine.size and others.size):
        return empty, empty, np.empty(0)
    first, second = _vectors(here)[mine], _vectors(there)[others]
    reach = 2 * np.sin(np.radians(radii[others].max() / 60.0) / 2)
    # Allow for rounding at the edge; the exact limit is applied below
    near = cKDTree(first).sparse_distance_matrix(
        cKDTree(second), reach * (1 + 1e-9) + 1e-12, output_type="ndarray"
    )
    separation = 60.0 * np.degrees(2 * np.arcsin(np.minimum(near["v"] / 2, 1.0)))
    rows, partners = mine[near["i"]], others[near["j"]]
    inside = separation <= radii[partners] * (1 + 1e-9)
    return rows[inside], partners[inside], separation[inside]


def _shifted(positions: Positions, angle: float, direction: float) -> Positions:
    """Return positions shifted by an angle along a position angle (north through east), both in radians."""
    lon, lat = np.radians(positions[0]), np.radians(positions[1])
    height = np.sin(lat) * np.cos(angle) + np.cos(lat) * np.sin(angle) * np.cos(direction)
    height = np.clip(height, -1.0, 1.0)
    change = np.arctan2(np.sin(direction) * np.sin(angle) * np.cos(lat), np.cos(angle) - np.sin(lat) * height)
    return np.degrees(lon + change), np.degrees(np.arcsin(height))
