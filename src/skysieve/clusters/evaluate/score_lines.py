"""The main scores of a catalogue in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.evaluation.binomial import wilson_interval

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["score_lines"]


def score_lines(scores: Path) -> list[str]:
    """Return purity, completeness and position error of the first catalogue of a report.

    Parameters
    ----------
    scores
        Table of the scores, as written by an evaluation with its default rules.

    Returns
    -------
    list of str
        The lines.
    """
    from astropy.table import Table

    row = Table.read(scores)[0]
    candidates, real = int(row["candidates"]), int(row["real"])
    findable, complete = int(row["findable"]), int(row["found"])
    counted = "clusters with Y500 from 5e-4 square arcminutes on are found"
    lines = []
    for name, hits, trials, what in (
        ("purity", real, candidates, "candidates are real"),
        ("completeness", complete, findable, counted),
    ):
        low, high = wilson_interval(hits, trials)
        part = hits / trials if trials else float("nan")
        lines.append(f"{name} {part:.2f} ({float(low):.2f} to {float(high):.2f}): {hits} of {trials} {what}")
    pure = f"{float(row['completeness']):.2f} above score {float(row['threshold']):.2f}"
    return [
        *lines,
        f"completeness where 90 % of the candidates are real: {pure}",
        f"median error of places: {float(row['position_50']):.2f} arcmin",
    ]
