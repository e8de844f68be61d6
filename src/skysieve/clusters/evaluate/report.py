"""Report of an evaluation: Markdown, tables as ECSV, figures as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.evaluate.curves import draw_calibration, draw_completeness, draw_curves, draw_positions
from skysieve.clusters.evaluate.evaluation import (
    BinnedFraction,
    BlockWeights,
    calibration,
    calibration_error,
    completeness_at_purity,
    completeness_in_bins,
    curve,
    position_errors,
    purity_in_bins,
    threshold_at_purity,
)
from skysieve.clusters.evaluate.tables import (
    QUANTILES,
    bin_rows,
    bins_table,
    comparisons_table,
    ecsv,
    flat_row,
    pixels_table,
    positions_table,
    scores_table,
)
from skysieve.core.evaluation.bootstrap import RESAMPLES, difference
from skysieve.core.evaluation.machine import machine_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.sky import Rules, TruthMatch
    from skysieve.clusters.search.pixel_scores import PixelCounts
    from skysieve.core.evaluation.bootstrap import Estimate

__all__ = ["DetectorResult", "make_evaluation_report"]

Y500_EDGES = (1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2, 0.1)
M500_EDGES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0)
REDSHIFT_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 2.0)
_BINS = 8

_LABELS = {
    "y500": "Y500 in square arcminutes",
    "m500": "M500 in 1e14 solar masses",
    "redshift": "redshift",
}
_EDGES = {"y500": Y500_EDGES, "m500": M500_EDGES, "redshift": REDSHIFT_EDGES}


@dataclass(frozen=True, eq=False)
class DetectorResult:
    """Results of one detector on all skies.

    Attributes
    ----------
    name
        Name of the detector.
    matched
        Matches of its candidates with the true clusters.
    pixels
        Pixel counts of its maps of probabilities; None without maps.
    """

    name: str
    matched: TruthMatch
    pixels: PixelCounts | None = None


def make_evaluation_report(
    results: Sequence[DetectorResult], rules: Rules, *, command: str, facts: Mapping[str, str]
) -> dict[str, bytes]:
    """Make all files of a report.

    Parameters
    ----------
    results
        Results of the detectors, on the same skies.
    rules
        Rules of the evaluation.
    command
        Command line that makes the report.
    facts
        Further facts for the reader, by name.

    Returns
    -------
    dict
        Content by file name: ``report.md``, ``scores.ecsv``, ``comparisons.ecsv`` for more than one detector,
        ``completeness.ecsv``, ``purity.ecsv``, ``curve.ecsv``, and the figures as PNG.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    facts = {**facts, **machine_facts()}
    meta = {"command": command, **facts}
    weights = BlockWeights([one.matched for one in results])
    limits = {one.name: threshold_at_purity(one.matched, rules.purity) for one in results}
    estimates = {one.name: completeness_at_purity(one.matched, rules.purity, weights) for one in results}
    completeness = {one.name: _completeness(one.matched, limits[one.name]) for one in results}
    calibrated = {one.name: found for one in results if (found := calibration(one.matched)) is not None}
    curves = {one.name: curve(one.matched) for one in results}
    pictures = {
        "purity-completeness.png": draw_curves(curves, rules.purity),
        "completeness.png": draw_completeness(
            {
                label: {name: found[by] for name, found in completeness.items()}
                for by, label in _LABELS.items()
            }
        ),
        "positions.png": draw_positions(
            {
                one.name: one.matched.separation[one.matched.real & (one.matched.score >= limits[one.name])]
                for one in results
            },
            rules.radius,
        ),
    }
    if calibrated:
        pictures["calibration.png"] = draw_calibration(calibrated)
    rows = [
        _score_row(
            one,
            rules,
            limits[one.name],
            estimates[one.name],
            weights=weights,
            calibrated=calibrated.get(one.name),
        )
        for one in results
    ]
    compared = _compare(estimates)
    tables = {
        "scores.ecsv": ecsv([flat_row(row) for row in rows], meta),
        "completeness.ecsv": ecsv(bin_rows(completeness), meta),
        "purity.ecsv": ecsv(bin_rows({one.name: {"score": _purity(one.matched)} for one in results}), meta),
        "curve.ecsv": ecsv(
            [
                {"detector": name, "threshold": t, "candidates": int(n), "purity": p, "completeness": c}
                for name, one in curves.items()
                for t, n, p, c in zip(one.threshold, one.count, one.purity, one.completeness, strict=True)
            ],
            meta,
        ),
    }
    if compared:
        tables["comparisons.ecsv"] = ecsv(compared, meta)
    text = ["# Clusters of galaxies\n", f"```console\n$ {command}\n```\n"]
    text += ["\n".join(f"- {name}: {value}" for name, value in facts.items()) + "\n", _how(rules)]
    text += ["## Scores\n", scores_table(rows, rules), *comparisons_table(compared, rules)]
    text += ["![purity and completeness](purity-completeness.png)\n", "## Completeness\n"]
    for by, label in _LABELS.items():
        text += [bins_table(label, {name: found[by] for name, found in completeness.items()})]
    text += ["![completeness](completeness.png)\n", "## Purity\n"]
    text += [bins_table("score", {one.name: _purity(one.matched)}) for one in results]
    if calibrated:
        text += ["![calibration](calibration.png)\n"]
    text += ["## Positions\n", positions_table(rows), "![positions](positions.png)\n"]
    if any(one.pixels for one in results):
        text += ["## Pixels\n", pixels_table({one.name: one.pixels for one in results if one.pixels})]
    return {**tables, **pictures, "report.md": "\n".join(text).encode()}


