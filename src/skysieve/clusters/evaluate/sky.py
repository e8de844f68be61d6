"""Match candidates with the true clusters of a sky, to see which are real and which clusters are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.cross_match import match
from skysieve.clusters.maps.split import SkySplit
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
    from skysieve.clusters.evaluate.settings import Role, Rules

__all__ = [
    "BLOCKS",
    "Area",
    "EvaluationSky",
    "TruthMatch",
    "findable_clusters",
    "match_to_truth",
    "noise_by_size",
]

BLOCK_NSIDE = 8
BLOCKS = 12 * BLOCK_NSIDE**2
"""Number of blocks of a sky for the block bootstrap: HEALPix pixels of 54 square degrees."""

Footprint = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], "NDArray[np.bool_]"]
"""Takes Galactic longitudes and latitudes in degrees, and returns which were searched."""

NoiseBySize = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Sizes in arcminutes, and the noise of Y500 in square arcminutes for each."""


@dataclass(frozen=True)
class Area:
    """The part of a sky that is evaluated.

    Attributes
    ----------
    role
        Role of the tiles; ``all`` for all tiles.
    split
        Split of the sky into tiles.
    footprints
        Footprints of the searches; the area is inside of all of them.
    """

    role: Role = "test"
    split: SkySplit = field(default_factory=SkySplit)
    footprints: tuple[Footprint, ...] = ()

    def contains(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which positions are in the area.

        Parameters
        ----------
        lon, lat : ndarray of float64, shape (N,)
            Galactic coordinates in degrees.

        Returns
        -------
        ndarray of bool, shape (N,)
            True in the area.
        """
        inside = np.ones(lon.shape, bool)
        if self.role != "all" and lon.size:
            inside &= self.split.role_of(lon, lat) == self.role
        for footprint in self.footprints:
            inside &= footprint(lon, lat)
        return inside


@dataclass(frozen=True, eq=False)
class EvaluationSky:
    """A sky with known clusters.

    Attributes
    ----------
    truth
        All true clusters, with Y500.
    area
        The part of the sky that is evaluated.
    noise
        Noise of Y500 by size; see :func:`noise_by_size`.
    """

    truth: KnownCatalogue
    area: Area
    noise: NoiseBySize | None = None


@dataclass(frozen=True, eq=False)
class TruthMatch:
    """Candidates of one detector matched with the true clusters, in the evaluated area of one or more skies.

    Attributes
    ----------
    score : ndarray of float64, shape (N,)
        Score of each candidate.
    real : ndarray of bool, shape (N,)
        Whether the candidate matches a true cluster.
    separation : ndarray of float64, shape (N,)
        Separation from the true cluster in arcminutes; NaN without a match.
    block : ndarray of int64, shape (N,)
        Block of the sky of the candidate.
    found_score : ndarray of float64, shape (M,)
        Score of the candidate that matches each true cluster; minus infinity without a match.
    findable : ndarray of bool, shape (M,)
        Whether the cluster counts for completeness.
    redshift, m500, y500 : ndarray of float64, shape (M,)
        Properties of the cluster.
    true_block : ndarray of int64, shape (M,)
        Block of the sky of the cluster.
    """

    score: NDArray[np.float64]
    real: NDArray[np.bool_]
    separation: NDArray[np.float64]
    block: NDArray[np.int64]
    found_score: NDArray[np.float64]
    findable: NDArray[np.bool_]
    redshift: NDArray[np.float64]
    m500: NDArray[np.float64]
    y500: NDArray[np.float64]
    true_block: NDArray[np.int64]

    @classmethod
    def join(cls, parts: Sequence[TruthMatch]) -> TruthMatch:
        """Join the matches on several skies, whose blocks get different numbers.

        Parameters
        ----------
        parts
            Matches of one detector, one per sky.

        Returns
        -------
        TruthMatch
            All candidates and clusters.
        """
        names = list(cls.__dataclass_fields__)
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        for name, size in (("block", "score"), ("true_block", "y500")):
            counts = [len(getattr(part, size)) for part in parts]
            joined[name] = joined[name] + BLOCKS * np.repeat(np.arange(len(parts)), counts)
        return cls(**joined)


def match_to_truth(
    sky: EvaluationSky, lon: ArrayLike, lat: ArrayLike, score: ArrayLike, rules: Rules
) -> TruthMatch:
    """Match candidates with true clusters: which candidates are real, and which clusters are found.

    Candidates are processed by decreasing score, and each is matched with the brightest free cluster within
    the radius.  So the clusters found above a score do not depend on candidates below it.  The area is
    applied after matching, so that its edges separate no pair.

    Parameters
    ----------
    sky
        Sky with its true clusters.
    lon, lat : array_like, shape (N,)
        Galactic coordinates of all candidates in degrees.
    score : array_like, shape (N,)
        Scores of the candidates.
    rules
        Rules of the evaluation.

    Returns
    -------
    TruthMatch
        The matches in the evaluated area.

    Raises
    ------
    ConfigError
        If the truth has no Y500, or a minimum S/N is set and the noise is not known.
    """
    truth = sky.truth
    if len(truth) and not np.isfinite(truth.y500).any():
        raise ConfigError(f"{truth.path}: no column of Y500, without which nothing is known to be findable")
    across, up, rank = (np.atleast_1d(np.asarray(x, np.float64)) for x in (lon, lat, score))
    true = np.flatnonzero(np.nan_to_num(truth.y500) >= rules.least_real)
    pairs = match(
        across,
        up,
        truth.lon[true],
        truth.lat[true],
        radius=rules.radius,
        rank=rank,
        other_rank=truth.y500[true],
    )
    separation = np.full(rank.size, np.nan)
    separation[pairs.first] = pairs.separation
    found_score = np.full(true.size, -np.inf)
    found_score[pairs.second] = rank[pairs.first]
    findable = findable_clusters(sky, rules)[true]
    kept = sky.area.contains(across, up) & np.isfinite(rank)
    inside = sky.area.contains(truth.lon[true], truth.lat[true])
    true = true[inside]
    return TruthMatch(
        rank[kept],
        np.isfinite(separation[kept]),
        separation[kept],
        _blocks(across[kept], up[kept]),
        found_score[inside],
        findable[inside],
        truth.redshift[true],
        truth.m500[true],
        truth.y500[true],
        _blocks(truth.lon[true], truth.lat[true]),
    )


def findable_clusters(sky: EvaluationSky, rules: Rules) -> NDArray[np.bool_]:
    """Return which true clusters of a sky count for completeness, inside or outside of the area.

    Parameters
    ----------
    sky
        Sky with its true clusters.
    rules
        Rules of the evaluation.

    Returns
    -------
    ndarray of bool, shape (M,)
        True for findable clusters.

    Raises
    ------
    ConfigError
        If a minimum S/N is set and the noise is not known.
    """
    findable = np.nan_to_num(sky.truth.y500) >= rules.least_y500
    if rules.least_snr is not None:
        findable &= np.nan_to_num(_expected_snr(sky)) >= rules.least_snr
    return findable


def noise_by_size(table: Table) -> NoiseBySize | None:
    """Return the noise of Y500 for each size of the matched filter.

    The matched filter has a few sizes.  A catalogue has the best size of each candidate in ``size``, and its
    noise in ``y500_error``; the noise of a size is the median over its candidates.

    Parameters
    ----------
    table
        Catalogue of the matched filter.

    Returns
    -------
    NoiseBySize or None
        None if the columns are missing or have no values.
    """
    if not {"size", "y500_error"} <= set(table.colnames):
        return None
    size, noise = (
        np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan) for name in ("size", "y500_error")
    )
    known = np.isfinite(size) & np.isfinite(noise) & (noise > 0)
    # In single precision, equal sizes may differ by rounding
    sizes = np.unique(np.round(size[known], 3))
    if not sizes.size:
        return None
    medians = [np.median(noise[known & (np.round(size, 3) == one)]) for one in sizes]
    return sizes.astype(np.float64), np.array(medians, np.float64)


def _expected_snr(sky: EvaluationSky) -> NDArray[np.float64]:
    """Return the expected S/N of true clusters; NaN without a size."""
    if sky.noise is None:
        raise ConfigError(
            "a least expected S/N needs the noise of the matched filter: give a catalogue of it, with "
            "columns size and y500_error"
        )
    sizes, noise = sky.noise
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.interp(np.log(sky.truth.t500), np.log(sizes), np.log(noise))
        return np.asarray(sky.truth.y500 / np.exp(expected))


def _blocks(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    import healpy

    if not lon.size:
        return np.empty(0, np.int64)
    return np.asarray(healpy.ang2pix(BLOCK_NSIDE, lon, lat, lonlat=True), np.int64)
