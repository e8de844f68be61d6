"""Tracking errors on frames of held-out cameras and of a second simulator, versus the published network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from class_scores import detector_table, spread
from evaluations import INTERVALS, BenchmarkFrame, evaluate_frames
from held_out import HELD_OUT, keep_tracking_frames, read_tracking_frame
from plain_set import PLAIN, plain_benchmark_frames
from results import Bar, Cell, Result, Table

from skysieve.core.evaluation.bootstrap import difference
from skysieve.core.evaluation.scores import MEASURES, Measure
from skysieve.frames.evaluate.tracking import ERROR, TrackDetector, TrackingEvaluation
from skysieve.frames.track.settings import TrackSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evaluations import FrameSet
    from held_out import MovedFrame
    from numpy.typing import NDArray

    from skysieve.core.evaluation.histograms import Tally

__all__ = ["measure"]

FRAMES = 60
SIDE = 800
PUBLISHED = "maxitrack"
MIN_AUC = 0.97
MAX_FLAGGED = 0.05
MAX_ERROR = 0.03
OF_EACH_KIND = 12
"""Number of frames of each kind from the plain simulator."""

EVEN = 0.5
"""Prior of tracking errors: errors are about as frequent as good frames here."""

EXTENTS = (0.4, 0.5, 1.0, 2.0, 4.0, np.inf)
"""Bounds of the bins of the extent of motions, in FWHM."""

ABOUT_EXTENT = (
    "Extent: standard deviation of the motion along its main axis, in FWHM of the images without it. "
    "Frames of each kind and extent are compared with all good frames."
)

(AUC,) = (measure for measure in MEASURES if measure.name == "auc")


def _flagged(tally: Tally) -> NDArray[np.float64]:
    """Return the fraction of good frames that are flagged; NaN without good frames."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(tally.false_alarms / tally.negatives.sum(axis=-1))


FLAGGED = Measure("flagged", "share of good frames flagged", _flagged, higher_is_better=False)


