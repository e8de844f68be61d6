"""The report of an evaluation of ghosts: tables as ECSV and Markdown, curves as PNG, with the annotators."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.bootstrap import RESAMPLES, Estimate
from skysieve.core.evaluation.curves import draw_lines
from skysieve.core.evaluation.report_builder import ReportBuilder
from skysieve.core.evaluation.tables import format_estimate, format_number
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.evaluate.ccd_scores import GROUPS, THRESHOLDS
from skysieve.ghosts.evaluate.miss_sheet import draw_miss_sheet
from skysieve.ghosts.evaluate.precision import (
    IOU_THRESHOLDS,
    pooled_curve,
    pooled_precision,
    published_precision,
)
from skysieve.ghosts.predict.overlaps import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL import Image

    from skysieve.ghosts.evaluate.miss_sheet import MissPanel
    from skysieve.ghosts.evaluate.pictures import GhostScores

    MarkdownTable = tuple[list[str], list[list[str]]]

__all__ = ["make_ghost_report"]

SHOWN_THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2)
"""Fractions of a CCD in the tables of the page; the ECSV table has all."""

MISS_COLUMNS = ("detector", "picture", "kind", "class", "area", "row", "column", "score", "why")

PEOPLE = "people"

DEFINITIONS = (
    f"Values are followed by their 68 % intervals over {RESAMPLES} resamples of the pictures (Bayesian "
    "bootstrap). "
    "A CCD is touched if a ghost covers more than a part t of it, by the definitions of Tanoglidis et al. "
    "2022 (Astronomy and Computing, arXiv 2109.08246). Average precision is given as they define it (the "
    "mean over the pictures, of which those without the class count zero, so that it has a ceiling), without "
    "their cut of the scores, and as COCO does (all pictures in one ranking).\n"
)
ABOUT_PEOPLE = (
    "**People** are each measured against the majority of the others: mean, and the least and the largest of "
    "them. It is the ceiling that people set.\n"
)


def make_ghost_report(
    detectors: Sequence[GhostScores],
    people: Sequence[GhostScores],
    against: Mapping[str, Sequence[GhostScores]],
    *,
    command: str,
    facts: Mapping[str, str],
    panels: Mapping[str, Sequence[MissPanel]],
) -> dict[str, bytes]:
    """Make all files of a report.

    Parameters
    ----------
    detectors
        Scores against the truth.
    people
        Scores of each annotator against the majority of the others; empty with a single annotator.
    against
        Scores of the detectors against each annotator, by name.
    command
        Command line that reproduces the report.
    facts
        Further information for the reader, by name.
    panels
        Pictures of the contact sheet of each detector, by name.

    Returns
    -------
    dict
        Content by file name: ``report.md``, ``ccds.ecsv``, ``instances.ecsv``, ``misses.ecsv``, ``f1.png``,
        ``precision-recall.png`` and, for each detector with misses, ``misses-1.png`` and so on.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    report = ReportBuilder("Ghosts", command=command, facts=facts)
    report.add(DEFINITIONS, *([ABOUT_PEOPLE] if people else []))
    head = ["", *(one.name for one in detectors), *([PEOPLE] if people else [])]
    report.add_heading("CCDs: F1")
    rows = [
        [f"{group}, t = {100 * t:.0f} %", *_row(detectors, people, lambda one: one.f1(group, t))]  # noqa: B023
        for group in GROUPS
        for t in SHOWN_THRESHOLDS
    ]
    report.add_table(head, rows)
    report.add_figure("f1.png", _f1_curves(detectors, people), title="F1")
    report.add_heading("Pixels: intersection over union")
    rows = [[name, *_row(detectors, people, lambda one: one.iou(name))] for name in CLASS_NAMES]  # noqa: B023
    report.add_table(head, rows)
    report.add_heading("Instances: average precision")
    rows = []
    for name in (*CLASS_NAMES, ALL):
        for title, value in _precisions(name).items():
            rows.append([f"{name}, {title}", *_numbers(detectors, people, value)])
    report.add_table(head, rows)
    report.add_figure("precision-recall.png", _precision_curves(detectors), title="Precision and recall")
    if against:
        report.add_heading("Against each person: F1 of the CCDs, t = 5 %")
        columns = [f"{one.name}, {group}" for one in detectors for group in GROUPS]
        rows = [
            [name, *(format_estimate(one.f1(group, 0.05)) for one in scores for group in GROUPS)]
            for name, scores in against.items()
        ]
        report.add_table(["", *columns], rows)
    report.add_heading("Whether there is any ghost")
    report.add_table(*_has_ghost(detectors))
    report.add_heading("What was missed, and why")
    for number, one in enumerate(detectors, 1):
        report.add_table(*_reasons(one))
        if panels.get(one.name):
            sheet = draw_miss_sheet(panels[one.name], title=f"{one.name}: what was missed")
            report.add_figure(f"misses-{number}.png", _png(sheet), title=f"Misses of {one.name}")
    report.add_file("ccds.ecsv", _ccd_rows([*detectors, *people]))
    report.add_file("instances.ecsv", _instance_rows([*detectors, *people]))
    units = {"area": "pix2", "row": "pix", "column": "pix"}
    report.add_file("misses.ecsv", _miss_rows(detectors, panels), columns=MISS_COLUMNS, units=units)
    return report.files()


