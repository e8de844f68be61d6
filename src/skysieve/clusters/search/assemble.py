"""Assemble finished units into maps of the sky, and select candidates from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.tiling import unit_pixels
from skysieve.clusters.search.combine import Scoring, join_candidates
from skysieve.clusters.search.decide import deduplicate, find_candidates
from skysieve.clusters.search.finder import CANDIDATE_COLUMNS
from skysieve.clusters.search.flags import candidate_flags
from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.search.finder import ClusterFinder
    from skysieve.clusters.search.unit_files import UnitFiles

__all__ = ["SkyMaps", "assemble", "choose_candidates"]

_SEARCH_RADIUS = 3.0
"""Radius in arcminutes in which a finder's map is searched for its value of the other finder's candidate."""

_DEMOTION = 1e6
"""Penalty in S/N of candidates that are inconsistent with a cluster, where they are duplicates of others."""

_OPTIONAL_COLUMNS = {
    "probability": (None, "highest probability that the network gives a pixel"),
    "source": (None, "signal to noise of the point source that fits best"),
    "y500": ("arcmin2", "Compton parameter within R500, by the matched filter"),
    "y500_error": ("arcmin2", "noise of y500 at this size"),
    "chi2": (None, "chi-square of the spectrum of a cluster, per degree of freedom"),
    "joint": (None, "signal to noise of the cluster, fitted with dust and CO"),
    "dust": (None, "signal to noise of dust, in this fit"),
    "co": (None, "signal to noise of carbon monoxide, in this fit"),
    "flags": (None, "sum of 1 dust, 2 CO, 4 source, 8 spectrum not of a cluster"),
}
"""Unit and description of columns that not every catalogue has."""


@dataclass(frozen=True, eq=False)
class SkyMaps:
    """Results on the whole sky: HEALPix maps ``(npix,)`` in Galactic coordinates, NESTED.

    Attributes
    ----------
    nside
        NSIDE of all maps.
    footprint : ndarray of bool, shape (npix,)
        Searched pixels.
    probability, snr, source : ndarray of float32, shape (npix,)
        See :class:`skysieve.clusters.search.finder.FoundUnit`; None if the finder was not used.
    candidates : mapping of ndarray of float64, shape (N,)
        Candidates of the matched filter, with duplicates from neighbouring units.
    """

    nside: int
    footprint: NDArray[np.bool_]
    probability: NDArray[np.float32] | None
    snr: NDArray[np.float32] | None
    source: NDArray[np.float32] | None
    candidates: Mapping[str, NDArray[np.float64]]

    def products(self) -> dict[str, NDArray[np.float32]]:
        """Return the maps that are written as products.

        Returns
        -------
        dict of ndarray of float32, shape (npix,)
            ``probability`` and ``snr``, if they were computed.
        """
        maps = {"probability": self.probability, "snr": self.snr}
        return {name: values for name, values in maps.items() if values is not None}


def assemble(files: UnitFiles, units: Iterable[int], nside: int, *, network: bool, filtered: bool) -> SkyMaps:
    """Assemble finished units into maps of the sky.

    Parameters
    ----------
    files
        Files of the units.
    units
        Numbers of the units.
    nside
        NSIDE of the maps.
    network, filtered
        Whether the network and the matched filter were used.

    Returns
    -------
    SkyMaps
        Maps and candidates of all units.

    Raises
    ------
    OutputError
        If a unit is missing or damaged.
    """
    npix = 12 * nside**2
    footprint = np.zeros(npix, bool)
    used = {"probability": network, "snr": filtered, "source": filtered}
    maps = {name: np.full(npix, np.nan, np.float32) for name, computed in used.items() if computed}
    lists: dict[str, list[NDArray[np.float64]]] = {name: [np.empty(0)] for name in CANDIDATE_COLUMNS}
    for unit in units:
        pixels = unit_pixels(unit, nside)
        read = files.read(unit, pixels.size)
        if read is None:
            raise OutputError(f"{files.path_of(unit)} is missing or damaged; go on with --resume")
        found, footprint[pixels] = read
        for name, values in maps.items():
            values[pixels] = getattr(found, name)
        for name, rows in lists.items():
            rows.append(found.candidates[name])
    return SkyMaps(
        nside,
        footprint,
        maps.get("probability"),
        maps.get("snr"),
        maps.get("source"),
        {name: np.concatenate(rows) for name, rows in lists.items()},
    )


def choose_candidates(sky: SkyMaps, finder: ClusterFinder, scoring: Scoring) -> Table:
    """Select the candidates on the sky, sorted by decreasing score.

    Parameters
    ----------
    sky
        Maps and candidates of :func:`assemble`.
    finder
        Finder whose settings and threshold apply.
    scoring
        Scoring of the candidates.

    Returns
    -------
    Table
        ``lon``, ``lat`` (Galactic, degrees), ``score``, ``probability``, ``snr``, ``source``, ``size``
        (arcmin: theta500 of the matched filter, or else the radius of a disc of the same area), ``npix``,
        ``y500``, ``y500_error`` (arcmin2), ``chi2``, ``joint``, ``dust`` and ``co`` of the test of the
        spectrum, ``flags`` (see :class:`skysieve.clusters.search.flags.CandidateFlag`) and ``finder``.
    """
    from astropy.table import Table

    settings = finder.settings
    filtered = Table(dict(sky.candidates))
    if len(filtered):
        filtered = filtered[_inside(sky, filtered)]
        # A cloud must not replace a cluster beside it, however bright it is
        filtered["rank"] = filtered["snr"] - _DEMOTION * (filtered["consistent"] == 0)
        filtered = deduplicate(filtered, settings.same, by="rank")
    searched = sky.probability is not None
    network = find_candidates(
        sky.probability if sky.probability is not None else np.full(12, np.nan, np.float32),
        sky.nside if searched else 1,
        True,
        threshold=finder.threshold,
        min_pixels=settings.least_pixels,
        max_radius_arcmin=settings.most_radius,
    )
    table = join_candidates(network, filtered, settings.same)
    # A finder's map may have a value below its threshold at a candidate of the other finder
    for name, values in (("probability", sky.probability), ("snr", sky.snr), ("source", sky.source)):
        missing = np.isnan(table[name])
        if values is not None and missing.any():
            table[name][missing] = _highest(values, sky.nside, table["lon"][missing], table["lat"][missing])
    table["flags"] = candidate_flags(table)
    table["score"] = scoring(table)
    table.remove_column("consistent")
    table = deduplicate(table, settings.same)
    for name, (unit, description) in _OPTIONAL_COLUMNS.items():
        table[name].unit, table[name].description = unit, description
    return table[np.argsort(-np.asarray(table["score"]), kind="stable")]


def _inside(sky: SkyMaps, table: Table) -> NDArray[np.bool_]:
    import healpy

    return np.asarray(
        sky.footprint[healpy.ang2pix(sky.nside, table["lon"], table["lat"], nest=True, lonlat=True)]
    )


def _highest(
    values: NDArray[np.float32], nside: int, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the maximum of a map near each position ``(N,)``; NaN where the map has no data."""
    import healpy

    radius, found = np.radians(_SEARCH_RADIUS / 60), np.full(len(lon), np.nan)
    for number, centre in enumerate(healpy.ang2vec(lon, lat, lonlat=True).reshape(-1, 3)):
        near = values[healpy.query_disc(nside, centre, radius, nest=True, inclusive=True)]
        if np.isfinite(near).any():
            found[number] = np.nanmax(near)
    return found
