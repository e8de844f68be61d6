"""Sky map of the footprint and the candidates."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.catalogue.catalogue import ranking
from skysieve.clusters.catalogue.products_footprint import area_of, covers
from skysieve.clusters.maps.sky_directions import lon_lat, tangent_axes, unit_vectors

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from numpy.typing import ArrayLike, NDArray

__all__ = ["draw_sky"]

DPI = 130
SMALL = 2000.0
"""Area in square degrees below which a footprint also gets a panel of its own."""

_SEARCHED, _NOT_SEARCHED, _LINES, _INK = "#d3dde8", "#f5f5f3", "#8a97a5", "#1d2733"
_KNOWN, _NEW = "#1f4e8c", "#d1442f"
_STEP = 0.5
_POLAR = 89.9
_COLOURS = "viridis_r"


def draw_sky(
    catalogue: Table, footprint: NDArray[np.bool_], *, nested: bool, title: str, score: str = "score"
) -> bytes:
    """Draw candidates in Mollweide projection; a small footprint also gets a panel of its own.

    The map is in Galactic coordinates, centred on the Galactic centre, with longitude increasing to the left.
    Colours show which candidates are in a known catalogue, or, without known catalogues, the score.

    Parameters
    ----------
    catalogue
        Catalogue of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`, with matches in known
        catalogues if there are any.
    footprint : ndarray of bool, shape (npix,)
        Searched pixels, in Galactic coordinates.
    nested
        Whether the footprint is in NESTED order.
    title
        Title of the figure.
    score
        Label of the colour bar.

    Returns
    -------
    bytes
        A PNG file.
    """
    # Not pyplot: it keeps figures in memory and opens windows
    from matplotlib.figure import Figure

    alone = 0 < area_of(footprint) < SMALL
    figure = Figure(figsize=(14.0, 6.6) if alone else (13.0, 7.2), layout="constrained", facecolor="white")
    columns = figure.add_gridspec(1, 2, width_ratios=(0.9, 1)) if alone else figure.add_gridspec(1, 1)
    whole = figure.add_subplot(columns[0], projection="mollweide")
    drawn = _draw_whole(whole, catalogue, footprint, nested=nested, marked=not alone)
    if alone:
        drawn = _draw_alone(figure.add_subplot(columns[1]), catalogue, footprint, nested=nested)
    if drawn is not None:
        bar = figure.colorbar(drawn, ax=figure.axes, shrink=0.7, pad=0.02, aspect=35)
        bar.set_label(score, fontsize=9)
        bar.ax.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=12, color=_INK)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def _draw_whole(
    axes: Axes, catalogue: Table, footprint: NDArray[np.bool_], *, nested: bool, marked: bool
) -> PathCollection | None:
    lon = np.arange(-180, 180 + _STEP, _STEP)
    lat = np.arange(-90, 90 + _STEP, _STEP)
    centres = np.meshgrid((lon[1:] + lon[:-1]) / 2, (lat[1:] + lat[:-1]) / 2)
    searched = covers(footprint, *centres, nested=nested)
    # Longitude increases to the left
    _shade(axes, np.radians(-lon), np.radians(lat), searched)
    axes.grid(visible=True, linewidth=0.4, color=_LINES, alpha=0.6)
    ticks = np.arange(-150, 151, 30)
    axes.set_xticks(np.radians(ticks), [f"{-tick % 360}°" for tick in ticks], fontsize=7, color=_LINES)
    axes.tick_params(axis="y", labelsize=7, colors=_LINES)
    x = -np.radians((np.asarray(catalogue["GLON"], float) + 180) % 360 - 180)
    y = np.radians(np.asarray(catalogue["GLAT"], float))
    words = f"{len(catalogue)} candidates on {area_of(footprint):,.0f} square degrees"
    axes.set_title(words, fontsize=9, color=_INK, pad=14)
    size = float(np.clip(12000 / max(len(catalogue), 1), 6, 30))
    drawn = _mark(axes, catalogue, x, y, size if marked else 2.0)
    if marked:
        _explain(axes, catalogue)
    return drawn


def _draw_alone(
    axes: Axes, catalogue: Table, footprint: NDArray[np.bool_], *, nested: bool
) -> PathCollection | None:
    """Draw a small footprint in an equal-area projection, in degrees."""
    import healpy

    pixels = np.flatnonzero(footprint)
    nside = healpy.npix2nside(footprint.size)
    vectors = unit_vectors(*healpy.pix2ang(nside, pixels, nest=nested, lonlat=True))
    lon, lat = (float(value) for value in lon_lat(vectors.mean(0)))
    x, y = _plane(vectors, lon, lat)
    half = 1.05 * float(max(np.abs(x).max(), np.abs(y).max()))
    edges = np.linspace(-half, half, 401)
    centres = np.meshgrid((edges[1:] + edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2)
    searched = covers(footprint, *_sky(*centres, lon, lat), nested=nested)
    _shade(axes, edges, edges, searched)
    _graticule(axes, lon, lat, half)
    positions = _plane(unit_vectors(catalogue["GLON"], catalogue["GLAT"]), lon, lat)
    drawn = _mark(axes, catalogue, *positions, float(np.clip(8000 / max(len(catalogue), 1), 8, 60)))
    axes.set(xlim=(half, -half), ylim=(-half, half), aspect="equal")
    axes.set_xlabel("degrees, longitudes growing to the left", fontsize=8)
    pole = "north" if lat > 0 else "south"
    centre = f"l = {lon:.1f}°, b = {lat:+.1f}°" if abs(lat) < _POLAR else f"the {pole} Galactic pole"
    axes.set_title(f"about {centre}", fontsize=9, color=_INK)
    axes.tick_params(labelsize=7)
    _explain(axes, catalogue)
    return drawn


def _shade(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], searched: NDArray[np.bool_]) -> None:
    from matplotlib.colors import ListedColormap

    colours = ListedColormap([_NOT_SEARCHED, _SEARCHED])
    axes.pcolormesh(x, y, searched.astype(float), cmap=colours, vmin=0, vmax=1, rasterized=True, zorder=0)


def _mark(axes: Axes, catalogue: Table, x: ArrayLike, y: ArrayLike, size: float) -> PathCollection | None:
    """Draw the candidates and return the artist of the colour bar, if the colour shows the score.

    The size increases with the score, and the best candidates are on top.  With known catalogues the colour
    shows which candidates match one; else it shows the score.
    """
    if not len(catalogue):
        return None
    across, up, score = np.asarray(x), np.asarray(y), ranking(catalogue)
    order = np.argsort(score, kind="stable")
    scale = np.empty(len(score))
    scale[order] = np.linspace(0.5, 1.5, len(score))
    style: dict[str, Any] = {"s": size * scale[order], "linewidths": 0.2, "edgecolors": "white", "zorder": 3}
    if _has_matches(catalogue):
        colours = np.where(_known(catalogue), _KNOWN, _NEW)
        axes.scatter(across[order], up[order], c=colours[order], **style)
        return None
    shown = np.where(np.isfinite(score), score, np.nan)
    return axes.scatter(across[order], up[order], c=shown[order], cmap=_COLOURS, **style)


def _has_matches(catalogue: Table) -> bool:
    return any(name.endswith("_sep") for name in catalogue.colnames)


def _known(catalogue: Table) -> NDArray[np.bool_]:
    known = np.zeros(len(catalogue), bool)
    for name in catalogue.colnames:
        if name.endswith("_sep"):
            known |= np.isfinite(np.ma.filled(np.ma.asarray(catalogue[name]).astype(float), np.nan))
    return known


def _explain(axes: Axes, catalogue: Table) -> None:
    """Add a legend, if the colours show known and new candidates."""
    from matplotlib.lines import Line2D

    if not _has_matches(catalogue):
        return
    known = int(np.count_nonzero(_known(catalogue)))
    handles = [
        Line2D(
            [], [], marker="o", linestyle="none", markeredgecolor="white", markerfacecolor=colour, label=label
        )
        for colour, label in (
            (_KNOWN, f"known: {known}"),
            (_NEW, f"in no catalogue: {len(catalogue) - known}"),
        )
    ]
    axes.legend(handles=handles, loc="lower right", fontsize=8, framealpha=0.9)


def _plane(
    vectors: NDArray[np.float64], lon: float, lat: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Apply Lambert's azimuthal equal-area projection to unit vectors (Snyder 1987, USGS 1395, eq. 24-2)."""
    east, north = tangent_axes(lon, lat)
    scale = np.sqrt(2 / np.maximum(1 + vectors @ unit_vectors(lon, lat), 1e-9))
    return np.degrees(scale * (vectors @ east)), np.degrees(scale * (vectors @ north))


def _sky(
    x: NDArray[np.float64], y: NDArray[np.float64], lon: float, lat: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of positions in the plane: the inverse of :func:`_plane`."""
    east, north = tangent_axes(lon, lat)
    right, up = np.radians(x), np.radians(y)
    squared = np.minimum(right**2 + up**2, 4.0)
    side = np.sqrt(1 - squared / 4)
    vectors = (
        (1 - squared / 2)[..., None] * unit_vectors(lon, lat)
        + (side * right)[..., None] * east
        + (side * up)[..., None] * north
    )
    return lon_lat(vectors)


def _graticule(axes: Axes, lon: float, lat: float, half: float) -> None:
    """Draw a few lines of longitude and of latitude."""
    step = next(s for s in (1, 2, 5, 10, 15, 30) if s >= half / 3 or s == 30)
    wide = 30 if abs(lat) + half > 85 else step
    line = np.linspace(-90, 90, 721)
    for meridian in np.arange(0, 360, wide):
        path = _plane(unit_vectors(np.full(line.size, float(meridian)), line), lon, lat)
        _line(axes, *path, half, f"{meridian}°", low=False)
    around = np.linspace(0, 360, 1441)
    for parallel in np.arange(-90 + step, 90, step):
        path = _plane(unit_vectors(around, np.full(around.size, float(parallel))), lon, lat)
        _line(axes, *path, half, f"{parallel:+d}°", low=True)


def _line(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], half: float, label: str, *, low: bool
) -> None:
    inside = (np.abs(x) < half) & (np.abs(y) < half)
    if np.count_nonzero(inside) < 8:
        return
    axes.plot(np.where(inside, x, np.nan), np.where(inside, y, np.nan), color=_LINES, linewidth=0.4, zorder=1)
    # Keep labels apart: at the lowest point of the line, or farthest from the centre
    within = np.flatnonzero((np.abs(x) < 0.96 * half) & (np.abs(y) < 0.96 * half))
    if within.size:
        rank = -y if low else np.hypot(x, y)
        best = int(within[np.argmax(rank[within])])
        axes.text(x[best], y[best], label, fontsize=6, color=_LINES, ha="center", va="center", zorder=2)
