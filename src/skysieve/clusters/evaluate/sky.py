"""A sky with known clusters as a trial: which candidates are real, and which clusters could be found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skysieve.clusters.catalogue.cross_match import check_radius, match
from skysieve.clusters.maps.split import SkySplit
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue

__all__ = [
    "BLOCKS",
    "Area",
    "Judged",
    "Rules",
    "TrialSky",
    "findable_clusters",
    "judge",
    "noise_by_size",
]

BLOCK_NSIDE = 8
BLOCKS = 12 * BLOCK_NSIDE**2
"""Blocks of a sky that are drawn anew in resamples: HEALPix pixels of 54 square degrees."""


@dataclass(frozen=True)
class Rules:
    """What counts.

    Attributes
    ----------
    radius
        In arcminutes, between a candidate and the cluster that it is.
    least_y500
        A true cluster is findable from this on, in square arcminutes: completeness is that of these.
    least_real
        A candidate is real if it is a true cluster with this or more: purity is the part that is real.
        Clusters below are so many that a candidate has one nearby by chance.
    least_snr
        A findable cluster must have this signal to noise, too, as expected from the noise of the matched
        filter for its size; None for no such limit.
    purity
        Completeness is compared where candidates are as pure as this.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    radius: float = 5.0
    least_y500: float = 5e-4
    least_real: float = 1e-4
    least_snr: float | None = None
    purity: float = 0.9

    def __post_init__(self) -> None:
        """Refuse rules that make no sense."""
        check_radius(self.radius)
        if not 0 < self.purity <= 1:
            raise ConfigError(f"purity {self.purity:g}: expected above 0, to 1")
        if not 0 <= self.least_real <= self.least_y500:
            raise ConfigError(
                f"least Y500 of findable clusters {self.least_y500:g}, of real ones {self.least_real:g}: "
                "the second must be from 0 to the first"
            )


@dataclass(frozen=True)
class Area:
    """Which part of a sky counts.

    Attributes
    ----------
    role
        Tiles of this role of the split only; ``all`` for all.
    split
        The split.
    footprints
        Each tells of Galactic directions in degrees whether they were searched; all have to be.
    """

    role: Literal["test", "validation", "train", "all"] = "test"
    split: SkySplit = field(default_factory=SkySplit)
    footprints: tuple[Callable[[Any, Any], NDArray[np.bool_]], ...] = ()

    def contains(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which directions are in it."""
        inside = np.ones(lon.shape, bool)
        if self.role != "all" and lon.size:
            inside &= self.split.role_of(lon, lat) == self.role
        for footprint in self.footprints:
            inside &= footprint(lon, lat)
        return inside


@dataclass(frozen=True, eq=False)
class TrialSky:
    """A sky whose clusters are known.

    Attributes
    ----------
    truth
        All of them, with Y500.
    area
        What counts.
    noise
        Sizes in arcminutes, and the noise of Y500 for clusters of these, in square arcminutes; see
        :func:`noise_by_size`.
    """

    truth: KnownCatalogue
    area: Area
    noise: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """Candidates of one detector and the true clusters, on the area that counts, of one sky or more.

    Attributes
    ----------
    score, real, separation, block
        Of each candidate ``(N,)``: its score; whether it is a true cluster; how far from that, in arcminutes,
        or NaN; and the block of the sky that it is in.
    found_score
        Of each true cluster ``(M,)`` the score of the candidate that it is; minus infinity if there is none.
    findable
        Whether it counts for completeness.
    redshift, m500, y500, true_block
        What is known of it, and its block.
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
    def join(cls, parts: Sequence[Judged]) -> Judged:
        """Return the candidates of several skies as one, blocks of each counted on."""
        names = list(cls.__dataclass_fields__)
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        for name, size in (("block", "score"), ("true_block", "y500")):
            counts = [len(getattr(part, size)) for part in parts]
            joined[name] = joined[name] + BLOCKS * np.repeat(np.arange(len(parts)), counts)
        return cls(**joined)


def judge(sky: TrialSky, lon: ArrayLike, lat: ArrayLike, score: ArrayLike, rules: Rules) -> Judged:
    """Tell which candidates are real and which clusters were found.

    The best candidate goes first: it is the brightest true cluster within the radius, if there is one, and
    that is no other candidate's any more.  So what is found above one score does not depend on candidates
    below.  Pairs are made before the area is cut out, so that its edges part none.

    Parameters
    ----------
    sky
        With its true clusters.
    lon, lat
        Of all candidates ``(N,)``, Galactic, in degrees.
    score
        Of these.
    rules
        What counts.

    Raises
    ------
    ConfigError
        If the truth has no Y500, or a signal to noise is asked for and the noise is not known.
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
    there = sky.area.contains(truth.lon[true], truth.lat[true])
    true = true[there]
    return Judged(
        rank[kept],
        np.isfinite(separation[kept]),
        separation[kept],
        _blocks(across[kept], up[kept]),
        found_score[there],
        findable[there],
        truth.redshift[true],
        truth.m500[true],
        truth.y500[true],
        _blocks(truth.lon[true], truth.lat[true]),
    )


def findable_clusters(sky: TrialSky, rules: Rules) -> NDArray[np.bool_]:
    """Return which true clusters ``(M,)`` of a sky count for completeness, wherever they are.

    Raises
    ------
    ConfigError
        If a signal to noise is asked for and the noise is not known.
    """
    findable = np.nan_to_num(sky.truth.y500) >= rules.least_y500
    if rules.least_snr is not None:
        findable &= np.nan_to_num(_expected_snr(sky)) >= rules.least_snr
    return findable


def noise_by_size(table: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return sizes and the noise of Y500 for each, the median of a catalogue's columns; None without these.

    The matched filter tries a few sizes, and states of each candidate the best of them as ``size``, and its
    noise as ``y500_error``.
    """
    if not {"size", "y500_error"} <= set(table.colnames):
        return None
    size, noise = (
        np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan) for name in ("size", "y500_error")
    )
    known = np.isfinite(size) & np.isfinite(noise) & (noise > 0)
    # A table in single precision tells sizes apart by rounding alone
    sizes = np.unique(np.round(size[known], 3))
    if not sizes.size:
        return None
    medians = [np.median(noise[known & (np.round(size, 3) == one)]) for one in sizes]
    return sizes.astype(np.float64), np.array(medians, np.float64)


def _expected_snr(sky: TrialSky) -> NDArray[np.float64]:
    """Return the signal to noise that true clusters are expected to have; NaN without a size."""
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
