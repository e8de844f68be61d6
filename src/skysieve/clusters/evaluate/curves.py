"""Figures of an evaluation as PNG: purity, completeness, calibration and position errors."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.curves import check_matplotlib

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from skysieve.clusters.evaluate.evaluation import BinnedFraction, Curve

__all__ = ["draw_calibration", "draw_completeness", "draw_curves", "draw_positions"]

DPI = 130
PANEL = 3.6
"""Side of a panel in inches."""


def draw_curves(curves: Mapping[str, Curve], purity: float) -> bytes:
    """Draw purity against completeness, and both against the score.

    Parameters
    ----------
    curves
        Curves by detector.
    purity
        Purity at which detectors are compared.

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
        # Scores may be a signal to noise or a probability, so each is scaled to its own range
        threshold = one.threshold
        if threshold.size:
            low, high = threshold.min(), threshold.max()
            threshold = np.asarray((threshold - low) / (high - low if high > low else 1.0))
        right.plot(threshold, one.purity, color=colour, linewidth=1.3)
        right.plot(threshold, one.completeness, color=colour, linewidth=1.3, linestyle="--")
    left.axhline(purity, color="0.6", linewidth=0.8, linestyle=":")
    left.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="completeness", ylabel="purity")
    right.set(
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        xlabel="least score, from the lowest to the highest",
        ylabel="purity (solid), completeness (dashed)",
    )
    return _finished(figure, len(curves))


def draw_completeness(panels: Mapping[str, Mapping[str, BinnedFraction]]) -> bytes:
    """Draw the completeness in bins, with 68 % intervals, one panel per quantity.

    Parameters
    ----------
    panels
        Completeness by axis label, then by detector.  The axis is logarithmic if the first edge is above 0.

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
            filled = one.trials > 0
            # Shift the points of each detector, so that they do not overlap
            shift = (number - (len(detectors) - 1) / 2) * 0.05
            x = one.mean[filled] * (1 + shift) if logarithmic else one.mean[filled] + shift / 4
            axes.errorbar(
                x,
                one.fraction[filled],
                yerr=_bars(one, filled),
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


def draw_calibration(binned: Mapping[str, BinnedFraction]) -> bytes:
    """Draw the reliability diagram: purity against score, with 68 % intervals.

    Parameters
    ----------
    binned
        Purity in bins of the score, by detector.

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
    for number, (name, one) in enumerate(binned.items()):
        filled = one.trials > 0
        axes.errorbar(
            one.mean[filled],
            one.fraction[filled],
            yerr=_bars(one, filled),
            fmt="o-",
            markersize=3.5,
            linewidth=1.0,
            elinewidth=0.9,
            capsize=2,
            color=f"C{number}",
            label=name,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score", ylabel="part that is real")
    return _finished(figure, len(binned))


def draw_positions(errors: Mapping[str, NDArray[np.float64]], radius: float) -> bytes:
    """Draw the cumulative distribution of the position errors of real candidates.

    Parameters
    ----------
    errors : mapping of ndarray of float64, shape (N,)
        Position errors in arcminutes by detector.
    radius
        Matching radius in arcminutes.

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
        ordered = np.sort(values)
        axes.step(
            np.concatenate([[0.0], ordered, [radius]]),
            np.concatenate([[0.0], np.arange(1, ordered.size + 1) / max(ordered.size, 1), [1.0]]),
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
    # Not pyplot: it keeps figures in memory and opens windows
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


def _bars(one: BinnedFraction, filled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the lengths of error bars below and above ``(2, B)``."""
    fraction = one.fraction[filled]
    return np.maximum(np.stack([fraction - one.low[filled], one.high[filled] - fraction]), 0.0)
