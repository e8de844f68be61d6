"""Which of two lists of places on the sky are the same: pairs, one to one, within a radius."""

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
"""Radii in arcminutes by how the name of a catalogue begins, in lower case.  Planck's beams, and nearby
clusters of X-ray catalogues, are wide."""

DEFAULT_RADIUS = 5.0
"""Radius in arcminutes for all other catalogues: redMaPPer, ACT, SPT, false sources."""

LARGEST_RADIUS = 10_800.0
"""Half of the way round the sky, in arcminutes."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of places, each of them in one pair at most.

    Attributes
    ----------
    first, second
        ``(M,)`` intp: rows of either list, in the order of the first.
    separation
        ``(M,)`` float64, in arcminutes.
    sizes
        Lengths of the lists.
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
        """Of each row of the first list its partner in the second, or -1."""
        partner = np.full(self.sizes[0], -1, np.intp)
        partner[self.first] = self.second
        return partner

    @property
    def of_second(self) -> NDArray[np.intp]:
        """Of each row of the second list its partner in the first, or -1."""
        partner = np.full(self.sizes[1], -1, np.intp)
        partner[self.second] = self.first
        return partner


def default_radius(name: str) -> float:
    """Return the radius for a catalogue of this name, in arcminutes.

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
    """Pair the places of two lists, one to one.

    The best of the first list takes the nearest within its radius, then the second best takes the nearest of
    those that are left, and so on.  So pairs of the best do not depend on those that are worse.

    Parameters
    ----------
    lon, lat
        ``(N,)``, in degrees; rows that are not finite have no partner.
    other_lon, other_lat
        ``(M,)``, in degrees, in the same frame.
    radius
        In arcminutes: one for all, or one for each of the second list.
    rank
        ``(N,)``: how good each of the first list is, as its score; NaN is worst.  By default the closest pair
        goes first.
    other_rank
        ``(M,)``: each takes the one of the second list that ranks highest, as the brightest, in place of the
        nearest.

    Raises
    ------
    ConfigError
        If a radius is not above 0 and below half of the sky.
    """
    here, there = _places(lon, lat), _places(other_lon, other_lat)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(there[0]),))
    check_radius(radii)
    rows, partners, separation = _pairs(here, there, radii)
    # What decides last stands first
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
    for place in order.tolist():
        row, partner = rows[place], partners[place]
        if not taken[row] and not chosen[partner]:
            taken[row] = chosen[partner] = True
            kept.append(place)
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
    """Return how many pairs there would be by chance: the mean of those of the first list when shifted.

    Each place is shifted by the same angle in evenly spread directions, so that it stays in its
    neighbourhood, where the other list is as dense.

    Parameters
    ----------
    lon, lat, other_lon, other_lat, radius
        See :func:`match`.
    shift
        In degrees; well above the radius.
    directions
        How many.

    Raises
    ------
    ConfigError
        If a radius is wrong, or not below half of the shift.
    """
    check_radius(radius)
    largest = float(np.max(radius, initial=0.0))
    if largest > 30.0 * shift:
        raise ConfigError(f"places shifted by {shift:g} degrees tell nothing of a radius of {largest:g}'")
    here = _places(lon, lat)
    counts = []
    for angle in 2 * np.pi * np.arange(directions) / directions:
        moved = _shifted(here, np.radians(shift), float(angle))
        counts.append(len(match(*moved, other_lon, other_lat, radius=radius)))
    return float(np.mean(counts))


def check_radius(radius: ArrayLike) -> None:
    """Make sure that radii are angles in arcminutes.

    Raises
    ------
    ConfigError
        If one is not.
    """
    values = np.atleast_1d(np.asarray(radius, np.float64))
    wrong = values[~((values > 0) & (values < LARGEST_RADIUS))]
    if wrong.size:
        raise ConfigError(f"radius of matches: {wrong[0]:g} is not above 0 arcminutes and below 180 degrees")


def _worst_last(rank: ArrayLike) -> NDArray[np.float64]:
    return np.nan_to_num(-np.asarray(rank, np.float64), nan=np.inf)


Places = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def _places(lon: ArrayLike, lat: ArrayLike) -> Places:
    return np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))


def _vectors(places: Places) -> NDArray[np.float64]:
    """Return places as unit vectors ``(N, 3)``."""
    lon, lat = np.radians(places[0]), np.radians(places[1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _pairs(
    here: Places, there: Places, radii: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return all pairs within the radius of the second: rows of both, and separations in arcminutes."""
    from scipy.spatial import cKDTree

    mine, others = (np.flatnonzero(np.isfinite(x) & np.isfinite(y)) for x, y in (here, there))
    nothing = np.empty(0, np.intp)
    if not (mine.size and others.size):
        return nothing, nothing, np.empty(0)
    first, second = _vectors(here)[mine], _vectors(there)[others]
    reach = 2 * np.sin(np.radians(radii[others].max() / 60.0) / 2)
    # A hair more, for what is right on the edge; the edge itself is drawn below
    near = cKDTree(first).sparse_distance_matrix(
        cKDTree(second), reach * (1 + 1e-9) + 1e-12, output_type="ndarray"
    )
    separation = 60.0 * np.degrees(2 * np.arcsin(np.minimum(near["v"] / 2, 1.0)))
    rows, partners = mine[near["i"]], others[near["j"]]
    inside = separation <= radii[partners] * (1 + 1e-9)
    return rows[inside], partners[inside], separation[inside]


def _shifted(places: Places, angle: float, direction: float) -> Places:
    """Return places an angle away on the great circle of a direction, from north over east, in radians."""
    lon, lat = np.radians(places[0]), np.radians(places[1])
    height = np.sin(lat) * np.cos(angle) + np.cos(lat) * np.sin(angle) * np.cos(direction)
    height = np.clip(height, -1.0, 1.0)
    turn = np.arctan2(np.sin(direction) * np.sin(angle) * np.cos(lat), np.cos(angle) - np.sin(lat) * height)
    return np.degrees(lon + turn), np.degrees(np.arcsin(height))
