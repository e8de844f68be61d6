"""Tracking errors on simulated frames of cameras that were held out, beside the published network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from class_scores import contestant_table, spread
from held_out import HELD_OUT, keep_tracking_frames, read_tracking_frame
from results import Bar, Cell, Result, Table
from trials import INTERVALS, Shown, hold

from skysieve.evaluation.bootstrap import difference
from skysieve.evaluation.scores import MEASURES
from skysieve.tracking.tracker import TrackSettings
from skysieve.tracking.trial import SLIPPED, TrackContestant, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from held_out import MovedFrame
    from numpy.typing import NDArray
    from trials import FrameSet

__all__ = ["measure"]

FRAMES = 60
SIDE = 800
PUBLISHED = "maxitrack"
LEAST_AUC = 0.99

EXTENTS = (0.3, 0.5, 1.0, 2.0, 4.0, np.inf)
"""Bounds of the extents of motions that are shown together, in FWHM; shorter ones come first."""

ABOUT_EXTENT = (
    "Extent: standard deviation of the motion along its main axis, in FWHM of the images without it. "
    "Frames of each kind and extent stand against all good frames."
)

(AUC,) = (measure for measure in MEASURES if measure.name == "auc")


def measure(*, model: str, recipes: Sequence[str], frames: int | None, side: int | None) -> Result:
    """Score a model and the published one on frames of each recipe."""
    frames, side = frames or FRAMES, side or SIDE
    ours = TrackContestant(TrackSettings(model=model))
    if ours.name == PUBLISHED:
        ours.name = f"{PUBLISHED}, default precision"
    theirs = TrackContestant(TrackSettings(model=PUBLISHED, precision="f32"), PUBLISHED)
    kept = keep_tracking_frames(recipes, frames, side)
    seen: list[MovedFrame] = []
    found = hold(Trial([ours, theirs]), _shown(kept, seen))
    left_out = {text.partition(":")[0] for text in found.left_out}
    seen = [moved for moved in seen if moved.frame.name not in left_out]
    values = [found.estimate(one.name, SLIPPED, AUC).value for one in (ours, theirs)]
    bars = [
        Bar(f"ROC AUC of {ours.name}", ">=", values[1], values[0], remark=f"limit: {theirs.name}'s"),
        Bar(f"ROC AUC of {ours.name}", ">=", LEAST_AUC, values[0]),
    ]
    names = ours.name, theirs.name
    return Result(
        "Tracking errors on simulated frames of cameras held out",
        f"{frames} frames of {side} x {side} px for each of {len(kept)} recipes, pooled into one set of "
        f"{found.size}, of which {found.positives(SLIPPED)} have a tracking error; both models see the same "
        f"frames, as `skysieve track` sees them. {HELD_OUT} Scores and resamples are over frames.",
        bars,
        [
            _table("recipe", found, names, {group: found.members(group) for group in found.group_names}),
            _table("kind of motion", found, names, _by_kind(seen)),
            _table("extent of the motion", found, names, _by_extent(seen)),
            contestant_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
        [
            ABOUT_EXTENT,
            *([f"Left out: {'; '.join(found.left_out)}."] if found.left_out else []),
        ],
    )


def _shown(kept: dict[str, list[Path]], seen: list[MovedFrame]) -> Iterator[Shown]:
    """Yield the frames, and note what moved them."""
    for name, paths in kept.items():
        for path in paths:
            moved = read_tracking_frame(path)
            yield Shown(moved.frame, name, str(path))
            seen.append(_without_pixels(moved))


def _without_pixels(moved: MovedFrame) -> MovedFrame:
    """Return what is known of a frame, whose pixels are not needed any more."""
    return replace(moved, frame=replace(moved.frame, planes=()))


def _by_kind(seen: Sequence[MovedFrame]) -> dict[str, NDArray[np.bool_]]:
    good = np.array([not moved.frame.slipped for moved in seen])
    kinds = np.array([moved.kind for moved in seen])
    return {str(kind): good | (kinds == kind) for kind in np.unique(kinds[~good])}


def _by_extent(seen: Sequence[MovedFrame]) -> dict[str, NDArray[np.bool_]]:
    good = np.array([not moved.frame.slipped for moved in seen])
    extents = np.array([moved.extent for moved in seen])
    found = {f"below {EXTENTS[0]:g}": good | (extents < EXTENTS[0])}
    for low, high in pairwise(EXTENTS):
        label = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more"
        found[label] = good | ((extents >= low) & (extents < high))
    return found


def _table(what: str, found: FrameSet, names: tuple[str, str], groups: dict[str, NDArray[np.bool_]]) -> Table:
    """Return the areas under the ROC curves of parts of the set, and of all of it."""
    rows: list[tuple[Cell, ...]] = []
    for group, members in {**groups, "all": np.ones(found.size, np.bool_)}.items():
        slipped = found.positives(SLIPPED, members)
        if not slipped:
            continue
        ours, theirs = (found.estimate(name, SLIPPED, AUC, members) for name in names)
        compared = (*spread(ours), *spread(theirs), *spread(difference(ours, theirs)))
        rows.append((group, found.judged(SLIPPED, members) - slipped, slipped, *compared))
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
