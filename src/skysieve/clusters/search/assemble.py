"""From finished units to maps of the sky, and from these to one list of candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.maps.tiling import unit_pixels
from skysieve.clusters.search.combine import Scoring, join_candidates
from skysieve.clusters.search.decide import deduplicate, find_candidates
from skysieve.clusters.search.finder import CANDIDATE_COLUMNS
from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from skysieve.clusters.search.finder import ClusterFinder
    from skysieve.clusters.search.parts import Parts

__all__ = ["SkyMaps", "assemble", "choose_candidates"]

_NEAR = 3.0
"""Arcminutes within which a map is asked for what one finder says of a candidate of the other."""

_DESCRIBED = {
    "probability": (None, "highest probability that the network gives a pixel"),
    "source": (None, "signal to noise of the point source that fits best"),
    "y500": ("arcmin2", "Compton parameter within R500, by the matched filter"),
    "y500_error": ("arcmin2", "noise of y500 at this size"),
}
"""Unit and meaning of columns that not every catalogue has."""


@dataclass(frozen=True, eq=False)
class SkyMaps:
    """What was found on the sky: maps ``(npix,)`` of Galactic pixels, NESTED.

    Attributes
    ----------
    nside
        Of all maps.
    footprint : ndarray of bool
        Where candidates were looked for.
    probability, snr, source : ndarray of float32
        See :class:`skysieve.clusters.search.finder.FoundUnit`; None where it was not asked for.
    candidates : dict of ndarray
        Of the matched filter, those of neighbouring units not yet taken together.
    """

    nside: int
    footprint: NDArray[np.bool_]
    probability: NDArray[np.float32] | None
    snr: NDArray[np.float32] | None
    source: NDArray[np.float32] | None
    candidates: Mapping[str, NDArray[np.float64]]

    def products(self) -> dict[str, NDArray[np.float32]]:
        """Return the maps that are products, by name."""
        maps = {"probability": self.probability, "snr": self.snr}
        return {name: values for name, values in maps.items() if values is not None}


def assemble(parts: Parts, units: Iterable[int], nside: int, *, network: bool, filtered: bool) -> SkyMaps:
    """Put finished units together.

    Parameters
    ----------
    parts
        Where they lie.
    units
        Which.
    nside
        Of the maps.
    network, filtered
        Whether the network, and the matched filter, was asked.

    Raises
    ------
    OutputError
        If a unit is missing or damaged.
    """
    npix = 12 * nside**2
    footprint = np.zeros(npix, bool)
    wanted = {"probability": network, "snr": filtered, "source": filtered}
    maps = {name: np.full(npix, np.nan, np.float32) for name, asked in wanted.items() if asked}
    lists: dict[str, list[NDArray[np.float64]]] = {name: [np.empty(0)] for name in CANDIDATE_COLUMNS}
    for unit in units:
        pixels = unit_pixels(unit, nside)
        read = parts.read(unit, pixels.size)
        if read is None:
            raise OutputError(f"{parts.path_of(unit)} is missing or damaged; go on with --resume")
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


def choose_candidates(sky: SkyMaps, finder: ClusterFinder, scoring: Scoring) -> Any:
    """Return the candidates of the sky, each with its score, the best first.

    Parameters
    ----------
    sky
        Of :func:`assemble`.
    finder
        With its settings and threshold.
    scoring
        What their scores are.

    Returns
    -------
    astropy.table.Table
        ``lon``, ``lat`` (Galactic degrees), ``score``, ``probability``, ``snr``, ``source``, ``size``
        (arcmin: theta500 of the matched filter, or else the radius of a disc of as many pixels), ``npix``,
        ``y500``, ``y500_error`` (arcmin2) and ``finder``.
    """
    from astropy.table import Table

    settings = finder.settings
    filtered = Table(dict(sky.candidates))
    if len(filtered):
        filtered = deduplicate(filtered[_inside(sky, filtered)], settings.same, by="snr")
    asked = sky.probability is not None
    network = find_candidates(
        sky.probability if sky.probability is not None else np.full(12, np.nan, np.float32),
        sky.nside if asked else 1,
        True,
        threshold=finder.threshold,
        least_pixels=settings.least_pixels,
        most_radius_arcmin=settings.most_radius,
    )
    table = join_candidates(network, filtered, settings.same)
    # What one finder overlooked it may still have seen
    for name, values in (("probability", sky.probability), ("snr", sky.snr), ("source", sky.source)):
        missing = np.isnan(table[name])
        if values is not None and missing.any():
            table[name][missing] = _highest(values, sky.nside, table["lon"][missing], table["lat"][missing])
    table["score"] = scoring(table)
    table = deduplicate(table, settings.same)
    for name, (unit, description) in _DESCRIBED.items():
        table[name].unit, table[name].description = unit, description
    return table[np.argsort(-np.asarray(table["score"]), kind="stable")]


def _inside(sky: SkyMaps, table: Any) -> NDArray[np.bool_]:
    import healpy

    return np.asarray(
        sky.footprint[healpy.ang2pix(sky.nside, table["lon"], table["lat"], nest=True, lonlat=True)]
    )


def _highest(
    values: NDArray[np.float32], nside: int, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the highest value of a map close to each of some places; NaN where it has none."""
    import healpy

    reach, found = np.radians(_NEAR / 60), np.full(len(lon), np.nan)
    for number, centre in enumerate(healpy.ang2vec(lon, lat, lonlat=True).reshape(-1, 3)):
        near = values[healpy.query_disc(nside, centre, reach, nest=True, inclusive=True)]
        if np.isfinite(near).any():
            found[number] = np.nanmax(near)
    return found
