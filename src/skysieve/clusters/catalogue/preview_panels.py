"""Patches side by side: the best candidates in all bands, and stacks beside stacks of random places."""

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

DEVIATIONS = 5.0
"""Ends of the colours, in standard deviations as the median absolute deviation has them."""

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
        What is shown, as ``143 GHz``.
    unit
        Of the values; nothing for a probability, which is drawn from 0 to 1.
    factor, shown
        Values times this are in the unit that limits are written in.
    """

    title: str
    unit: str
    factor: float = 1.0
    shown: str = ""

    @classmethod
    def of(cls, title: str, unit: str) -> PanelColumn:
        """Return a column of a unit, with limits written in one that suits the sky."""
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

    Each panel has its median taken away, and colours on both sides of zero as far as five standard
    deviations, which stand below it.

    Parameters
    ----------
    patches : ndarray, shape (N, C, H, W)
        Rows grow with latitude, columns with longitude; NaN where there are no data.
    columns
        C of them.
    labels
        Of the rows; lines end with a line feed.
    width
        Of the patches, in arcminutes.
    radii
        Of circles about the centres, in arcminutes; NaN for none.
    title
        What to write above.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.patches import Circle

    count = len(labels)
    figure, grid = _figure(max(count, 1), len(columns), title, gap=0.06)
    for row in range(count):
        for place, column in enumerate(columns):
            axes = grid[row, place]
            values = patches[row, place]
            if column.unit:
                limit = _limit(values)
                _show(axes, values - _median(values), column, limit, width)
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
    found: Stack,
    by_chance: Stack,
    columns: Sequence[PanelColumn],
    *,
    resolution: float,
    title: str,
) -> bytes:
    """Draw the stack of candidates above that of random places, in the same colours, and both in rings.

    Parameters
    ----------
    found, by_chance
        Of ``(C, H, W)``.
    columns
        C of them.
    resolution
        Arcminutes a pixel.
    title
        What to write above.

    Returns
    -------
    bytes
        A PNG file.
    """
    figure, grid = _figure(3, len(columns), title, gap=0.36)
    width = resolution * found.mean.shape[-1]
    radius, inner = radial_profile(found, resolution=resolution)
    _, outer = radial_profile(by_chance, resolution=resolution)
    for place, column in enumerate(columns):
        limit = max(_limit(by_chance.mean[place]), _peak(found.mean[place]))
        for row, stack in enumerate((found, by_chance)):
            _show(grid[row, place], stack.mean[place], column, limit, width)
        axes = grid[2, place]
        axes.axhline(0, color=_FAINT, linewidth=0.5)
        axes.plot(radius, column.factor * outer[place], color=_FAINT, linewidth=1.0, label="random")
        axes.plot(radius, column.factor * inner[place], color="#b2182b", linewidth=1.4, label="candidates")
        axes.tick_params(labelsize=6)
        axes.set_xlabel(f"arcmin; {column.shown}", fontsize=6, color=_FAINT)
        grid[0, place].set_title(column.title, fontsize=8, color=_INK)
    names = (f"{found.count}\ncandidates", f"{by_chance.count}\nrandom\nplaces", "mean\nin rings")
    for row, name in enumerate(names):
        grid[row, 0].set_ylabel(
            name, fontsize=8, rotation=0, ha="right", va="center", labelpad=12 if row < 2 else 20, color=_INK
        )
    if len(columns):
        grid[2, 0].legend(fontsize=5, frameon=False)
    return _png(figure)


def _figure(rows: int, columns: int, title: str, *, gap: float) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of square panels with gaps between, in inches, and room for labels at the left."""
    # no pyplot: it keeps figures, and opens windows
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


def _show(axes: Axes, values: NDArray[Any], column: PanelColumn, limit: float, width: float) -> None:
    """Draw one patch, the first row at the bottom, with longitudes growing to the left."""
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
    # As on the sky; patches have them to the right
    axes.set(xlim=(half, -half), ylim=(-half, half), xticks=[], yticks=[])
    if column.unit:
        text = f"±{_three_digits(column.factor * limit)} {column.shown}".rstrip()
    else:
        text = f"peak {np.nanmax(values):.2f}" if np.isfinite(values).any() else "no data"
    axes.set_xlabel(text, fontsize=6, color=_FAINT, labelpad=2)


def _limit(values: NDArray[Any]) -> float:
    """Return where the colours end: five standard deviations, by the median absolute deviation."""
    seen = values[np.isfinite(values)]
    spread = float(np.median(np.abs(seen - np.median(seen)))) if seen.size else 0.0
    return DEVIATIONS * _MAD * spread or 1.0


def _peak(values: NDArray[Any]) -> float:
    """Return the largest absolute value in the middle third."""
    third = len(values) // 3
    middle = values[third : len(values) - third, third : len(values) - third]
    return float(np.nanmax(np.abs(middle))) if np.isfinite(middle).any() else 0.0


def _median(values: NDArray[Any]) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if seen.size else 0.0


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()
