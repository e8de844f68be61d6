"""From a map of the sky to candidates: pure functions on HEALPix maps and tables.

Only pixels above the threshold are looked at, so that a map of 50 million pixels takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, unit_vectors
from skysieve.core.errors import ConfigError, FrameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Score", "best_of_groups", "deduplicate", "find_candidates"]

Score = Literal["peak", "mean"]

_EDGES = [0, 2, 4, 6]
"""Of the eight neighbours that healpy lists, those that share an edge."""


def find_candidates(
    values: NDArray[np.floating[Any]],
    nside: int,
    nested: bool,  # noqa: FBT001 (part of what a map is)
    *,
    threshold: float,
    least_pixels: int = 3,
    most_radius_arcmin: float = 15.0,
    connectivity: Literal[4, 8] = 8,
    score: Score = "peak",
) -> Any:
    """Return the groups of neighbouring pixels that are at or above a threshold.

    A group that reaches farther than a radius from its peak is cut: to what lies within the radius of its
    peak, and of each further maximum that lies beyond, nearest first.

    Parameters
    ----------
    values : ndarray, shape (12 nside**2,)
        Probabilities, or S/N, in Galactic pixels; NaN where there is nothing.
    nside, nested
        Of the map.
    threshold
        Pixels below it do not count; above 0.
    least_pixels
        Groups of fewer are left out.
    most_radius_arcmin
        The radius.
    connectivity
        Whether pixels that touch at a corner only are neighbours (8) or not (4).
    score
        ``peak``: a candidate's score is its largest value; ``mean``: the mean over its pixels.

    Returns
    -------
    astropy.table.Table
        The best first.  ``lon`` and ``lat``: the centroid on the sphere, each pixel weighted with its value,
        Galactic degrees; ``score``; ``peak``, the largest value; ``size``: the radius of a disc of the same
        area, in arcminutes; ``npix``.

    Raises
    ------
    ConfigError
        If an option is out of range.
    FrameError
        If the map has not as many pixels as its nside says.
    """
    if not (threshold > 0 and least_pixels >= 1 and most_radius_arcmin > 0):
        raise ConfigError(
            f"threshold {threshold}, least number of pixels {least_pixels}, largest radius "
            f"{most_radius_arcmin}: each must be above 0"
        )
    if connectivity not in (4, 8) or score not in get_args(Score):
        raise ConfigError(f"connectivity {connectivity} with score {score!r}: give 4 or 8, and peak or mean")
    if values.shape != (12 * nside**2,):
        raise FrameError(f"a map of nside {nside} has {12 * nside**2} pixels; this has {values.shape}")
    import healpy

    pixels = np.flatnonzero(values >= threshold)
    weights = values[pixels].astype(np.float64)
    pairs = _neighbours(pixels, nside, nested=nested, connectivity=connectivity)
    vectors = np.stack(healpy.pix2vec(nside, pixels, nest=nested), axis=-1)
    radius = _chord(most_radius_arcmin)
    groups = _within_radius(_connected(pairs, pixels.size), pairs, vectors, weights, radius)
    return _table(groups, vectors, weights, nside, least_pixels=least_pixels, score=score)


def deduplicate(table: Any, radius_arcmin: float, *, by: str = "score") -> Any:
    """Return a table without the worse of each pair of rows that lie closer than a radius.

    Rows are gone through from the best to the worst, and each that stays takes away what is near it: of a
    chain every second one stays, and nothing goes because of a row that went itself.

    Parameters
    ----------
    table
        With ``lon`` and ``lat`` in degrees.
    radius_arcmin
        In arcminutes; 0 for no change.
    by
        Column with what is better where it is larger; NaN is worst.
    """
    kept = best_of_groups(table["lon"], table["lat"], np.asarray(table[by], np.float64), radius_arcmin)
    return table[np.flatnonzero(kept)]


def best_of_groups(
    lon: ArrayLike, lat: ArrayLike, rank: NDArray[np.float64], radius_arcmin: float
) -> NDArray[np.bool_]:
    """Return which places ``(N,)`` stay, where the better ones take away what is within a radius of them."""
    if len(rank) == 0 or radius_arcmin <= 0:
        return np.ones(len(rank), bool)
    return _best(unit_vectors(np.asarray(lon), np.asarray(lat)), rank, _chord(radius_arcmin))


def _chord(radius_arcmin: float) -> float:
    return float(2 * np.sin(np.radians(radius_arcmin / 60) / 2))


def _best(vectors: NDArray[np.float64], rank: NDArray[np.float64], chord: float) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    near = cKDTree(vectors).query_pairs(chord, output_type="ndarray")
    order = np.argsort(-np.nan_to_num(rank, nan=-np.inf), kind="stable")
    place = np.empty(order.size, np.intp)
    place[order] = np.arange(order.size)
    better = place[near[:, 0]] < place[near[:, 1]]
    first = np.where(better, near[:, 0], near[:, 1])
    second = np.where(better, near[:, 1], near[:, 0])
    gone = np.zeros(order.size, bool)
    # By the place of the better one: whether it stays is settled before it takes others away
    for number in np.argsort(place[first], kind="stable"):
        if not gone[first[number]]:
            gone[second[number]] = True
    return ~gone


def _neighbours(pixels: NDArray[np.intp], nside: int, *, nested: bool, connectivity: int) -> NDArray[np.intp]:
    """Return pairs ``(2, M)`` of rows of `pixels`, each both ways, that are neighbours."""
    import healpy

    if pixels.size == 0:
        return np.empty((2, 0), np.intp)
    around = np.asarray(healpy.get_all_neighbours(nside, pixels, nest=nested))
    if connectivity == 4:
        around = around[_EDGES]
    rows = np.minimum(np.searchsorted(pixels, around), pixels.size - 1)
    there = pixels[rows] == around
    return np.stack([np.broadcast_to(np.arange(pixels.size), around.shape)[there], rows[there]])


def _connected(pairs: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(pairs.shape[1], bool), (pairs[0], pairs[1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels, np.intp)


def _within_radius(
    labels: NDArray[np.intp],
    pairs: NDArray[np.intp],
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    chord: float,
) -> NDArray[np.intp]:
    """Return labels of groups none of which reaches farther than the radius; -1 for what is cut off."""
    if labels.size == 0:
        return labels
    peaks = _peaks(labels, weights)
    far = np.linalg.norm(vectors - vectors[peaks[labels]], axis=1) > chord
    large = np.isin(labels, labels[far])
    if not large.any():
        return labels
    from scipy.spatial import cKDTree

    # A maximum is above all its neighbours; of a plateau each end is, and the radius thins them out
    lower = weights[pairs[0]] < weights[pairs[1]]
    level = (weights[pairs[0]] == weights[pairs[1]]) & (pairs[0] > pairs[1])
    maximum = large.copy()
    maximum[pairs[0][lower | level]] = False
    result = np.where(large, -1, labels)
    fresh = int(labels.max()) + 1
    order = np.flatnonzero(large)
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts = np.unique(labels[order], return_index=True)
    for members in np.split(order, starts[1:]):
        seeds = members[maximum[members]]
        seeds = seeds[_best(vectors[seeds], weights[seeds], chord)]
        distance, nearest = cKDTree(vectors[seeds]).query(vectors[members])
        inside = distance <= chord
        result[members[inside]] = fresh + nearest[inside]
        fresh += seeds.size
    return result


def _peaks(labels: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each label, from 0, the row of its largest weight."""
    order = np.lexsort((-weights, labels))
    _, first = np.unique(labels[order], return_index=True)
    return order[first]


def _table(
    groups: NDArray[np.intp],
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    nside: int,
    *,
    least_pixels: int,
    score: Score,
) -> Any:
    from astropy.table import Table

    kept = groups >= 0
    _, groups = np.unique(groups[kept], return_inverse=True)
    vectors, weights = vectors[kept], weights[kept]
    count = int(groups.max(initial=-1)) + 1
    npix = np.bincount(groups, minlength=count)
    total = np.bincount(groups, weights, minlength=count)
    centres = np.zeros((count, 3))
    np.add.at(centres, groups, weights[:, None] * vectors)
    lon, lat = lon_lat(centres)
    peak = weights[_peaks(groups, weights)] if count else np.empty(0)
    table = Table(
        {
            "lon": lon,
            "lat": lat,
            "score": peak if score == "peak" else total / np.maximum(npix, 1),
            "peak": peak,
            "size": np.sqrt(npix / np.pi) * np.degrees(np.sqrt(np.pi / 3) / nside) * 60,
            "npix": npix,
        }
    )
    table = table[npix >= least_pixels]
    return table[np.argsort(-np.asarray(table["score"]), kind="stable")]
