"""Evaluate several finders on a sky that is searched once: the products of each finder alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.catalogue import make_catalogue
from skysieve.clusters.catalogue.products import FoundClusters, write_products
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.maps.tiling import UNIT_NSIDE
from skysieve.clusters.search.assemble import assemble, choose_candidates
from skysieve.clusters.search.combine import Scoring
from skysieve.clusters.search.finder import CANDIDATE_COLUMNS, ClusterFinder
from skysieve.clusters.search.search_provenance import search_cards

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysieve.clusters.search.assemble import SkyMaps
    from skysieve.clusters.search.job import ClusterJob
    from skysieve.clusters.search.settings import Finder
    from skysieve.core.fits.locations import Location

__all__ = ["assemble_units", "for_finder", "required_finder", "units_of_role", "write_finders"]


def required_finder(finders: Sequence[Finder]) -> Finder:
    """Return the finder whose search includes those of several finders.

    Parameters
    ----------
    finders
        Finders to evaluate.

    Returns
    -------
    Finder
        ``both`` if they differ.
    """
    return finders[0] if len(set(finders)) == 1 else "both"


def units_of_role(job: ClusterJob, role: str, split: SkySplit | None = None) -> list[Location]:
    """Return the units of a search in the tiles of a role.

    Parameters
    ----------
    job
        The search.
    role
        Role of the tiles; ``all`` for all tiles.
    split
        Split of the sky; by default that of :class:`skysieve.clusters.maps.split.SkySplit`.

    Returns
    -------
    list of Location
        Files of the units; each unit lies in one tile.

    Raises
    ------
    SkysieveError
        If the maps cannot be used, or there are no pixels to search.
    """
    import healpy

    units = job.units()
    if role == "all":
        return units
    numbers = [job.unit_files.unit_of(unit.path) for unit in units]
    lon, lat = healpy.pix2ang(UNIT_NSIDE, numbers, nest=True, lonlat=True)
    inside = (split or SkySplit()).role_of(lon, lat) == role
    return [unit for unit, chosen in zip(units, np.atleast_1d(inside), strict=True) if chosen]


def write_finders(
    job: ClusterJob, units: Sequence[Location], finders: Sequence[Finder], folder: Path
) -> dict[str, Path]:
    """Write the products of each finder from finished units, and remove the unit files.

    Parameters
    ----------
    job
        The search, with the finder of :func:`required_finder`.
    units
        The units that were searched.
    finders
        Finders whose products are written.
    folder
        Folder with one subfolder per finder.

    Returns
    -------
    dict
        The subfolders by finder.

    Raises
    ------
    SkysieveError
        If a unit is missing, or a product cannot be written.
    """
    sky = assemble_units(job, units)
    folders: dict[str, Path] = {}
    for name in finders:
        finder = ClusterFinder(replace(job.settings, finder=name))
        scoring = Scoring.from_card(finder.model.card.sky if finder.model else {}, name)
        own = for_finder(sky, finder)
        catalogue = make_catalogue(choose_candidates(own, finder, scoring), prefix=job.prefix)
        cards = search_cards(finder, job.sky, [one.path for one in job.maps.stack.maps])
        products = FoundClusters(catalogue, own.footprint, own.products(), nested=True, cards=cards)
        write_products(products, folder / name, overwrite=True)
        folders[name] = folder / name
    job.unit_files.remove()
    return folders


def assemble_units(job: ClusterJob, units: Sequence[Location]) -> SkyMaps:
    """Assemble finished units into maps of the sky.

    Parameters
    ----------
    job
        The search.
    units
        The units that were searched.

    Returns
    -------
    SkyMaps
        Maps and candidates.

    Raises
    ------
    OutputError
        If a unit is missing or damaged.
    """
    return assemble(
        job.unit_files,
        [job.unit_files.unit_of(unit.path) for unit in units],
        job.sky.nside,
        network=job.settings.uses_network,
        filtered=job.settings.uses_filter,
    )


def for_finder(sky: SkyMaps, finder: ClusterFinder) -> SkyMaps:
    """Restrict the results of both finders to those of one.

    Parameters
    ----------
    sky
        Maps and candidates of a search.
    finder
        Finder whose results are kept.

    Returns
    -------
    SkyMaps
        Maps and candidates of this finder.
    """
    if not finder.settings.uses_network:
        sky = replace(sky, probability=None)
    if not finder.settings.uses_filter:
        candidates = {name: np.empty(0) for name in CANDIDATE_COLUMNS}
        sky = replace(sky, snr=None, source=None, candidates=candidates)
    return sky
