"""Reading of skies to learn clusters from: maps, and the tables of what is in them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.map_sets import read_map_set
from skysieve.clusters.simulate.tables import find_column, read_sky_table, values_of
from skysieve.clusters.train.expected_snr import expected_snr
from skysieve.clusters.train.skies import LearnedSky, Places
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.tables import SkyTable
    from skysieve.core.training.patch_settings import LabelSettings

__all__ = ["read_skies"]

logger = logging.getLogger(__name__)

CLUSTERS_FILE = "clusters.fits"
SOURCES_FILE = "sources.fits"

COMPLETE = {"100": 0.269, "143": 0.177, "217": 0.152, "353": 0.304, "545": 0.555, "857": 0.791}
"""Flux in Jy from which Planck's second catalogue of compact sources is 90 % complete.

References
----------
Planck Collaboration 2016, A&A 594, A26, table 1.
"""


def read_skies(
    folders: Sequence[Path], labels: LabelSettings, *, bands: Sequence[str] = ()
) -> tuple[LearnedSky, ...]:
    """Read skies: folders with maps, ``clusters.fits`` and, if it is there, ``sources.fits``.

    Parameters
    ----------
    folders
        As ``skysieve simulate sky`` writes them.
    labels
        Which clusters and sources are labelled.
    bands
        Names of the maps that are used; all, if empty.

    Raises
    ------
    ConfigError
        If a band is missing, skies differ in their bands, or no cluster is labelled.
    SourceError
        If a file is missing or cannot be read.
    """
    skies = tuple(_read_sky(folder, labels, bands) for folder in folders)
    first, *others = skies
    for other in others:
        if [band.name for band in other.bands] != [band.name for band in first.bands]:
            raise ConfigError(
                f"{other.name}: has bands {_names(other.bands)}, and {first.name} has {_names(first.bands)}; "
                "name those of both as patches.bands of the recipe"
            )
    if not any(len(sky.clusters) for sky in skies):
        raise ConfigError("no cluster is bright enough to be labelled; lower the limits in labels")
    return skies


def _read_sky(folder: Path, labels: LabelSettings, wanted: Sequence[str]) -> LearnedSky:
    maps = read_map_set(folder, bands=wanted or None)
    clusters, left_open = _clusters(read_sky_table(folder / CLUSTERS_FILE), labels, maps.bands)
    path = folder / SOURCES_FILE
    sources = _sources(read_sky_table(path), labels) if path.exists() else Places.none()
    logger.info(
        "%s: %d clusters are labelled, %d left open, %d sources",
        *(folder, len(clusters), len(left_open), len(sources)),
    )
    return LearnedSky(str(folder), maps.stack, maps.bands, clusters, left_open, sources)


def _clusters(found: SkyTable, labels: LabelSettings, bands: Sequence[Band]) -> tuple[Places, Places]:
    """Return the clusters that are labelled, and those that are left open."""
    size = _column(found, "t500")
    places = Places(found.lon, found.lat, np.full(len(found), np.nan) if size is None else size)
    known = np.isfinite(found.lon)
    y500 = _column(found, "y500")
    if labels.least_y500 > 0:
        if y500 is None:
            raise ConfigError(f"{found.path}: has no column Y500, which labels.least_y500 asks for")
        strength, least, fainter = y500, labels.least_y500, labels.open_y500
    elif y500 is None or size is None:
        logger.warning("%s: without Y500 and T500 every cluster in it is labelled", found.path)
        return places[known], Places.none()
    else:
        strength = expected_snr(y500, size, bands)
        least, fainter = labels.least_snr, labels.open_snr
    return places[known & (strength >= least)], places[known & (strength < least) & (strength >= fainter)]


def _sources(found: SkyTable, labels: LabelSettings) -> Places:
    """Return the sources that are bright enough."""
    bright, columns = np.zeros(len(found), bool), 0
    for band, limit in COMPLETE.items():
        flux = _column(found, f"s{band}")
        if flux is not None:
            bright |= flux >= labels.least_flux * limit
            columns += 1
    if not columns:
        logger.warning("%s: without fluxes S100, S143, … every source in it counts", found.path)
        bright[:] = True
    return Places(found.lon, found.lat, np.full(len(found), np.nan))[bright & np.isfinite(found.lon)]


def _column(found: SkyTable, name: str) -> NDArray[np.float64] | None:
    there = find_column(found.table, [name])
    return None if there is None else values_of(found.table[there], found.path)


def _names(bands: Sequence[Band]) -> str:
    return ", ".join(band.name for band in bands)
