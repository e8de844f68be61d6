"""Preview images of a search: sky with candidates, best candidates in all bands, and stacks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.compton_patches import combine_bands
from skysieve.clusters.catalogue.preview_panels import PanelColumn, draw_panels, draw_stacks
from skysieve.clusters.catalogue.preview_sky import draw_sky
from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.clusters.maps.stacks import random_positions, remove_large_scales, stack_patches
from skysieve.core.atomic import atomic_write
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Row, Table
    from numpy.typing import NDArray

    from skysieve.clusters.catalogue.products import FoundClusters
    from skysieve.clusters.maps.map_sets import MapSet

__all__ = ["PREVIEWS", "check_preview", "make_previews", "write_previews"]

PREVIEWS = ("preview-sky.png", "preview-candidates.png", "preview-stacks.png")
"""File names of the previews; the last one is written only if there are candidates."""

MAX_SHOWN = 12
"""Number of candidates, from the best, that are shown in all bands."""

MAX_STACKED = 500
"""Maximum number of candidates, from the best, that are stacked.  As many random positions are stacked."""

FILTER_SCALE = 30.0
"""FWHM of the high-pass filter of the bands, in arcminutes.  Without it, the background dominates patches."""

_COMPTON = "y"
_PANELS = PatchGrid(48, 1.7)
_FILTERED = f"; bands without what is wider than {FILTER_SCALE:g}'"


def check_preview() -> None:
    """Check that previews can be drawn, before a search of hours.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    require("drawing previews", "clusters", "matplotlib")


def make_previews(
    catalogue: Table,
    maps: MapSet,
    footprint: NDArray[np.bool_],
    *,
    nested: bool,
    scores: Mapping[str, NDArray[np.float32]] | None = None,
    title: str,
    seed: int = 0,
) -> dict[str, bytes]:
    """Draw the previews of a search.

    Parameters
    ----------
    catalogue
        Catalogue of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`, best candidates first.
    maps
        Maps that were searched.  Without a map of the Compton parameter, the ILC of the bands is shown.
    footprint : ndarray of bool, shape (npix,)
        Searched pixels, in Galactic coordinates.
    nested
        Whether the footprint and `scores` are in NESTED order.
    scores : mapping of ndarray of float32, shape (npix,)
        Maps of scores by name; ``probability`` is drawn from 0 to 1.
    title
        Title of the figures.
    seed
        Seed of the random positions.

    Returns
    -------
    dict
        PNG files by name, of :data:`PREVIEWS`.
    """
    files = {"preview-sky.png": draw_sky(catalogue, footprint, nested=nested, title=title)}
    lon, lat = (np.asarray(catalogue[name], np.float64) for name in ("GLON", "GLAT"))
    columns = _columns(maps)
    shown = [_patches(maps, lon[:MAX_SHOWN], lat[:MAX_SHOWN])]
    extra = []
    for name, values in (scores or {}).items():
        extra.append(PanelColumn.of(name, "" if name == "probability" else "σ"))
        scores_stack = _stack_of(name, values, nested=nested)
        shown.append(scores_stack.cut_many(lon[:MAX_SHOWN], lat[:MAX_SHOWN], _PANELS))
    files["preview-candidates.png"] = draw_panels(
        np.concatenate(shown, axis=1)
        if len(lon)
        else np.empty((0, len(columns) + len(extra), 1, 1), np.float32),
        [*columns, *extra],
        [_label(row) for row in catalogue[:MAX_SHOWN]],
        width=60 * _PANELS.width,
        radii=np.asarray(catalogue["size"], float)[:MAX_SHOWN].tolist(),
        title=f"{title}: the best candidates{_FILTERED}",
    )
    if len(lon):
        count = min(len(lon), MAX_STACKED)
        random = random_positions(footprint, count, np.random.default_rng([seed, 0]), nested=nested)
        files["preview-stacks.png"] = draw_stacks(
            stack_patches(_patches(maps, lon[:count], lat[:count])),
            stack_patches(_patches(maps, *random)),
            columns,
            resolution=_PANELS.resolution,
            title=f"{title}: stacks{_FILTERED}, patches weighted by inverse variance",
        )
    return files


def write_previews(found: FoundClusters, maps: MapSet, folder: Path) -> tuple[Path, ...]:
    """Draw the previews of a search and write all of them, or none if one fails.

    Parameters
    ----------
    found
        Results of the search.
    maps
        Maps that were searched.
    folder
        Folder of the products.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    files = make_previews(
        found.catalogue, maps, found.footprint, nested=found.nested, scores=found.maps, title=folder.name
    )
    paths = tuple(folder / name for name in files)
    with ExitStack() as together:
        for path, content in zip(paths, files.values(), strict=True):
            together.enter_context(atomic_write(path, overwrite=True)).write_bytes(content)
    return paths


def _columns(maps: MapSet) -> list[PanelColumn]:
    columns = [
        PanelColumn.of("Compton y", "y")
        if band.name == _COMPTON
        else PanelColumn.of(f"{band.name} GHz", band.unit)
        for band in maps.bands
    ]
    return columns if not _combined(maps) else [*columns, PanelColumn.of("y, combined", "y")]


def _combined(maps: MapSet) -> bool:
    """Return whether the ILC of the bands replaces a map of the Compton parameter."""
    return _COMPTON not in maps.names and len(maps.bands) > 1


def _patches(maps: MapSet, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return patches ``(N, B, H, W)`` of all bands, and of their ILC if there is one."""
    patches = maps.stack.cut_many(lon, lat, _PANELS)
    narrow = remove_large_scales(patches, width=FILTER_SCALE, resolution=_PANELS.resolution)
    if not _combined(maps):
        narrow[:, [name == _COMPTON for name in maps.names]] = patches[:, [n == _COMPTON for n in maps.names]]
        return narrow
    combined = combine_bands(patches, maps.bands, resolution=_PANELS.resolution)
    return np.concatenate([narrow, combined[:, None]], axis=1)


def _stack_of(name: str, values: NDArray[np.float32], *, nested: bool) -> MapStack:
    import healpy

    nside = int(healpy.npix2nside(values.size))
    return MapStack([HealpixMap(values, nside, nested, "G", "", name, Path(f"{name}.fits"))])


def _label(row: Row) -> str:
    """Return the label of a candidate: its name, score, S/N, and matches in known catalogues."""
    numbers = [
        f"{word} {row[name]:.3g}" for name, word in (("score", "p"), ("snr", "S/N")) if np.isfinite(row[name])
    ]
    known = [name.removesuffix("_sep") for name in row.colnames if name.endswith("_sep")]
    found = [name for name in known if np.isfinite(float(np.ma.filled(row[f"{name}_sep"], np.nan)))]
    partners = [f"{name} {row[name]}" if str(row[name])[:1].isdigit() else str(row[name]) for name in found]
    return "\n".join([str(row["name"]), ", ".join(numbers), *partners[:2]])
