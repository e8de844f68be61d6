"""Provenance of a search: its identity as JSON, and header cards of its products."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from skysieve._version import __version__
from skysieve.clusters.catalogue.catalogue_files import catalogue_cards

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysieve.clusters.search.finder import ClusterFinder
    from skysieve.clusters.search.searched_sky import SearchedSky
    from skysieve.core.fits.cards import HeaderCard

__all__ = ["products_identity", "search_cards", "search_identity"]

_CATALOGUE_SETTINGS = {"threshold", "least_pixels", "most_radius", "same"}
"""Settings that affect the catalogue but not the units."""

_MACHINE_SETTINGS = {"engine", "precision", "device", "threads", "batch"}


def search_identity(finder: ClusterFinder, sky: SearchedSky) -> dict[str, object]:
    """Return all that the units of a search depend on.

    Parameters
    ----------
    finder
        Finder with its settings and model.
    sky
        Part of the sky that is searched.

    Returns
    -------
    dict
        JSON values; two searches with the same ones have the same units.
    """
    settings = dataclasses.asdict(finder.settings)
    return {
        "version": __version__,
        **{name: settings[name] for name in settings if name not in _CATALOGUE_SETTINGS | _MACHINE_SETTINGS},
        "graphs": [] if finder.model is None else [graph.sha256 for graph in finder.model.card.graphs],
        "maps": [
            [band, *_state(one.path)] for band, one in zip(sky.maps.names, sky.maps.stack.maps, strict=True)
        ],
        "frame": sky.maps.stack.frame,
        "nside": sky.nside,
        "galactic cut": sky.galactic_cut,
        "mask": [] if sky.mask is None else _state(sky.mask.path),
    }


def products_identity(
    finder: ClusterFinder, sky: SearchedSky, *, prefix: str, catalogues: Mapping[str, Path]
) -> str:
    """Return the SHA-256 of all that the products of a search depend on.

    Parameters
    ----------
    finder, sky
        See :func:`search_identity`.
    prefix
        Prefix of the names of candidates.
    catalogues
        Files of the known catalogues by name.

    Returns
    -------
    str
        Hexadecimal digest.
    """
    settings = dataclasses.asdict(finder.settings)
    depends = {
        "search": search_identity(finder, sky),
        "afterwards": {name: settings[name] for name in sorted(_CATALOGUE_SETTINGS)},
        "prefix": prefix,
        "catalogues": [[name, *_state(path)] for name, path in catalogues.items()],
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def search_cards(finder: ClusterFinder, sky: SearchedSky, files: Sequence[Path]) -> list[HeaderCard]:
    """Return the header cards of the products of a search.

    Parameters
    ----------
    finder, sky
        See :func:`search_identity`.
    files
        Files of the maps.

    Returns
    -------
    list of HeaderCard
        Cards of :func:`skysieve.clusters.catalogue.catalogue_files.catalogue_cards`.
    """
    settings = finder.settings
    thresholds: dict[str, float] = {}
    options: dict[str, object] = {"Galactic cut in degrees": sky.galactic_cut, "nside": sky.nside}
    if settings.uses_network:
        thresholds["P"] = finder.threshold
        options["views"] = settings.views
    if settings.uses_filter:
        thresholds["SNR"] = settings.snr
        options["sizes of the matched filter in arcmin"] = " ".join(map(str, settings.filter.sizes))
    if sky.mask is not None:
        options["mask"] = sky.mask.path.name
    model = finder.model
    # The network is loaded here even if only other processes used it, so that the cards are always the same
    network = finder.network if settings.uses_network else None
    return catalogue_cards(
        sources=list(dict.fromkeys(files)),
        finder=settings.finder,
        model=None if model is None else model.card.name,
        model_sha256=network.sha256 if network else None if model is None else model.card.graphs[0].sha256,
        engine=network.engine if network else None,
        precision=network.precision if network else None,
        thresholds=thresholds,
        options=options,
    )


def _state(path: Path) -> list[str | int]:
    """Return path, size and modification time, which change if the file changes."""
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]
