"""Tables of the report of an evaluation, as Markdown and as ECSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.bootstrap import Estimate
from skysieve.core.evaluation.tables import format_estimate, to_ecsv, to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.evaluation import BinnedFraction
    from skysieve.clusters.evaluate.sky import Rules
    from skysieve.clusters.search.pixel_scores import PixelCounts

__all__ = [
    "QUANTILES",
    "bin_rows",
    "bins_table",
    "comparisons_table",
    "ecsv",
    "flat_row",
    "pixels_table",
    "positions_table",
    "scores_table",
]

QUANTILES = (0.5, 0.68, 0.95)
"""Quantiles of the position errors that are reported."""

ENDS_PURE = " †"
"""Mark of catalogues whose purity exceeds the required one at their lowest score."""


def scores_table(rows: Sequence[Mapping[str, object]], rules: Rules) -> str:
    """Format the scores of all detectors.

    Parameters
    ----------
    rows
        Scores, one row per detector.
    rules
        Rules of the evaluation.

    Returns
    -------
    str
        Markdown table.
    """
    header = [
        "",
        "candidates",
        "real",
        "findable clusters found",
        f"completeness at {100 * rules.purity:g} % purity",
        "above score",
        "calibration error",
    ]
    lines = [
        [
            str(row["detector"]),
            str(row["candidates"]),
            str(row["real"]),
            f"{row['found']} of {row['findable']}",
            format_estimate(row["completeness"]),  # type: ignore[arg-type]
            _number(row["threshold"]) + ENDS_PURE * bool(row["ends_pure"]),
            _number(row["calibration_error"]),
        ]
        for row in rows
    ]
    note = (
        f"{ENDS_PURE.strip()} All of its candidates together are as pure as that: with fainter ones it might "
        "be more complete.\n"
    )
    return to_markdown(header, lines) + f"\n{note}" * any(bool(row["ends_pure"]) for row in rows)


def comparisons_table(compared: Sequence[Mapping[str, object]], rules: Rules) -> list[str]:
    """Format the comparisons of pairs of detectors.

    Parameters
    ----------
    compared
        Comparisons, one row per pair.
    rules
        Rules of the evaluation.

    Returns
    -------
    list of str
        Heading and Markdown table; empty for a single detector.
    """
    if not compared:
        return []
    lines = [
        [
            f"{row['first']} − {row['second']}",
            f"{row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})",
            str(row["better"]),
        ]
        for row in compared
    ]
    header = ["pair", f"difference of completeness at {100 * rules.purity:g} % purity", "better"]
    return ["### Who stands above whom\n", to_markdown(header, lines)]


def positions_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Format quantiles of the position errors.

    Parameters
    ----------
    rows
        Scores, one row per detector.

    Returns
    -------
    str
        Markdown table.
    """
    header = ["arcmin", *(f"{100 * q:g} % within" for q in QUANTILES)]
    lines = [
        [str(row["detector"]), *(format_estimate(row[f"position_{100 * q:g}"]) for q in QUANTILES)]  # type: ignore[arg-type]
        for row in rows
    ]
    return to_markdown(header, lines)


def pixels_table(pixels: Mapping[str, PixelCounts]) -> str:
    """Format the pixel scores.

    Parameters
    ----------
    pixels
        Pixel counts by detector.

    Returns
    -------
    str
        Markdown table.
    """
    lines = [
        [name, *(_number(value) for value in (one.precision, one.recall, one.dice))]
        for name, one in pixels.items()
    ]
    return to_markdown(["", "precision", "recall", "Dice"], lines)


def bins_table(label: str, detectors: Mapping[str, BinnedFraction]) -> str:
    """Format fractions in bins: one row per bin, one column per detector.

    Parameters
    ----------
    label
        Label of the quantity.
    detectors
        Fractions in the same bins, by detector.

    Returns
    -------
    str
        Markdown table, without empty bins.
    """
    first = next(iter(detectors.values()))
    lines = []
    for index, (low, high) in enumerate(zip(first.edges[:-1], first.edges[1:], strict=True)):
        if any(one.trials[index] for one in detectors.values()):
            cells = [_fraction(one, index) for one in detectors.values()]
            lines.append([f"{low:.3g} to {high:.3g}", *cells])
    return to_markdown([label, *detectors], lines)


def _fraction(one: BinnedFraction, index: int) -> str:
    if not one.trials[index]:
        return "–"
    interval = f"{one.low[index]:.2f}–{one.high[index]:.2f}"
    return f"{one.fraction[index]:.2f} ({interval}), {one.hits[index]} of {one.trials[index]}"


def bin_rows(binned: Mapping[str, Mapping[str, BinnedFraction]]) -> list[dict[str, object]]:
    """Convert fractions in bins to rows of a table.

    Parameters
    ----------
    binned
        Fractions by detector, then by quantity.

    Returns
    -------
    list of dict
        One row per detector, quantity and bin.
    """
    return [
        {
            "detector": name,
            "by": by,
            "from": one.edges[index],
            "to": one.edges[index + 1],
            "mean": one.mean[index],
            "hits": int(one.hits[index]),
            "trials": int(one.trials[index]),
            "part": one.fraction[index],
            "low": one.low[index],
            "high": one.high[index],
        }
        for name, found in binned.items()
        for by, one in found.items()
        for index in range(one.trials.size)
    ]


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) and np.isfinite(value) else "–"


def ecsv(rows: Sequence[Mapping[str, object]], meta: Mapping[str, object]) -> bytes:
    """Format rows as ECSV.

    Parameters
    ----------
    rows
        Values by column; missing ones become NaN.
    meta
        Metadata of the table.

    Returns
    -------
    bytes
        An ECSV file.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name, np.nan) for row in rows] for name in names}
    units = {name: "arcmin" for name in names if name.startswith("position_")}
    return to_ecsv(columns, units=units, meta=meta).encode()


def flat_row(row: Mapping[str, object]) -> dict[str, object]:
    """Replace each estimate of a row by three columns: its value and the limits of its interval.

    Parameters
    ----------
    row
        Values by column.

    Returns
    -------
    dict
        The new row.
    """
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Estimate):
            low, high = value.interval
            flat |= {name: value.value, f"{name}_low": low, f"{name}_high": high}
        else:
            flat[name] = value
    return flat
