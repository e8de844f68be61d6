"""Previews of a search: the sky with its candidates, the best of them in all bands, and stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.catalogue.compton_patches import combine_bands
from skysieve.clusters.catalogue.preview_panels import PanelColumn, draw_panels, draw_stacks
from skysieve.clusters.catalogue.preview_sky import draw_sky
from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.clusters.maps.stacks import random_places, stack_patches, without_wide
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysieve.clusters.maps.map_sets import MapSet

__all__ = ["check_preview", "make_previews"]

SHOWN = 12
"""So many candidates are shown in all bands."""

STACKED = 500
"""So many candidates are stacked at most, the best, and as many random places."""

WIDEST = 30.0
"""Arcminutes: what is wider is taken away from patches of bands, else the background is all that is seen."""

_COMPTON = "y"
_PANELS = PatchGrid(48, 1.7)
_FILTERED = f"; bands without what is wider than {WIDEST:g}'"


def check_preview() -> None:
    """Make sure, before hours of work, that previews can be drawn.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    require("drawing previews", "clusters", "matplotlib")


def make_previews(
    catalogue: Any,
    maps: MapSet,
    footprint: NDArray[np.bool_],
    *,
    nested: bool,
    scores: Mapping[str, NDArray[np.float32]] | None = None,
    title: str,
    seed: int = 0,
) -> dict[str, bytes]:
    """Draw previews of a search.

    Parameters
    ----------
    catalogue
        Of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`, the best first.
    maps
        What was searched.  If there is no map of the Compton parameter, a combination of its bands stands in
        for one.
    footprint : ndarray of bool, shape (npix,)
        Where candidates were looked for; Galactic pixels.
    nested
        Order of these, and of `scores`.
    scores
        Maps ``(npix,)`` of scores by name; ``probability`` is drawn from 0 to 1.
    title
        What to write above.
    seed
        Of the random places.

    Returns
    -------
    dict
        PNG files by name: ``preview-sky.png``, ``preview-candidates.png``, ``preview-stacks.png``; the last
        only if there are candidates.
    """
    files = {"preview-sky.png": draw_sky(catalogue, footprint, nested=nested, title=title)}
    lon, lat = (np.asarray(catalogue[name], np.float64) for name in ("GLON", "GLAT"))
    columns = _columns(maps)
    shown = [_patches(maps, lon[:SHOWN], lat[:SHOWN])]
    extra = []
    for name, values in (scores or {}).items():
        extra.append(PanelColumn.of(name, "" if name == "probability" else "σ"))
        shown.append(_stack_of(name, values, nested=nested).cut_many(lon[:SHOWN], lat[:SHOWN], _PANELS))
    files["preview-candidates.png"] = draw_panels(
        np.concatenate(shown, axis=1)
        if len(lon)
        else np.empty((0, len(columns) + len(extra), 1, 1), np.float32),
        [*columns, *extra],
        [_label(row) for row in catalogue[:SHOWN]],
        width=60 * _PANELS.width,
        radii=np.asarray(catalogue["size"], float)[:SHOWN].tolist(),
        title=f"{title}: the best candidates{_FILTERED}",
    )
    if len(lon):
        count = min(len(lon), STACKED)
        anywhere = random_places(footprint, count, np.random.default_rng([seed, 0]), nested=nested)
        files["preview-stacks.png"] = draw_stacks(
            stack_patches(_patches(maps, lon[:count], lat[:count])),
            stack_patches(_patches(maps, *anywhere)),
            columns,
            resolution=_PANELS.resolution,
            title=f"{title}: stacks{_FILTERED}, patches weighted by inverse variance",
        )
    return files


def _columns(maps: MapSet) -> list[PanelColumn]:
    columns = [
        PanelColumn.of("Compton y", "y")
        if band.name == _COMPTON
        else PanelColumn.of(f"{band.name} GHz", band.unit)
        for band in maps.bands
    ]
    return columns if not _combined(maps) else [*columns, PanelColumn.of("y, combined", "y")]


def _combined(maps: MapSet) -> bool:
    """Tell whether a combination of bands stands in for a map of the Compton parameter."""
    return _COMPTON not in maps.names and len(maps.bands) > 1


def _patches(maps: MapSet, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return patches ``(N, B, H, W)`` of all bands, and of their combination if there is one."""
    patches = maps.stack.cut_many(lon, lat, _PANELS)
    narrow = without_wide(patches, width=WIDEST, resolution=_PANELS.resolution)
    if not _combined(maps):
        narrow[:, [name == _COMPTON for name in maps.names]] = patches[:, [n == _COMPTON for n in maps.names]]
        return narrow
    combined = combine_bands(patches, maps.bands, resolution=_PANELS.resolution)
    return np.concatenate([narrow, combined[:, None]], axis=1)


def _stack_of(name: str, values: NDArray[np.float32], *, nested: bool) -> MapStack:
    import healpy

    nside = int(healpy.npix2nside(values.size))
    return MapStack([HealpixMap(values, nside, nested, "G", "", name, Path(f"{name}.fits"))])


def _label(row: Any) -> str:
    """Return the lines beside a candidate: its name, score, S/N, and partners in known catalogues."""
    numbers = [
        f"{word} {row[name]:.3g}" for name, word in (("score", "p"), ("snr", "S/N")) if np.isfinite(row[name])
    ]
    known = [name.removesuffix("_sep") for name in row.colnames if name.endswith("_sep")]
    found = [name for name in known if np.isfinite(float(np.ma.filled(row[f"{name}_sep"], np.nan)))]
    partners = [f"{name} {row[name]}" if str(row[name])[:1].isdigit() else str(row[name]) for name in found]
    return "\n".join([str(row["name"]), ", ".join(numbers), *partners[:2]])
