"""Find candidates in a map of the sky: pure functions on HEALPix maps and tables.

Only pixels above the threshold are processed, so a map of 50 million pixels takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, unit_vectors
from skysieve.core.errors import ConfigError, FrameError

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Score", "deduplicate", "find_candidates", "non_maximum_suppression"]

Score = Literal["peak", "mean"]

_EDGE_NEIGHBOURS = [0, 2, 4, 6]
"""Indices, among the eight neighbours that healpy returns, of those that share an edge."""


def find_candidates(
    values: NDArray[np.floating],
    nside: int,
    nested: bool,  # noqa: FBT001 (values, nside and nested define a map)
    *,
    threshold: float,
    min_pixels: int = 3,
    max_radius_arcmin: float = 15.0,
    connectivity: Literal[4, 8] = 8,
    score: Score = "peak",
) -> Table:
    """Find the connected groups of pixels at or above a threshold.

    A group that extends beyond a maximum radius from its peak is split: into the pixels within the radius of
    its peak and of each further local maximum outside, each pixel to the nearest one.

    Parameters
    ----------
    values : ndarray of floating, shape (12 nside**2,)
        Probabilities or S/N in Galactic pixels; NaN where there are no data.
    nside, nested
        Resolution and order of the map.
    threshold
        Minimum value of pixels, above 0.
    min_pixels
        Minimum number of pixels of a group.
    max_radius_arcmin
        Maximum distance of a pixel from the peak of its group, in arcminutes.
    connectivity
        8 if pixels that touch only at a corner are neighbours, 4 if not.
    score
        ``peak``: the score of a candidate is its maximum value; ``mean``: the mean over its pixels.

    Returns
    -------
    Table
        Sorted by decreasing ``score``.  ``lon`` and ``lat`` are the centroid on the sphere, weighted with the
        values (Galactic, degrees); ``peak`` is the maximum value; ``size`` is the radius of a disc of the
        same area, in arcminutes; ``npix`` is the number of pixels.

    Raises
    ------
    ConfigError
        If an option is out of range.
    FrameError
        If the number of pixels does not match `nside`.
    """
    if not (threshold > 0 and min_pixels >= 1 and max_radius_arcmin > 0):
        raise ConfigError(
            f"threshold {threshold}, least number of pixels {min_pixels}, largest radius "
            f"{max_radius_arcmin}: each must be above 0"
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
    radius = _chord(max_radius_arcmin)
    groups = _within_radius(_connected(pairs, pixels.size), pairs, vectors, weights, radius)
    return _table(groups, vectors, weights, nside, min_pixels=min_pixels, score=score)


def deduplicate(table: Table, radius_arcmin: float, *, by: str = "score") -> Table:
    """Remove duplicates from a table by non-maximum suppression; see :func:`non_maximum_suppression`.

    Parameters
    ----------
    table
        Table with ``lon`` and ``lat`` in degrees.
    radius_arcmin
        Radius of suppression in arcminutes; 0 keeps all rows.
    by
        Column to rank by; larger is better, and NaN ranks last.

    Returns
    -------
    Table
        The rows that are kept, in their order.
    """
    kept = non_maximum_suppression(
        table["lon"], table["lat"], np.asarray(table[by], np.float64), radius_arcmin
    )
    return table[np.flatnonzero(kept)]


def non_maximum_suppression(
    lon: ArrayLike, lat: ArrayLike, rank: NDArray[np.float64], radius_arcmin: float
) -> NDArray[np.bool_]:
    """Return which positions are kept by non-maximum suppression.

    Positions are processed by decreasing rank.  Each one that is kept removes all others within the radius; a
    position that is removed does not remove any other.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        Positions in degrees.
    rank : ndarray of float64, shape (N,)
        Larger is better; NaN ranks last.
    radius_arcmin
        Radius of suppression in arcminutes; 0 keeps all positions.

    Returns
    -------
    ndarray of bool, shape (N,)
        True for positions that are kept.
    """
    if len(rank) == 0 or radius_arcmin <= 0:
        return np.ones(len(rank), bool)
    return _suppress(unit_vectors(np.asarray(lon), np.asarray(lat)), rank, _chord(radius_arcmin))


def _chord(radius_arcmin: float) -> float:
    """Return the distance between unit vectors at an angle."""
    return float(2 * np.sin(np.radians(radius_arcmin / 60) / 2))


def _suppress(vectors: NDArray[np.float64], rank: NDArray[np.float64], chord: float) -> NDArray[np.bool_]:
    """Return which unit vectors ``(N, 3)`` are kept by non-maximum suppression."""
    from scipy.spatial import cKDTree

    near = cKDTree(vectors).query_pairs(chord, output_type="ndarray")
    order = np.argsort(-np.nan_to_num(rank, nan=-np.inf), kind="stable")
    position = np.empty(order.size, np.intp)
    position[order] = np.arange(order.size)
    better = position[near[:, 0]] < position[near[:, 1]]
    first = np.where(better, near[:, 0], near[:, 1])
    second = np.where(better, near[:, 1], near[:, 0])
    removed = np.zeros(order.size, bool)
    # In the order of the better one of each pair, so that its own fate is known before it removes the other
    for number in np.argsort(position[first], kind="stable"):
        if not removed[first[number]]:
            removed[second[number]] = True
    return ~removed


def _neighbours(pixels: NDArray[np.intp], nside: int, *, nested: bool, connectivity: int) -> NDArray[np.intp]:
    """Return pairs ``(2, M)`` of rows of `pixels` that are neighbours, each pair in both orders."""
    import healpy

    if pixels.size == 0:
        return np.empty((2, 0), np.intp)
    around = np.asarray(healpy.get_all_neighbours(nside, pixels, nest=nested))
    if connectivity == 4:
        around = around[_EDGE_NEIGHBOURS]
    rows = np.minimum(np.searchsorted(pixels, around), pixels.size - 1)
    present = pixels[rows] == around
    return np.stack([np.broadcast_to(np.arange(pixels.size), around.shape)[present], rows[present]])


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
    """Split groups beyond the maximum radius; pixels that are cut off get the label -1."""
    if labels.size == 0:
        return labels
    peaks = _peaks(labels, weights)
    far = np.linalg.norm(vectors - vectors[peaks[labels]], axis=1) > chord
    large = np.isin(labels, labels[far])
    if not large.any():
        return labels
    from scipy.spatial import cKDTree

    # A maximum is above all of its neighbours.  A plateau has one at each end; suppression removes the others
    lower = weights[pairs[0]] < weights[pairs[1]]
    level = (weights[pairs[0]] == weights[pairs[1]]) & (pairs[0] > pairs[1])
    maximum = large.copy()
    maximum[pairs[0][lower | level]] = False
    result = np.where(large, -1, labels)
    next_label = int(labels.max()) + 1
    order = np.flatnonzero(large)
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts = np.unique(labels[order], return_index=True)
    for members in np.split(order, starts[1:]):
        seeds = members[maximum[members]]
        seeds = seeds[_suppress(vectors[seeds], weights[seeds], chord)]
        distance, nearest = cKDTree(vectors[seeds]).query(vectors[members])
        inside = distance <= chord
        result[members[inside]] = next_label + nearest[inside]
        next_label += seeds.size
    return result


def _peaks(labels: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the row of the largest weight of each label, from 0."""
    order = np.lexsort((-weights, labels))
    _, first = np.unique(labels[order], return_index=True)
    return order[first]


def _table(
    groups: NDArray[np.intp],
    vectors: NDArray[np.float64],
    weights: NDArray[np.float64],
    nside: int,
    *,
    min_pixels: int,
    score: Score,
) -> Table:
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
    table = table[npix >= min_pixels]
    return table[np.argsort(-np.asarray(table["score"]), kind="stable")]
