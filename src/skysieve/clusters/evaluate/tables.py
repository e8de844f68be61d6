"""Tables of the report of a trial, as people and programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.bootstrap import Estimate
from skysieve.core.evaluation.tables import format_estimate, to_ecsv, to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.evaluation import Counted
    from skysieve.clusters.evaluate.sky import Rules
    from skysieve.clusters.search.pixel_scores import PixelCounts

__all__ = [
    "QUANTILES",
    "bin_rows",
    "bins_table",
    "ecsv",
    "flat_row",
    "pixels_table",
    "positions_table",
    "scores_table",
    "verdicts_table",
]

QUANTILES = (0.5, 0.68, 0.95)
"""Of the position errors that are told."""

ENDS_PURE = " †"
"""Mark of catalogues that end before they are less pure than asked."""


def scores_table(rows: Sequence[Mapping[str, object]], rules: Rules) -> str:
    """Return the scores of all detectors, a row each."""
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


def verdicts_table(compared: Sequence[Mapping[str, object]], rules: Rules) -> list[str]:
    """Return who stands above whom, under a heading; nothing for a single detector."""
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
    """Return quantiles of the position errors."""
    header = ["arcmin", *(f"{100 * q:g} % within" for q in QUANTILES)]
    lines = [
        [str(row["detector"]), *(format_estimate(row[f"position_{100 * q:g}"]) for q in QUANTILES)]  # type: ignore[arg-type]
        for row in rows
    ]
    return to_markdown(header, lines)


def pixels_table(pixels: Mapping[str, PixelCounts]) -> str:
    """Return scores of pixels, by detector."""
    lines = [
        [name, *(_number(value) for value in (one.precision, one.recall, one.dice))]
        for name, one in pixels.items()
    ]
    return to_markdown(["", "precision", "recall", "Dice"], lines)


def bins_table(label: str, detectors: Mapping[str, Counted]) -> str:
    """Return a table of bins: a row a bin, a column a detector."""
    first = next(iter(detectors.values()))
    lines = []
    for place, (low, high) in enumerate(zip(first.edges[:-1], first.edges[1:], strict=True)):
        if any(one.trials[place] for one in detectors.values()):
            cells = [_part(one, place) for one in detectors.values()]
            lines.append([f"{low:.3g} to {high:.3g}", *cells])
    return to_markdown([label, *detectors], lines)


def _part(one: Counted, place: int) -> str:
    if not one.trials[place]:
        return "–"
    interval = f"{one.low[place]:.2f}–{one.high[place]:.2f}"
    return f"{one.part[place]:.2f} ({interval}), {one.hits[place]} of {one.trials[place]}"


def bin_rows(counted: Mapping[str, Mapping[str, Counted]]) -> list[dict[str, object]]:
    """Return the rows of a table of bins."""
    return [
        {
            "detector": name,
            "by": by,
            "from": one.edges[place],
            "to": one.edges[place + 1],
            "mean": one.middle[place],
            "hits": int(one.hits[place]),
            "trials": int(one.trials[place]),
            "part": one.part[place],
            "low": one.low[place],
            "high": one.high[place],
        }
        for name, found in counted.items()
        for by, one in found.items()
        for place in range(one.trials.size)
    ]


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) and np.isfinite(value) else "–"


def ecsv(rows: Sequence[Mapping[str, object]], meta: Mapping[str, object]) -> bytes:
    """Return rows as ECSV."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name, np.nan) for row in rows] for name in names}
    units = {name: "arcmin" for name in names if name.startswith("position_")}
    return to_ecsv(columns, units=units, meta=meta).encode()


def flat_row(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row with estimates in three columns."""
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Estimate):
            low, high = value.interval
            flat |= {name: value.value, f"{name}_low": low, f"{name}_high": high}
        else:
            flat[name] = value
    return flat