def _how(rules: Rules) -> str:
    signal = "" if rules.least_snr is None else f" and an expected S/N of {rules.least_snr:g} or more"
    return (
        f"A candidate is real if it lies within {rules.radius:g} arcmin of a true cluster with Y500 of "
        f"{rules.least_real:g} square arcminutes or more; the best candidate goes first, and is the "
        "brightest of those that are nobody's yet. Purity is the part of candidates that is real. "
        f"Completeness is the part of true clusters with Y500 of {rules.least_y500:g} square arcminutes or "
        f"more{signal} that candidates are, and is compared at the lowest score above which "
        f"{100 * rules.purity:g} % of the candidates are real. Scores are followed by their 68 % intervals "
        f"over {RESAMPLES} resamples of blocks of the sky, HEALPix pixels of 54 square degrees (Bayesian "
        "bootstrap, the same for all); parts in bins by Wilson's 68 % interval of the binomial "
        "distribution.\n"
    )


def _completeness(matched: TruthMatch, threshold: float) -> dict[str, BinnedFraction]:
    """Return the completeness in bins; those of Y500 include clusters that are too faint to be findable."""
    return {
        "y500": completeness_in_bins(matched, "y500", Y500_EDGES, threshold=threshold, only_findable=False),
        "m500": completeness_in_bins(matched, "m500", M500_EDGES, threshold=threshold),
        "redshift": completeness_in_bins(matched, "redshift", REDSHIFT_EDGES, threshold=threshold),
    }


def _purity(matched: TruthMatch) -> BinnedFraction:
    """Return the purity in bins of the score; for a signal to noise, of about as many candidates each."""
    binned = calibration(matched)
    if binned is not None:
        return binned
    edges = np.unique(np.quantile(matched.score, np.linspace(0, 1, _BINS + 1)))
    return purity_in_bins(matched, np.append(edges[:-1], np.nextafter(edges[-1], np.inf)))


def _score_row(
    one: DetectorResult,
    rules: Rules,
    threshold: float,
    estimate: Estimate,
    *,
    weights: BlockWeights,
    calibrated: BinnedFraction | None,
) -> dict[str, object]:
    matched = one.matched
    findable = matched.found_score[matched.findable]
    above = matched.score >= threshold
    errors = position_errors(matched, QUANTILES, threshold=threshold, weights=weights)
    row: dict[str, object] = {
        "detector": one.name,
        "candidates": int(matched.score.size),
        "real": int(np.count_nonzero(matched.real)),
        "findable": int(findable.size),
        "found": int(np.count_nonzero(np.isfinite(findable))),
        "purity_asked": rules.purity,
        "threshold": threshold,
        "candidates_above": int(np.count_nonzero(above)),
        # Then fainter candidates might increase the completeness at the same purity
        "ends_pure": bool(above.all() and above.size),
        "completeness": estimate,
        "calibration_error": (float("nan") if calibrated is None else calibration_error(calibrated)),
    }
    return row | {f"position_{100 * q:g}": error for q, error in zip(QUANTILES, errors, strict=True)}


def _compare(estimates: Mapping[str, Estimate]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for first, second in combinations(estimates, 2):
        change = difference(estimates[first], estimates[second])
        low, high = change.interval
        better = {1: first, -1: second}.get(change.sign, "neither")
        rows.append(
            {
                "first": first,
                "second": second,
                "difference": change.value,
                "low": low,
                "high": high,
                "better": better,
            }
        )
    return rows
