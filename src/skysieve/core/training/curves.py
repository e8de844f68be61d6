"""Plot of the loss and the scores of a training."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.extras import require

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draw_curves"]


def draw_curves(metrics: Path, picture: Path) -> None:
    """Plot the loss and the scores against the step.

    Parameters
    ----------
    metrics
        CSV file with a column ``step`` and one for each metric; cells may be empty.
    picture
        PNG file to write.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    require("drawing curves", "train", "matplotlib")
    from matplotlib.figure import Figure

    with metrics.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in ("step", "epoch")]
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for name in names:
        points = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        if points:
            axes = losses if "loss" in name else scores
            axes.plot(*zip(*points, strict=True), label=name, lw=2.5 if name in ("AP", "AUC") else 1)
    losses.set(xlabel="step", ylabel="loss", yscale="log")
    scores.set(xlabel="step", ylabel="score on validation frames", ylim=(0, 1))
    for axes in (losses, scores):
        if axes.has_data():
            axes.legend(fontsize="x-small", ncols=2)
    with atomic_write(picture, overwrite=True) as path:
        figure.savefig(path, format="png", dpi=110)
