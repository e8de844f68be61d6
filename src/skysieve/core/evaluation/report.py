"""Report of an evaluation: tables as ECSV and Markdown, curves as PNG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skysieve.core.evaluation.bootstrap import RESAMPLES
from skysieve.core.evaluation.calibration import reliability
from skysieve.core.evaluation.comparison import ECE, MACRO, compare, score_set
from skysieve.core.evaluation.confusion_tables import (
    confusion_rows,
    false_table,
    missed_table,
    summarise_confusions,
)
from skysieve.core.evaluation.curves import draw_precision_recall, draw_reliability, draw_roc
from skysieve.core.evaluation.report_builder import ReportBuilder
from skysieve.core.evaluation.scores import MEASURES
from skysieve.core.evaluation.tables import format_difference, format_estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skysieve.core.evaluation.comparison import Comparison, EvaluatedSet, Scores
    from skysieve.core.evaluation.scores import Measure

__all__ = ["make_report"]

METHOD_NOTE = (
    f"Values are followed by their 68 % intervals over {RESAMPLES} resamples of the frames (Bayesian "
    "bootstrap). "
    "Differences are paired over the same resamples: the better of a pair is the one that stands above the "
    "other by the whole interval of their difference, and “disjoint” says that their own intervals do not "
    "touch either. "
    "Classes without a pixel in a set have no scores there, and no part in the macro mean.\n"
)

CONFUSION_NOTE = (
    "At the default priors and thresholds. First table: “found” is what the class itself has; “no class” is "
    "what no class has; the other columns are missed and given to a class to which they do not belong. "
    "Second table: “right” belongs to the class; “BG” belongs to no class; the other columns belong to "
    "another class and not to this one. A pixel may be given to several classes, and belong to several. "
    "Shares below 0.05 % are left out.\n"
)

CONFUSION_UNITS = dict.fromkeys(("pixels", "missed", "true_pixels", "marked_pixels"), "pix")


def make_report(
    title: str,
    sets: Sequence[EvaluatedSet],
    *,
    command: str,
    facts: Mapping[str, str],
    measures: Sequence[Measure] = MEASURES,
    unit: str = "pixels",
    confusion_frames: bool = False,
) -> dict[str, bytes]:
    """Make all files of a report.

    Parameters
    ----------
    title
        Heading.
    sets
        Evaluated sets of frames, with different names.
    command
        Command line that reproduces the report.
    facts
        Further facts for the reader, by name.
    measures
        Scores in addition to the calibration error.
    unit
        Unit of counts: pixels or frames.
    confusion_frames
        Whether to write the confusion of each frame, too.

    Returns
    -------
    dict
        Content by file name: ``report.md``, ``scores.ecsv``, ``comparisons.ecsv`` if there is more than one
        detector, ``confusion.ecsv`` and ``confusion-frames.ecsv`` of detectors that choose among classes,
        and for each set ``NAME-roc.png``, ``NAME-precision-recall.png`` and
        ``NAME-reliability.png``.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    report = ReportBuilder(title, command=command, facts=facts)
    report.add(METHOD_NOTE)
    rows: list[dict[str, object]] = []
    differences: list[dict[str, object]] = []
    for evaluated in sets:
        scores = score_set(evaluated, measures)
        columns = [*measures, ECE] if _has_probabilities(evaluated) else list(measures)
        compared = compare(scores, columns)
        _add_scores(report, evaluated, scores, columns, unit)
        ours = {name for name, scored in evaluated.detectors.items() if scored.training_priors is not None}
        _add_comparisons(report, [one for one in compared if ours & {one.first, one.second} or not ours])
        _add_confusion(report, evaluated)
        for name, content in _draw(evaluated).items():
            report.add_figure(name, content)
        rows += _score_rows(evaluated, scores, columns)
        differences += [_difference_row(evaluated, comparison) for comparison in compared]
    units = {"positives": "pix"} if unit == "pixels" else {}
    report.add_file("scores.ecsv", rows, units=units)
    if differences:
        report.add_file("comparisons.ecsv", differences, units=units)
    confused = [row for evaluated in sets for row in _confusion_rows(evaluated)]
    if confused:
        report.add_file("confusion.ecsv", confused, units=CONFUSION_UNITS)
    if confused and confusion_frames:
        rows = [row for evaluated in sets for row in _confusion_rows(evaluated, frame_by_frame=True)]
        report.add_file("confusion-frames.ecsv", rows, units=CONFUSION_UNITS)
    return report.files()


def _has_probabilities(evaluated: EvaluatedSet) -> bool:
    return any(scored.training_priors is not None for scored in evaluated.detectors.values())


def _add_scores(
    report: ReportBuilder, evaluated: EvaluatedSet, scores: Scores, measures: Sequence[Measure], unit: str
) -> None:
    """Add the tables of a set: one for each score, classes by detectors."""
    report.add_heading(evaluated.name)
    report.add(f"{evaluated.description}\n")
    has_mean = any(MACRO in by_class for by_class in scores.values())
    names = [*evaluated.classes, MACRO] if has_mean else [*evaluated.classes]
    for measure in measures:
        holders = [c for c in scores if any(measure.name in found for found in scores[c].values())]
        rows = []
        for name in names:
            found = [scores[detector].get(name, {}).get(measure.name) for detector in holders]
            rows.append([name, *("–" if one is None else format_estimate(one) for one in found)])
        report.add_heading(measure.title, level=3)
        report.add_table(["class", *holders], rows)
    truth = []
    for name in evaluated.classes:
        scored = next(s for s in evaluated.detectors.values() if name in s.histograms.classes)
        tally = scored.histograms.tally(name)
        frames = f"{scored.histograms.frames_with(name)} of {len(scored.histograms.frames)}"
        truth.append([name, frames, f"{tally.positives.sum():.0f}", f"{tally.prevalence:.3g}"])
    report.add_heading("Truth", level=3)
    report.add_table(["class", "frames with it", unit, f"part of all {unit}"], truth)


