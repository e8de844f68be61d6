"""What a search depends on: as JSON, to tell two searches apart, and as header cards of its products."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from skysieve._version import __version__
from skysieve.clusters.catalogue.catalogue_files import catalogue_cards

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysieve.clusters.search.finder import ClusterFinder
    from skysieve.clusters.search.searched_sky import SearchedSky
    from skysieve.core.fits.cards import HeaderCard

__all__ = ["products_identity", "search_cards", "search_identity"]

_AFTERWARDS = {"threshold", "least_pixels", "most_radius", "same"}
"""Settings that matter only when all units are finished."""

_MACHINE = {"engine", "precision", "device", "threads", "batch"}


def search_identity(finder: ClusterFinder, sky: SearchedSky) -> dict[str, Any]:
    """Return all that finished units depend on, as JSON has it."""
    settings = dataclasses.asdict(finder.settings)
    return {
        "version": __version__,
        **{name: settings[name] for name in settings if name not in _AFTERWARDS | _MACHINE},
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
    """Return the SHA-256 of all that the products of a search depend on, known catalogues included."""
    settings = dataclasses.asdict(finder.settings)
    depends = {
        "search": search_identity(finder, sky),
        "afterwards": {name: settings[name] for name in sorted(_AFTERWARDS)},
        "prefix": prefix,
        "catalogues": [[name, *_state(path)] for name, path in catalogues.items()],
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def search_cards(finder: ClusterFinder, sky: SearchedSky, files: Sequence[Path]) -> list[HeaderCard]:
    """Return the cards of the products of a search in some files."""
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
    # loaded here where only other processes had it: the products say the same in any case
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


def _state(path: Path) -> list[Any]:
    """Return what tells whether a file is still the same."""
    state = path.stat()
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]
