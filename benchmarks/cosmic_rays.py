"""Detection of cosmic rays, compared with the published network and published cosmic-ray detectors."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
from baselines import BaselineDetector, parse_baseline
from class_scores import detector_table, make_models, spread
from evaluations import INTERVALS, BenchmarkFrame, evaluate_frames
from held_out import HELD_OUT, keep_contaminant_frames, read_contaminant_frame
from injected_frames import HOW, injected_frames
from results import Bar, Cell, Result, Table

from skysieve.core.evaluation.bootstrap import difference
from skysieve.core.evaluation.scores import MEASURES
from skysieve.core.models.store import cache_folder
from skysieve.frames.evaluate.masks import COSMIC_RAYS_OUTSIDE_DEFECTS, MaskEvaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluations import FrameSet

    from skysieve.frames.evaluate.masks import ModelDetector

__all__ = ["measure"]

FRAMES = 6
SIDE = 512
INJECTIONS = 2

ROWS = ("CR", COSMIC_RAYS_OUTSIDE_DEFECTS)
OUTSIDE_DEFECTS = (
    f"{COSMIC_RAYS_OUTSIDE_DEFECTS}: without pixels of CCD defects, saturation and overscan. In practice, "
    "detectors of cosmic rays alone get a mask of these pixels."
)

SCORES = tuple(measure for measure in MEASURES if measure.name in ("tpr_1e-4", "p_at_r95"))
SHOWN = tuple(measure for measure in MEASURES if measure.name in ("ap", "auc"))


def measure(
    *,
    model: str,
    recipes: Sequence[str],
    frames: int | None,
    side: int | None,
    injections: int | None,
    peers: Sequence[str],
) -> Result:
    """Score a model, the published one and the other detectors on simulated and on injected frames."""
    frames, side, injections = frames or FRAMES, side or SIDE, injections or INJECTIONS
    ours, published = make_models(model)
    kept = keep_contaminant_frames(recipes, frames, side)
    with ExitStack() as stack:
        folder = cache_folder().parent / "peers"
        others = [BaselineDetector(stack.enter_context(parse_baseline(name, folder))) for name in peers]
        detectors: list[ModelDetector | BaselineDetector] = [ours, published, *others]
        simulated = (
            BenchmarkFrame(read_contaminant_frame(path), name, str(path))
            for name, paths in kept.items()
            for path in paths
        )
        sets = {
            "simulated": evaluate_frames(MaskEvaluation(detectors), simulated),
            "injected": evaluate_frames(MaskEvaluation(detectors), injected_frames(detectors, injections)),
        }
    bars: list[Bar] = []
    tables: list[Table] = []
    for name, found in sets.items():
        bars += _bars(name, found, ours.name)
        tables.append(_table(name, found, ours.name))
    tables.append(_pixels(sets))
    described = [(one.name, one.description) for one in detectors]
    left_out = [text for found in sets.values() for text in found.left_out]
    return Result(
        "Cosmic rays",
        f"Two sets. Simulated: {frames} frames of {side} x {side} px for each of {len(kept)} recipes. "
        f"{HELD_OUT} Injected: {injections} frames made from each of {len(sets['injected'].group_names)} "
        f"real ones. {HOW} Each detector gets gain, read noise and saturation, as far as they are known, and "
        "a frame in the unit and with the sky level that it expects; each runs in its own environment. The "
        "score of a pixel is the probability from the detector; for astroscrappy it is the highest `sigclip` "
        "that still flags the pixel.",
        bars,
        [*tables, detector_table(*described)],
        [
            OUTSIDE_DEFECTS,
            "The limit of each bar is the best of the other detectors; the table lists all of them.",
            *([f"Left out: {'; '.join(left_out)}."] if left_out else []),
        ],
    )


def _bars(name: str, found: FrameSet, ours: str) -> list[Bar]:
    """Return a bar for each row and score; its limit is the best of the other detectors."""
    bars = []
    for row in ROWS:
        for score in SCORES:
            values = {one: found.estimate(one, row, score).value for one in found.detectors}
            own = values.pop(ours)
            best = max(values, key=lambda one: np.nan_to_num(values[one], nan=-1.0))
            bars.append(
                Bar(f"{row}, {score.title}, {name}", ">=", values[best], own, remark=f"limit: {best}'s")
            )
    return bars


def _table(name: str, found: FrameSet, ours: str) -> Table:
    """Return every score of every detector, and the difference to ours."""
    rows: list[tuple[Cell, ...]] = []
    for row in ROWS:
        for one in found.detectors:
            cells: list[Cell] = [row, one]
            for score in SCORES:
                estimate = found.estimate(one, row, score)
                cells += spread(estimate)
                own = found.estimate(ours, row, score)
                cells += [None] * 3 if one == ours else spread(difference(own, estimate))
            cells += [found.estimate(one, row, score).value for score in SHOWN]
            rows.append(tuple(cells))
    ends = (("from", ".4f"), ("to", ".4f"))
    signed = ((f"{ours} minus it", "+.4f"), ("from", "+.4f"), ("to", "+.4f"))
    columns: list[tuple[str, str]] = [("class", ""), ("detector", "")]
    for score in SCORES:
        columns += [(score.title, ".4f"), *ends, *signed]
    columns += [(score.title, ".4f") for score in SHOWN]
    return Table(f"Cosmic rays, {name}", tuple(columns), rows, INTERVALS)


def _pixels(sets: dict[str, FrameSet]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, found in sets.items():
        for group in (*found.group_names, "all"):
            members = np.ones(found.size, np.bool_) if group == "all" else found.members(group)
            counts = [
                number
                for row in ROWS
                for number in (found.evaluated(row, members) / 1e6, found.positives(row, members))
            ]
            rows.append((name, group, int(members.sum()), *counts))
    columns: list[tuple[str, str]] = [("set", ""), ("recipe or real frame", ""), ("frames", "d")]
    for row in ROWS:
        columns += [(f"{row}: evaluated, Mpix", ".2f"), ("cosmic rays, px", "d")]
    return Table("Frames and pixels", tuple(columns), rows)