def _add_confusion(report: ReportBuilder, evaluated: EvaluatedSet) -> None:
    """Add the confusion tables of each detector."""
    confusions = {
        name: scored.confusion for name, scored in evaluated.detectors.items() if scored.confusion is not None
    }
    if confusions:
        report.add_heading("Confusion", level=3)
        report.add(CONFUSION_NOTE)
    for detector, confusion in confusions.items():
        report.add(f"**{detector}**: where the pixels of each true class go, in % of them\n")
        report.add_table(*missed_table(confusion))
        report.add(f"**{detector}**: what the pixels given to each class are, in % of them\n")
        report.add_table(*false_table(confusion))
        report.add(*(f"- {line}\n" for line in summarise_confusions(confusion)))


def _confusion_rows(evaluated: EvaluatedSet, *, frame_by_frame: bool = False) -> Iterator[dict[str, object]]:
    """Yield the rows of a set in the table of the confusion."""
    for detector, scored in evaluated.detectors.items():
        whole = scored.confusion
        if whole is None:
            continue
        head: dict[str, object] = {"set": evaluated.name, "detector": detector}
        if not frame_by_frame:
            yield from (head | row for row in confusion_rows(whole))
            continue
        for index, frame in enumerate(whole.frames):
            yield from (head | {"frame": frame} | row for row in confusion_rows(whole.frame(index)))


def _add_comparisons(report: ReportBuilder, compared: Sequence[Comparison]) -> None:
    """Add the table of comparisons: a row for each pair and score, in the macro mean if there is one."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in compared:
        groups.setdefault((one.first, one.second, one.measure.title), []).append(one)
    rows = []
    for (first, second, title), group in groups.items():
        whole = next((one for one in group if one.name == MACRO), group[0])
        classes = [one for one in group if one.name != MACRO]
        rows.append(
            [
                f"{first} − {second}",
                title,
                whole.name,
                format_difference(whole.difference.value, *whole.difference.interval),
                f"{whole.better or 'neither'}{', disjoint' if whole.better and whole.disjoint else ''}",
                ", ".join(one.name for one in classes if one.better == first) or "none",
                ", ".join(one.name for one in classes if one.better == second) or "none",
            ]
        )
    if not rows:
        return
    header = [
        "pair",
        "score",
        "in",
        "difference",
        "better",
        "classes where the first is",
        "where the second is",
    ]
    report.add_heading("Who stands above whom", level=3)
    report.add_table(header, rows)


def _draw(evaluated: EvaluatedSet) -> dict[str, bytes]:
    """Return the PNG files of a set."""
    tallies = {name: evaluated.tallies(name) for name in evaluated.classes}
    tallies = {
        name: found for name, found in tallies.items() if any(0 < t.prevalence < 1 for t in found.values())
    }
    stem = "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in evaluated.name)
    files = {
        f"{stem}-roc.png": draw_roc(tallies, f"{evaluated.name}: ROC"),
        f"{stem}-precision-recall.png": draw_precision_recall(
            tallies, f"{evaluated.name}: precision and recall"
        ),
    }
    if _has_probabilities(evaluated):
        curves = {
            name: {
                detector: reliability(tally, evaluated.detectors[detector].shift(name))
                for detector, tally in found.items()
                if evaluated.detectors[detector].training_priors is not None
            }
            for name, found in tallies.items()
        }
        title = f"{evaluated.name}: reliability after prior modification"
        files[f"{stem}-reliability.png"] = draw_reliability(curves, title)
    return files


def _score_rows(
    evaluated: EvaluatedSet, scores: Scores, measures: Sequence[Measure]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for detector, by_class in scores.items():
        histograms = evaluated.detectors[detector].histograms
        for name, estimates in by_class.items():
            row: dict[str, object] = {"set": evaluated.name, "detector": detector, "class": name}
            row |= {
                "frames": len(histograms.frames),
                "frames_with": 0,
                "positives": 0.0,
                "prevalence": math.nan,
            }
            if name != MACRO:
                tally = histograms.tally(name)
                row |= {
                    "frames_with": histograms.frames_with(name),
                    "positives": float(tally.positives.sum()),
                }
                row["prevalence"] = float(tally.prevalence)
            for measure in measures:
                one = estimates.get(measure.name)
                low, high = one.interval if one else (math.nan, math.nan)
                row |= {measure.name: one.value if one else math.nan}
                row |= {f"{measure.name}_low": low, f"{measure.name}_high": high}
            rows.append(row)
    return rows


def _difference_row(evaluated: EvaluatedSet, one: Comparison) -> dict[str, object]:
    low, high = one.difference.interval
    return {
        "set": evaluated.name,
        "first": one.first,
        "second": one.second,
        "class": one.name,
        "score": one.measure.name,
        "difference": one.difference.value,
        "low": low,
        "high": high,
        "better": one.better or "neither",
        "disjoint": one.disjoint,
    }
