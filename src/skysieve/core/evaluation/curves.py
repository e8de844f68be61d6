"""Plots of curves as PNG files, with one panel for each class and one line for each detector."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from skysieve.core.evaluation.scores import precision_recall_curve, roc_curve
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from skysieve.core.evaluation.calibration import Reliability
    from skysieve.core.evaluation.histograms import Tally

__all__ = ["check_matplotlib", "draw_lines", "draw_precision_recall", "draw_reliability", "draw_roc"]

Curve = TypeVar("Curve")

PANEL = 3.0
"""Side of a panel, in inches."""

DPI = 110
MIN_RATE = 1e-6
MIN_PROBABILITY = 1e-5


def check_matplotlib() -> None:
    """Check that curves can be drawn, before any work.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    require("drawing curves", "evaluate", "matplotlib")


def draw_roc(tallies: Mapping[str, Mapping[str, Tally]], title: str) -> bytes:
    """Draw ROC curves with a logarithmic false-positive rate.

    Parameters
    ----------
    tallies
        Counts ``(B,)`` by class and detector.
    title
        Title of the figure.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """

    def draw(axes: Axes, tally: Tally, label: str) -> None:
        false, true = roc_curve(tally)
        axes.plot(np.maximum(false, MIN_RATE), true, label=label, linewidth=1.2)
        axes.set(xscale="log", xlim=(MIN_RATE, 1), ylim=(0, 1.02))

    return _panels(tallies, draw, title, "false-positive rate", "true-positive rate")


def draw_precision_recall(tallies: Mapping[str, Mapping[str, Tally]], title: str) -> bytes:
    """Draw precision-recall curves.

    Parameters
    ----------
    tallies, title
        See :func:`draw_roc`.

    Returns
    -------
    bytes
        A PNG file.
    """

    def draw(axes: Axes, tally: Tally, label: str) -> None:
        recall, precision = precision_recall_curve(tally)
        axes.plot(recall, precision, label=label, linewidth=1.2)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))

    return _panels(tallies, draw, title, "recall", "precision")


def draw_reliability(curves: Mapping[str, Mapping[str, Reliability]], title: str) -> bytes:
    """Draw reliability curves with logarithmic axes.

    Parameters
    ----------
    curves
        Curves by class and detector.
    title
        Title of the figure.

    Returns
    -------
    bytes
        A PNG file.
    """

    def draw(axes: Axes, curve: Reliability, label: str) -> None:
        if not axes.lines:
            axes.plot([MIN_PROBABILITY, 1], [MIN_PROBABILITY, 1], color="0.7", linewidth=0.8)
        observed = np.where(curve.observed > 0, curve.observed, np.nan)
        axes.plot(curve.predicted, observed, "o-", label=label, markersize=2.5, linewidth=1)
        limits = (MIN_PROBABILITY, 1.3)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits)

    return _panels(curves, draw, title, "predicted probability", "observed frequency")


def draw_lines(
    lines: Mapping[str, Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]],
    title: str,
    x_label: str,
    y_label: str,
) -> bytes:
    """Draw lines with both axes from 0 to 1.

    Parameters
    ----------
    lines
        Abscissae and ordinates by panel and detector.
    title, x_label, y_label
        Title of the figure and labels of the axes.

    Returns
    -------
    bytes
        A PNG file.
    """

    def draw(axes: Axes, line: tuple[NDArray[np.float64], NDArray[np.float64]], label: str) -> None:
        axes.plot(*line, label=label, linewidth=1.2)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))

    return _panels(lines, draw, title, x_label, y_label)


def _panels(
    curves: Mapping[str, Mapping[str, Curve]],
    draw: Callable[[Axes, Curve, str], None],
    title: str,
    x_label: str,
    y_label: str,
) -> bytes:
    check_matplotlib()
    # Not pyplot, which keeps figures in memory and may open windows
    from matplotlib.figure import Figure

    columns = min(4, max(1, len(curves)))
    rows = max(1, -(-len(curves) // columns))
    figure = Figure(figsize=(PANEL * columns, PANEL * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    labels: dict[str, Line2D] = {}
    colours: dict[str, str] = {}
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (name, detectors) in zip(grid.flat, curves.items(), strict=False):
        axes.set_axis_on()
        for detector, curve in detectors.items():
            colours.setdefault(detector, f"C{len(colours)}")
            draw(axes, curve, detector)
            axes.lines[-1].set_color(colours[detector])
            labels.setdefault(detector, axes.lines[-1])
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(visible=True, linewidth=0.3)
        axes.set_xlabel(x_label, fontsize=8)
        axes.set_ylabel(y_label, fontsize=8)
    figure.suptitle(title, fontsize=10)
    if labels:
        figure.legend(list(labels.values()), list(labels), loc="outside lower center", ncols=4, fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()
