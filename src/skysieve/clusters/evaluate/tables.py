"""Tables of the report of an evaluation: header and rows of cells, and rows of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.evaluation.tables import format_difference, format_estimate, format_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.evaluation import BinnedFraction
    from skysieve.clusters.evaluate.settings import Rules
    from skysieve.clusters.search.pixel_scores import PixelCounts
    from skysieve.core.evaluation.bootstrap import Estimate

    Table = tuple[list[str], list[list[str]]]

__all__ = [
    "QUANTILES",
    "Comparison",
    "DetectorScores",
    "bin_rows",
    "bins_table",
    "comparisons_table",
    "pixels_table",
    "positions_table",
    "scores_table",
]

QUANTILES = (0.5, 0.68, 0.95)
"""Quantiles of the position errors that are reported."""

ENDS_PURE = " †"
"""Mark of catalogues whose purity exceeds the required one at their lowest score."""

ABOUT_ENDS_PURE = (
    f"{ENDS_PURE.strip()} All of its candidates together are as pure as that: with fainter ones it might be "
    "more complete.\n"
)


@dataclass(frozen=True, kw_only=True)
class DetectorScores:
    """Scores of one detector.

    Attributes
    ----------
    detector
        Name of the detector.
    candidates, real
        Number of its candidates, and of those that are true clusters.
    findable, found
        Number of true clusters that are bright enough to be found, and of those that are found.
    purity_asked
        Purity at which detectors are compared.
    threshold
        Lowest score above which the candidates have that purity.
    candidates_above
        Number of candidates above it.
    ends_pure
        Whether all candidates are above it: fainter ones might increase the completeness at the same purity.
    completeness
        Completeness above it.
    calibration_error
        Mean difference between score and purity; NaN if the scores are not probabilities.
    positions
        Position errors in arcminutes at :data:`QUANTILES`.
    """

    detector: str
    candidates: int
    real: int
    findable: int
    found: int
    purity_asked: float
    threshold: float
    candidates_above: int
    ends_pure: bool
    completeness: Estimate
    calibration_error: float
    positions: tuple[Estimate, ...]

    def columns(self) -> dict[str, object]:
        """Return the row of the table: each estimate has a column of its own and two of its interval.

        Returns
        -------
        dict
            Values by column.
        """
        estimates = {"completeness": self.completeness}
        estimates |= {f"position_{100 * q:g}": one for q, one in zip(QUANTILES, self.positions, strict=True)}
        row = {name: value for name, value in vars(self).items() if name not in ("completeness", "positions")}
        error = row.pop("calibration_error")
        flat: dict[str, object] = {}
        for name, one in estimates.items():
            low, high = one.interval
            flat |= {name: one.value, f"{name}_low": low, f"{name}_high": high}
            if name == "completeness":
                flat["calibration_error"] = error
        return row | flat


@dataclass(frozen=True)
class Comparison:
    """Difference of the completeness of two detectors.

    Attributes
    ----------
    first, second
        Names of the detectors.
    difference, low, high
        The difference, and the limits of its interval.
    better
        Name of the better detector, or ``"neither"``.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    better: str


def scores_table(rows: Sequence[DetectorScores], rules: Rules) -> Table:
    """Format the scores of all detectors.

    Parameters
    ----------
    rows
        Scores of each detector.
    rules
        Rules of the evaluation.

    Returns
    -------
    tuple
        Header, and rows of cells.
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
    return header, [
        [
            row.detector,
            str(row.candidates),
            str(row.real),
            f"{row.found} of {row.findable}",
            format_estimate(row.completeness),
            format_number(row.threshold) + ENDS_PURE * row.ends_pure,
            format_number(row.calibration_error),
        ]
        for row in rows
    ]


def comparisons_table(compared: Sequence[Comparison], rules: Rules) -> Table:
    """Format the comparisons of pairs of detectors.

    Parameters
    ----------
    compared
        Comparisons.
    rules
        Rules of the evaluation.

    Returns
    -------
    tuple
        Header, and rows of cells.
    """
    header = ["pair", f"difference of completeness at {100 * rules.purity:g} % purity", "better"]
    return header, [
        [f"{one.first} − {one.second}", format_difference(one.difference, one.low, one.high), one.better]
        for one in compared
    ]


def positions_table(rows: Sequence[DetectorScores]) -> Table:
    """Format quantiles of the position errors.

    Parameters
    ----------
    rows
        Scores of each detector.

    Returns
    -------
    tuple
        Header, and rows of cells.
    """
    header = ["arcmin", *(f"{100 * q:g} % within" for q in QUANTILES)]
    return header, [[row.detector, *map(format_estimate, row.positions)] for row in rows]


def pixels_table(pixels: Mapping[str, PixelCounts]) -> Table:
    """Format the pixel scores.

    Parameters
    ----------
    pixels
        Pixel counts by detector.

    Returns
    -------
    tuple
        Header, and rows of cells.
    """
    return ["", "precision", "recall", "Dice"], [
        [name, *map(format_number, (one.precision, one.recall, one.dice))] for name, one in pixels.items()
    ]


def bins_table(label: str, detectors: Mapping[str, BinnedFraction]) -> Table:
    """Format fractions in bins: one row per bin, one column per detector.

    Parameters
    ----------
    label
        Label of the quantity.
    detectors
        Fractions in the same bins, by detector.

    Returns
    -------
    tuple
        Header, and rows of cells, without empty bins.
    """
    first = next(iter(detectors.values()))
    lines = []
    for index, (low, high) in enumerate(zip(first.edges[:-1], first.edges[1:], strict=True)):
        if any(one.trials[index] for one in detectors.values()):
            cells = [_fraction(one, index) for one in detectors.values()]
            lines.append([f"{low:.3g} to {high:.3g}", *cells])
    return [label, *detectors], lines


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