def measure(*, model: str, recipes: Sequence[str], frames: int | None, side: int | None) -> Result:
    """Score a model and the published one on frames of each recipe, and of the plain simulator."""
    frames, side = frames or FRAMES, side or SIDE
    ours = TrackDetector(TrackSettings(model=model, prior=EVEN))
    if ours.name == PUBLISHED:
        ours.name = f"{PUBLISHED}, default precision"
    theirs = TrackDetector(TrackSettings(model=PUBLISHED, precision="f32", prior=EVEN), PUBLISHED)
    kept = keep_tracking_frames(recipes, frames, side)
    motions: list[MovedFrame] = []
    found = evaluate_frames(TrackingEvaluation([ours, theirs]), _shown(kept, motions))
    left_out = {text.partition(":")[0] for text in found.left_out}
    motions = [moved for moved in motions if moved.frame.name not in left_out]
    plain = evaluate_frames(TrackingEvaluation([ours, theirs]), plain_benchmark_frames(OF_EACH_KIND))
    names = ours.name, theirs.name
    sets = {"held-out recipes": found, "plain simulator": plain}
    remarks = [text for each in sets.values() for text in each.left_out]
    return Result(
        "Tracking errors on frames of held-out cameras, and of a second simulator",
        f"{frames} frames of {side} x {side} px for each of {len(kept)} recipes, pooled into one set of "
        f"{found.size}, of which {found.positives(ERROR)} have a tracking error; both models get the same "
        f"frames, as `skysieve track --prior {EVEN:g}` reads them, and flag those whose probability is above "
        f"0.5. {HELD_OUT} {PLAIN} There are {plain.size} of them, {OF_EACH_KIND} of each kind; "
        f"{plain.positives(ERROR)} have a tracking error. Scores and resamples are over frames.",
        [bar for name, each in sets.items() for bar in _bars(name, each, names)],
        [
            _summary(sets, names),
            _table("recipe", found, names, {group: found.members(group) for group in found.group_names}),
            _table("kind of motion", found, names, _by_kind(motions)),
            _table("extent of the motion", found, names, _by_extent(motions)),
            _decisions(plain, names),
            detector_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
        [ABOUT_EXTENT, *([f"Left out: {'; '.join(remarks)}."] if remarks else [])],
    )


def _bars(name: str, found: FrameSet, names: tuple[str, str]) -> list[Bar]:
    ours, theirs = (found.estimate(one, ERROR, AUC).value for one in names)
    flagged = found.estimate(names[0], ERROR, FLAGGED).value
    error = found.calibration_error(names[0], ERROR).value
    return [
        Bar(f"{name}: ROC AUC of {names[0]}", ">=", theirs, ours, remark=f"limit: {names[1]}'s"),
        Bar(f"{name}: ROC AUC of {names[0]}", ">=", MIN_AUC, ours),
        Bar(f"{name}: good frames flagged by {names[0]}", "<=", MAX_FLAGGED, flagged),
        Bar(f"{name}: calibration error of {names[0]}", "<=", MAX_ERROR, error),
    ]


def _summary(sets: dict[str, FrameSet], names: tuple[str, str]) -> Table:
    """Return the scores of both models on each set as a whole."""
    rows: list[tuple[Cell, ...]] = []
    for title, found in sets.items():
        for name in names:
            scores = (found.estimate(name, ERROR, measure) for measure in (AUC, FLAGGED))
            spreads = [spread(score) for score in (*scores, found.calibration_error(name, ERROR))]
            rows.append((title, name, *(value for each in spreads for value in each)))
    ends = (("from", ".4f"), ("to", ".4f"))
    columns = (
        ("set", ""),
        ("model", ""),
        *(("ROC AUC", ".4f"), *ends),
        *(("good frames flagged", ".4f"), *ends),
        *(("calibration error", ".4f"), *ends),
    )
    return Table("Both sets", columns, rows, INTERVALS)


def _decisions(found: FrameSet, names: tuple[str, str]) -> Table:
    """Return the number of flagged frames of each kind."""
    rows: list[tuple[Cell, ...]] = []
    for group in found.group_names:
        members = found.members(group)
        bad = found.positives(ERROR, members)
        counts = []
        for name in names:
            tally = found.tally(name, ERROR, members)
            counts.append(int((tally.hits if bad else tally.false_alarms).sum()))
        rows.append((group, "tracking error" if bad else "good", found.evaluated(ERROR, members), *counts))
    called = ((f"flagged by {name}", "d") for name in names)
    columns = (("kind of frame", ""), ("truth", ""), ("frames", "d"), *called)
    return Table("Frames of the plain simulator", columns, rows)


def _shown(kept: dict[str, list[Path]], motions: list[MovedFrame]) -> Iterator[BenchmarkFrame]:
    """Yield the frames, and append their motions to ``motions``."""
    for name, paths in kept.items():
        for path in paths:
            moved = read_tracking_frame(path)
            yield BenchmarkFrame(moved.frame, name, str(path))
            motions.append(_without_pixels(moved))


def _without_pixels(moved: MovedFrame) -> MovedFrame:
    """Return a frame without its pixels, to save memory."""
    return replace(moved, frame=replace(moved.frame, planes=()))


def _by_kind(motions: Sequence[MovedFrame]) -> dict[str, NDArray[np.bool_]]:
    good = np.array([not moved.frame.tracking_error for moved in motions])
    kinds = np.array([moved.kind for moved in motions])
    return {str(kind): good | (kinds == kind) for kind in np.unique(kinds[~good])}


def _by_extent(motions: Sequence[MovedFrame]) -> dict[str, NDArray[np.bool_]]:
    good = np.array([not moved.frame.tracking_error for moved in motions])
    extents = np.array([moved.extent for moved in motions])
    found = {f"below {EXTENTS[0]:g}": good | (extents < EXTENTS[0])}
    for low, high in pairwise(EXTENTS):
        label = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more"
        found[label] = good | ((extents >= low) & (extents < high))
    return found


def _table(what: str, found: FrameSet, names: tuple[str, str], groups: dict[str, NDArray[np.bool_]]) -> Table:
    """Return the areas under the ROC curves of parts of the set, and of all of it."""
    rows: list[tuple[Cell, ...]] = []
    for group, members in {**groups, "all": np.ones(found.size, np.bool_)}.items():
        bad = found.positives(ERROR, members)
        if not bad:
            continue
        ours, theirs = (found.estimate(name, ERROR, AUC, members) for name in names)
        compared = (*spread(ours), *spread(theirs), *spread(difference(ours, theirs)))
        rows.append((group, found.evaluated(ERROR, members) - bad, bad, *compared))
    ends = (("from", ".4f"), ("to", ".4f"))
    columns = (
        (what, ""),
        ("good frames", "d"),
        ("tracking errors", "d"),
        (names[0], ".4f"),
        *ends,
        (names[1], ".4f"),
        *ends,
        ("difference", "+.4f"),
        ("from", "+.4f"),
        ("to", "+.4f"),
    )
    return Table(f"ROC AUC by {what}", columns, rows, INTERVALS)
