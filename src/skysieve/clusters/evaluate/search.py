"""Several finders on one sky, searched once: what each of them alone would have found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
    from skysieve.clusters.search.combine import Finder
    from skysieve.clusters.search.job import ClusterJob
    from skysieve.core.fits.locations import Location

__all__ = ["found_units", "needed_finder", "seen_by", "units_of_role", "write_finders"]


def needed_finder(finders: Sequence[Finder]) -> Finder:
    """Return the finder whose search has all that these need."""
    return finders[0] if len(set(finders)) == 1 else "both"


def units_of_role(job: ClusterJob, role: str, split: SkySplit | None = None) -> list[Location]:
    """Return the units of a search that lie in tiles of a role, each in one tile; ``all`` for all.

    Raises
    ------
    SkysieveError
        If the maps cannot be used, or nothing is to be searched.
    """
    import healpy

    units = job.units()
    if role == "all":
        return units
    numbers = [job.parts.unit_of(unit.path) for unit in units]
    lon, lat = healpy.pix2ang(UNIT_NSIDE, numbers, nest=True, lonlat=True)
    inside = (split or SkySplit()).role_of(lon, lat) == role
    return [unit for unit, chosen in zip(units, np.atleast_1d(inside), strict=True) if chosen]


def write_finders(
    job: ClusterJob, units: Sequence[Location], finders: Sequence[Finder], folder: Path
) -> dict[str, Path]:
    """Write the products of each finder, from units that are finished, and take away the units' files.

    Parameters
    ----------
    job
        The search, with the finder of :func:`needed_finder`.
    units
        That were searched.
    finders
        Of which products are made.
    folder
        Each has a folder of its own in this one, of its name.

    Returns
    -------
    dict
        These folders by finder.

    Raises
    ------
    SkysieveError
        If a unit is missing, or a product cannot be written.
    """
    sky = found_units(job, units)
    folders: dict[str, Path] = {}
    for name in finders:
        finder = ClusterFinder(replace(job.settings, finder=name))
        scoring = Scoring.from_card(finder.model.card.sky if finder.model else {}, name)
        own = seen_by(sky, finder)
        catalogue = make_catalogue(choose_candidates(own, finder, scoring), prefix=job.prefix)
        cards = search_cards(finder, job.sky, [one.path for one in job.maps.stack.maps])
        products = FoundClusters(catalogue, own.footprint, own.products(), nested=True, cards=cards)
        write_products(products, folder / name, overwrite=True)
        folders[name] = folder / name
    job.parts.remove()
    return folders


def found_units(job: ClusterJob, units: Sequence[Location]) -> SkyMaps:
    """Return what was found in finished units.

    Raises
    ------
    OutputError
        If a unit is missing or damaged.
    """
    return assemble(
        job.parts,
        [job.parts.unit_of(unit.path) for unit in units],
        job.sky.nside,
        network=job.settings.uses_network,
        filtered=job.settings.uses_filter,
    )


def seen_by(sky: SkyMaps, finder: ClusterFinder) -> SkyMaps:
    """Return what a finder sees of what was found by both."""
    changed: dict[str, Any] = {}
    if not finder.settings.uses_network:
        changed["probability"] = None
    if not finder.settings.uses_filter:
        changed |= {"snr": None, "source": None}
        changed["candidates"] = {name: np.empty(0) for name in CANDIDATE_COLUMNS}
    return replace(sky, **changed)
