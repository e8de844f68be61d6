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
    ABOUT_ENDS_PURE,
    QUANTILES,
    Comparison,
    DetectorScores,
    bin_rows,
    bins_table,
    comparisons_table,
    pixels_table,
    positions_table,
    scores_table,
)
from skysieve.core.evaluation.bootstrap import RESAMPLES, difference
from skysieve.core.evaluation.report_builder import ReportBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.evaluation import Curve
    from skysieve.clusters.evaluate.settings import Rules
    from skysieve.clusters.evaluate.sky import TruthMatch
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
    weights = BlockWeights([one.matched for one in results])
    limits = {one.name: threshold_at_purity(one.matched, rules.purity) for one in results}
    estimates = {one.name: completeness_at_purity(one.matched, rules.purity, weights) for one in results}
    completeness = {one.name: _completeness(one.matched, limits[one.name]) for one in results}
    calibrated = {one.name: found for one in results if (found := calibration(one.matched)) is not None}
    curves = {one.name: curve(one.matched) for one in results}
    rows = [
        _scores(
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
    report = ReportBuilder("Clusters of galaxies", command=command, facts=facts)
    report.add(_how(rules))
    report.add_heading("Scores")
    report.add_table(*scores_table(rows, rules))
    if any(row.ends_pure for row in rows):
        report.add(ABOUT_ENDS_PURE)
    if compared:
        report.add_heading("Who stands above whom", level=3)
        report.add_table(*comparisons_table(compared, rules))
    report.add_figure(
        "purity-completeness.png", draw_curves(curves, rules.purity), title="purity and completeness"
    )
    report.add_heading("Completeness")
    for by, label in _LABELS.items():
        report.add_table(*bins_table(label, {name: found[by] for name, found in completeness.items()}))
    drawn = {
        label: {name: found[by] for name, found in completeness.items()} for by, label in _LABELS.items()
    }
    report.add_figure("completeness.png", draw_completeness(drawn), title="completeness")
    report.add_heading("Purity")
    for one in results:
        report.add_table(*bins_table("score", {one.name: _purity(one.matched)}))
    if calibrated:
        report.add_figure("calibration.png", draw_calibration(calibrated), title="calibration")
    report.add_heading("Positions")
    report.add_table(*positions_table(rows))
    separations = {
        one.name: one.matched.separation[one.matched.real & (one.matched.score >= limits[one.name])]
        for one in results
    }
    report.add_figure("positions.png", draw_positions(separations, rules.radius), title="positions")
    if any(one.pixels for one in results):
        report.add_heading("Pixels")
        report.add_table(*pixels_table({one.name: one.pixels for one in results if one.pixels}))
    arcmin = {name: "arcmin" for row in rows for name in row.columns() if name.startswith("position_")}
    report.add_file("scores.ecsv", [row.columns() for row in rows], units=arcmin)
    report.add_file("completeness.ecsv", bin_rows(completeness))
    report.add_file("purity.ecsv", bin_rows({one.name: {"score": _purity(one.matched)} for one in results}))
    report.add_file("curve.ecsv", _curve_rows(curves))
    if compared:
        report.add_file("comparisons.ecsv", [vars(one) for one in compared])
    return report.files()


def _curve_rows(curves: Mapping[str, Curve]) -> list[dict[str, object]]:
    return [
        {"detector": name, "threshold": t, "candidates": int(n), "purity": p, "completeness": c}
        for name, one in curves.items()
        for t, n, p, c in zip(one.threshold, one.count, one.purity, one.completeness, strict=True)
    ]


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


def _scores(
    one: DetectorResult,
    rules: Rules,
    threshold: float,
    estimate: Estimate,
    *,
    weights: BlockWeights,
    calibrated: BinnedFraction | None,
) -> DetectorScores:
    matched = one.matched
    findable = matched.found_score[matched.findable]
    above = matched.score >= threshold
    return DetectorScores(
        detector=one.name,
        candidates=int(matched.score.size),
        real=int(np.count_nonzero(matched.real)),
        findable=int(findable.size),
        found=int(np.count_nonzero(np.isfinite(findable))),
        purity_asked=rules.purity,
        threshold=threshold,
        candidates_above=int(np.count_nonzero(above)),
        ends_pure=bool(above.all() and above.size),
        completeness=estimate,
        calibration_error=float("nan") if calibrated is None else calibration_error(calibrated),
        positions=tuple(position_errors(matched, QUANTILES, threshold=threshold, weights=weights)),
    )


def _compare(estimates: Mapping[str, Estimate]) -> list[Comparison]:
    found = []
    for first, second in combinations(estimates, 2):
        change = difference(estimates[first], estimates[second])
        better = {1: first, -1: second}.get(change.sign, "neither")
        found.append(Comparison(first, second, change.value, *change.interval, better))
    return found
