"""Figures of patches: the best candidates in all bands, and stacks of candidates and random positions."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.maps.stacks import radial_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from skysieve.clusters.maps.stacks import Stack

__all__ = ["PanelColumn", "draw_panels", "draw_stacks"]

DPI = 130
PANEL = 1.45
"""Side of a panel in inches."""

COLOUR_LIMIT = 5.0
"""Limit of the colour scale, in standard deviations estimated from the median absolute deviation."""

_MAD = 1.4826
_LEFT, _TOP, _BELOW, _EDGE = 1.75, 0.62, 0.24, 0.12
_INK, _FAINT, _NONE = "#1d2733", "#6b7681", "#d9d9d6"
_DIVERGING, _RISING = "RdBu_r", "magma"


@dataclass(frozen=True)
class PanelColumn:
    """A column of panels.

    Attributes
    ----------
    title
        Title of the column, such as ``143 GHz``.
    unit
        Unit of the values; empty for a probability, which is drawn from 0 to 1.
    factor
        Factor from the unit of the values to the unit of the labels.
    shown
        Unit of the labels.
    """

    title: str
    unit: str
    factor: float = 1.0
    shown: str = ""

    @classmethod
    def of(cls, title: str, unit: str) -> PanelColumn:
        """Make a column whose labels have a unit that suits the signal on the sky.

        Parameters
        ----------
        title
            Title of the column.
        unit
            Unit of the values.

        Returns
        -------
        PanelColumn
            Column with labels in µK, kJy/sr or 1e-6 for K_CMB, MJy/sr and y.
        """
        factor, shown = {"K_CMB": (1e6, "µK"), "MJy/sr": (1e3, "kJy/sr"), "y": (1e6, "·10⁻⁶")}.get(
            unit, (1.0, unit)
        )
        return cls(title, unit, factor, shown)


def draw_panels(
    patches: NDArray[np.float32],
    columns: Sequence[PanelColumn],
    labels: Sequence[str],
    *,
    width: float,
    radii: Sequence[float] | None = None,
    title: str,
) -> bytes:
    """Draw candidates as rows and bands as columns.

    The median of each panel is subtracted.  The colour scale is symmetric and ends at five standard
    deviations; the label below the panel gives this limit.

    Parameters
    ----------
    patches : ndarray of float32, shape (N, C, H, W)
        Latitude increases with the row and longitude with the column; NaN where there are no data.
    columns
        C columns.
    labels
        Labels of the N rows.
    width
        Width of the patches in arcminutes.
    radii
        Radii of circles about the centres, in arcminutes; NaN for none.
    title
        Title of the figure.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.patches import Circle

    count = len(labels)
    figure, grid = _figure(max(count, 1), len(columns), title, gap=0.06)
    for row in range(count):
        for number, column in enumerate(columns):
            axes = grid[row, number]
            values = patches[row, number]
            if column.unit:
                valid = values[np.isfinite(values)]
                median = float(np.median(valid)) if valid.size else 0.0
                _show(axes, values - median, column, _limit(values), width)
            else:
                _show(axes, values, column, 1.0, width)
            if radii is not None and np.isfinite(radii[row]) and radii[row] > 0:
                colour = _INK if column.unit else "white"
                axes.add_patch(Circle((0, 0), radii[row], fill=False, linewidth=0.6, color=colour))
            if not row:
                axes.set_title(column.title, fontsize=8, color=_INK)
        grid[row, 0].set_ylabel(
            labels[row], fontsize=7, rotation=0, ha="right", va="center", labelpad=8, color=_INK
        )
    if not count:
        for axes in grid.flat:
            axes.set_axis_off()
        figure.text(0.5, 0.4, "no candidates", ha="center", color=_FAINT)
    return _png(figure)