def _row(
    detectors: Sequence[GhostScores],
    people: Sequence[GhostScores],
    score: Callable[[GhostScores], Estimate],
) -> list[str]:
    """Return the scores of detectors with their intervals, and the range of the annotators."""
    cells = [format_estimate(score(one)) for one in detectors]
    return [*cells, *_people_cells([score(one).value for one in people])]


def _numbers(
    detectors: Sequence[GhostScores], people: Sequence[GhostScores], score: Callable[[GhostScores], float]
) -> list[str]:
    cells = [format_number(score(one)) for one in detectors]
    return [*cells, *_people_cells([score(one) for one in people])]


def _people_cells(values: Sequence[float]) -> list[str]:
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return ["–"] if values else []
    return [f"{np.mean(known):.4f} ({min(known):.4f} to {max(known):.4f})"]


def _precisions(group: str) -> dict[str, Callable[[GhostScores], float]]:
    """Return functions for the average precisions of a class, by row title."""
    return {
        "published, IoU 0.5": lambda one: published_precision(one.overlaps, group, cut=None).mean,
        "its ceiling": lambda one: published_precision(one.overlaps, group, cut=None).ceiling,
        "pooled, IoU 0.5": lambda one: pooled_precision(one.overlaps, group),
        "pooled, mean of IoU 0.5 to 0.9": lambda one: float(
            np.mean([pooled_precision(one.overlaps, group, iou=iou) for iou in IOU_THRESHOLDS])
        ),
    }


def _has_ghost(detectors: Sequence[GhostScores]) -> MarkdownTable:
    """Return the table of the decisions whether a picture has a ghost."""
    rows = []
    for one in detectors:
        probability, real = (np.array(values) for values in zip(*one.has_ghost, strict=True))
        reported = probability > 0.5
        counts = [np.count_nonzero(pair) for pair in (reported & real, ~reported & real)]
        counts += [np.count_nonzero(pair) for pair in (reported & ~real, ~reported & ~real)]
        rows.append([one.name, *map(str, counts), format_number(float(np.mean(reported == real)))])
    return ["", "ghosts found", "ghosts missed", "false alarms", "clean and found so", "accuracy"], rows


def _reasons(one: GhostScores) -> MarkdownTable:
    """Return the table of missed ghosts and wrong detections of each class, by reason."""
    counts: dict[str, Counter[str]] = {}
    for miss in (miss for misses in one.misses for miss in misses):
        what = "missed" if miss.missed else "wrong"
        # the text before the comma is the reason; the numbers after it differ
        counts.setdefault(f"{what}: {miss.why.partition(',')[0]}", Counter())[miss.class_name] += 1
    rows = [[why, *(str(by_class[name]) for name in CLASS_NAMES)] for why, by_class in sorted(counts.items())]
    return [f"{one.name}, at IoU 0.5", *CLASS_NAMES], rows


def _miss_rows(
    detectors: Sequence[GhostScores], panels: Mapping[str, Sequence[MissPanel]]
) -> list[dict[str, object]]:
    rows = []
    for one in detectors:
        for panel in panels.get(one.name, ()):
            for miss in panel.misses:
                kind = "missed" if miss.missed else "wrong"
                values = (one.name, panel.name, kind, miss.class_name, miss.area, *miss.position)
                rows.append(dict(zip(MISS_COLUMNS, (*values, miss.score, miss.why), strict=True)))
    return rows


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _ccd_rows(scores: Sequence[GhostScores]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in scores:
        for group, found in one.ccds.scores().items():
            for index, t in enumerate(THRESHOLDS):
                row: dict[str, object] = {"detector": one.name, "group": group, "t": t}
                row |= {"precision": found.precision[index], "recall": found.recall[index]}
                low, high = one.f1(group, t).interval
                rows.append({**row, "f1": found.f1[index], "f1_low": low, "f1_high": high})
    return rows


def _instance_rows(scores: Sequence[GhostScores]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in scores:
        for group in (*CLASS_NAMES, ALL):
            for iou in IOU_THRESHOLDS:
                published = published_precision(one.overlaps, group, iou=iou, cut=None)
                row = {"detector": one.name, "group": group, "iou": iou, "published": published.mean}
                pooled = pooled_precision(one.overlaps, group, iou=iou)
                rows.append({**row, "ceiling": published.ceiling, "pooled": pooled})
    return rows


def _f1_curves(detectors: Sequence[GhostScores], people: Sequence[GhostScores]) -> bytes:
    t = np.array(THRESHOLDS)
    panels = {}
    for group in GROUPS:
        panels[group] = {one.name: (t, one.ccds.scores()[group].f1) for one in detectors}
        if people:
            found = np.array([one.ccds.scores()[group].f1 for one in people])
            known = np.isfinite(found).any(0)
            mean = np.full(t.shape, np.nan)
            mean[known] = np.nanmean(found[:, known], axis=0)
            panels[group][PEOPLE] = (t, mean)
    return draw_lines(panels, "Which CCDs ghosts touch", "part of a CCD that counts, t", "F1")


def _precision_curves(detectors: Sequence[GhostScores]) -> bytes:
    curves = {
        group: {one.name: pooled_curve(one.overlaps, group) for one in detectors}
        for group in (*CLASS_NAMES, ALL)
    }
    panels = {
        group: {name: (curve.recall, curve.precision) for name, curve in by_name.items()}
        for group, by_name in curves.items()
    }
    return draw_lines(panels, "Instances, IoU 0.5, all pictures in one ranking", "recall", "precision")
