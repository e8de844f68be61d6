"""Curves of a trial as PNG: purity and completeness, completeness by what clusters are, calibration."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.curves import check_matplotlib

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from skysieve.clusters.evaluate.evaluation import Counted, Curve

__all__ = ["draw_calibration", "draw_completeness", "draw_curves", "draw_positions"]

DPI = 130
PANEL = 3.6
"""Side of a panel in inches."""


def draw_curves(curves: Mapping[str, Curve], purity: float) -> bytes:
    """Draw completeness against purity, and both against the score, a line a detector.

    Parameters
    ----------
    curves
        By detector.
    purity
        Where they are compared.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    figure = _figure(2)
    left, right = figure.subplots(1, 2)
    for number, (name, one) in enumerate(curves.items()):
        colour = f"C{number}"
        left.step(one.completeness, one.purity, where="post", color=colour, linewidth=1.3, label=name)
        # A signal to noise and a probability share no axis: each score by its own range
        place = _relative(one.threshold)
        right.plot(place, one.purity, color=colour, linewidth=1.3)
        right.plot(place, one.completeness, color=colour, linewidth=1.3, linestyle="--")
    left.axhline(purity, color="0.6", linewidth=0.8, linestyle=":")
    left.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="completeness", ylabel="purity")
    right.set(
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        xlabel="least score, from the lowest to the highest",
        ylabel="purity (solid), completeness (dashed)",
    )
    return _finished(figure, len(curves))


def draw_completeness(panels: Mapping[str, Mapping[str, Counted]]) -> bytes:
    """Draw the part of clusters that is found in bins, with 68 % intervals, a panel a quantity.

    Parameters
    ----------
    panels
        By what is at the axis, then by detector; bins are drawn in logarithms if their first edge is
        above 0.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    figure = _figure(len(panels))
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    count = 0
    for axes, (label, detectors) in zip(grid, panels.items(), strict=True):
        count = max(count, len(detectors))
        for number, (name, one) in enumerate(detectors.items()):
            logarithmic = bool(one.edges[0] > 0)
            there = one.trials > 0
            # Beside each other, not on top
            shift = (number - (len(detectors) - 1) / 2) * 0.05
            middle = one.middle[there] * (1 + shift) if logarithmic else one.middle[there] + shift / 4
            axes.errorbar(
                middle,
                one.part[there],
                yerr=_bars(one, there),
                fmt="o-",
                markersize=3.5,
                linewidth=1.0,
                elinewidth=0.9,
                capsize=2,
                color=f"C{number}",
                label=name,
            )
            if logarithmic:
                axes.set_xscale("log")
            axes.set_xlim(one.edges[0], one.edges[-1])
        axes.set(ylim=(0, 1.02), xlabel=label, ylabel="completeness")
    return _finished(figure, count)


def draw_calibration(counted: Mapping[str, Counted]) -> bytes:
    """Draw the part of candidates that is real against their score, with 68 % intervals.

    Parameters
    ----------
    counted
        By detector.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    figure = _figure(1)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
    for number, (name, one) in enumerate(counted.items()):
        there = one.trials > 0
        axes.errorbar(
            one.middle[there],
            one.part[there],
            yerr=_bars(one, there),
            fmt="o-",
            markersize=3.5,
            linewidth=1.0,
            elinewidth=0.9,
            capsize=2,
            color=f"C{number}",
            label=name,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score", ylabel="part that is real")
    return _finished(figure, len(counted))


def draw_positions(errors: Mapping[str, NDArray[np.float64]], radius: float) -> bytes:
    """Draw the part of real candidates that are as near to their clusters, a line a detector.

    Parameters
    ----------
    errors
        In arcminutes, by detector.
    radius
        Of matches, in arcminutes.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    figure = _figure(1)
    axes = figure.subplots()
    for number, (name, values) in enumerate(errors.items()):
        apart = np.sort(values)
        axes.step(
            np.concatenate([[0.0], apart, [radius]]),
            np.concatenate([[0.0], np.arange(1, apart.size + 1) / max(apart.size, 1), [1.0]]),
            where="post",
            color=f"C{number}",
            linewidth=1.3,
            label=name,
        )
    axes.set(
        xlim=(0, radius), ylim=(0, 1.02), xlabel="position error in arcmin", ylabel="part of real candidates"
    )
    return _finished(figure, len(errors))


def _figure(panels: int) -> Figure:
    check_matplotlib()
    # no pyplot: it keeps figures, and opens windows
    from matplotlib.figure import Figure

    return Figure(figsize=(PANEL * 1.15 * panels, PANEL + 0.4), layout="constrained", facecolor="white")


def _finished(figure: Figure, detectors: int) -> bytes:
    for axes in figure.axes:
        axes.grid(visible=True, linewidth=0.3)
        axes.tick_params(labelsize=7)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if labels:
        columns = max(1, min(detectors, 4))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def _bars(one: Counted, there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return lengths of error bars below and above ``(2, B)``."""
    part = one.part[there]
    return np.maximum(np.stack([part - one.low[there], one.high[there] - part]), 0.0)


def _relative(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not values.size:
        return values
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low if high > low else 1.0))