def draw_stacks(
    candidates: Stack,
    random: Stack,
    columns: Sequence[PanelColumn],
    *,
    resolution: float,
    title: str,
) -> bytes:
    """Draw the stacks of candidates and of random positions on the same colour scale, and radial profiles.

    Parameters
    ----------
    candidates, random
        Stacks of C bands.
    columns
        C columns.
    resolution
        Arcminutes per pixel.
    title
        Title of the figure.

    Returns
    -------
    bytes
        A PNG file.
    """
    figure, grid = _figure(3, len(columns), title, gap=0.36)
    width = resolution * candidates.mean.shape[-1]
    radius, signal = radial_profile(candidates, resolution=resolution)
    _, background = radial_profile(random, resolution=resolution)
    for number, column in enumerate(columns):
        limit = max(_limit(random.mean[number]), _peak(candidates.mean[number]))
        for row, stack in enumerate((candidates, random)):
            _show(grid[row, number], stack.mean[number], column, limit, width)
        axes = grid[2, number]
        axes.axhline(0, color=_FAINT, linewidth=0.5)
        axes.plot(radius, column.factor * background[number], color=_FAINT, linewidth=1.0, label="random")
        axes.plot(radius, column.factor * signal[number], color="#b2182b", linewidth=1.4, label="candidates")
        axes.tick_params(labelsize=6)
        axes.set_xlabel(f"arcmin; {column.shown}", fontsize=6, color=_FAINT)
        grid[0, number].set_title(column.title, fontsize=8, color=_INK)
    names = (f"{candidates.count}\ncandidates", f"{random.count}\nrandom\nplaces", "mean\nin rings")
    for row, name in enumerate(names):
        grid[row, 0].set_ylabel(
            name, fontsize=8, rotation=0, ha="right", va="center", labelpad=12 if row < 2 else 20, color=_INK
        )
    if len(columns):
        grid[2, 0].legend(fontsize=5, frameon=False)
    return _png(figure)


def _figure(rows: int, columns: int, title: str, *, gap: float) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of square panels, with gaps in inches between them and space on the left for labels."""
    # Not pyplot: it keeps figures in memory and opens windows
    from matplotlib.figure import Figure

    wide = _LEFT + columns * (PANEL + gap) + _EDGE
    high = _TOP + rows * (PANEL + _BELOW) + _EDGE
    figure = Figure(figsize=(wide, high), facecolor="white")
    figure.suptitle(title, fontsize=11, color=_INK, y=1 - 0.12 / high, va="top")
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        gridspec_kw={
            "left": _LEFT / wide,
            "right": 1 - (_EDGE + gap) / wide,
            "top": 1 - _TOP / high,
            "bottom": (_EDGE + _BELOW) / high,
            "wspace": gap / PANEL,
            "hspace": _BELOW / PANEL,
        },
    )
    return figure, grid


def _show(axes: Axes, values: NDArray[np.generic], column: PanelColumn, limit: float, width: float) -> None:
    """Draw one patch, with the first row at the bottom and longitude increasing to the left."""
    import matplotlib as mpl

    half = width / 2
    colours = mpl.colormaps[_DIVERGING if column.unit else _RISING].with_extremes(bad=_NONE)
    axes.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        extent=(-half, half, -half, half),
        cmap=colours,
        vmin=-limit if column.unit else 0.0,
        vmax=limit,
        interpolation="nearest",
    )
    # As on the sky; in patches longitude increases to the right
    axes.set(xlim=(half, -half), ylim=(-half, half), xticks=[], yticks=[])
    if column.unit:
        shown = column.factor * limit
        text = f"±{shown:.0f} {column.shown}" if shown >= 99.5 else f"±{shown:.3g} {column.shown}"
        text = text.rstrip()
    else:
        text = f"peak {np.nanmax(values):.2f}" if np.isfinite(values).any() else "no data"
    axes.set_xlabel(text, fontsize=6, color=_FAINT, labelpad=2)


def _limit(values: NDArray[np.generic]) -> float:
    """Return the limit of the colour scale: five standard deviations, from the median absolute deviation."""
    valid = values[np.isfinite(values)]
    spread = float(np.median(np.abs(valid - np.median(valid)))) if valid.size else 0.0
    return COLOUR_LIMIT * _MAD * spread or 1.0


def _peak(values: NDArray[np.generic]) -> float:
    """Return the maximum absolute value in the central third."""
    third = len(values) // 3
    centre = values[third : len(values) - third, third : len(values) - third]
    return float(np.nanmax(np.abs(centre))) if np.isfinite(centre).any() else 0.0


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()
