"""Read skies for training: maps and tables of the known objects."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.map_sets import read_map_set
from skysieve.clusters.simulate.tables import find_column, read_sky_table, values_of
from skysieve.clusters.train.expected_snr import expected_snr
from skysieve.clusters.train.skies import LabelledSky, SkyObjects
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

COMPLETENESS_FLUX = {"100": 0.269, "143": 0.177, "217": 0.152, "353": 0.304, "545": 0.555, "857": 0.791}
"""Flux density in Jy above which Planck's second catalogue of compact sources is 90 % complete, by band.

References
----------
Planck Collaboration 2016, A&A 594, A26, table 1.
"""


def read_skies(
    folders: Sequence[Path], labels: LabelSettings, *, bands: Sequence[str] = ()
) -> tuple[LabelledSky, ...]:
    """Read skies from folders with maps, ``clusters.fits`` and, optionally, ``sources.fits``.

    Parameters
    ----------
    folders
        Folders as written by ``skysieve simulate sky``.
    labels
        Settings that select the labelled clusters and sources.
    bands
        Names of the maps to use; all if empty.

    Returns
    -------
    tuple of LabelledSky
        In the order of the folders.

    Raises
    ------
    ConfigError
        If a band is missing, the skies differ in their bands, or no cluster is labelled.
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


def _read_sky(folder: Path, labels: LabelSettings, wanted: Sequence[str]) -> LabelledSky:
    maps = read_map_set(folder, bands=wanted or None)
    clusters, ignored = _clusters(read_sky_table(folder / CLUSTERS_FILE), labels, maps.bands)
    path = folder / SOURCES_FILE
    sources = _sources(read_sky_table(path), labels) if path.exists() else SkyObjects.empty()
    logger.info(
        "%s: %d clusters are labelled, %d left open, %d sources",
        *(folder, len(clusters), len(ignored), len(sources)),
    )
    return LabelledSky(str(folder), maps.stack, maps.bands, clusters, ignored, sources)


def _clusters(found: SkyTable, labels: LabelSettings, bands: Sequence[Band]) -> tuple[SkyObjects, SkyObjects]:
    """Return the labelled and the ignored clusters of a table."""
    size = _column(found, "t500")
    objects = SkyObjects(found.lon, found.lat, np.full(len(found), np.nan) if size is None else size)
    known = np.isfinite(found.lon)
    y500 = _column(found, "y500")
    if labels.least_y500 > 0:
        if y500 is None:
            raise ConfigError(f"{found.path}: has no column Y500, which labels.least_y500 asks for")
        strength, label_limit, ignore_limit = y500, labels.least_y500, labels.open_y500
    elif y500 is None or size is None:
        logger.warning("%s: without Y500 and T500 every cluster in it is labelled", found.path)
        return objects[known], SkyObjects.empty()
    else:
        strength = expected_snr(y500, size, bands)
        label_limit, ignore_limit = labels.least_snr, labels.open_snr
    is_labelled = known & (strength >= label_limit)
    is_ignored = known & (strength < label_limit) & (strength >= ignore_limit)
    return objects[is_labelled], objects[is_ignored]


def _sources(found: SkyTable, labels: LabelSettings) -> SkyObjects:
    """Return the sources of a table that are bright enough."""
    bright, columns = np.zeros(len(found), bool), 0
    for band, limit in COMPLETENESS_FLUX.items():
        flux = _column(found, f"s{band}")
        if flux is not None:
            bright |= flux >= labels.least_flux * limit
            columns += 1
    if not columns:
        logger.warning("%s: without fluxes S100, S143, … every source in it counts", found.path)
        bright[:] = True
    return SkyObjects(found.lon, found.lat, np.full(len(found), np.nan))[bright & np.isfinite(found.lon)]


def _column(found: SkyTable, name: str) -> NDArray[np.float64] | None:
    column = find_column(found.table, [name])
    return None if column is None else values_of(found.table[column], found.path)


def _names(bands: Sequence[Band]) -> str:
    return ", ".join(band.name for band in bands)
