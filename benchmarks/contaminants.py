"""Classes of pixels on simulated frames of cameras that were held out, beside the published network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from class_scores import detector_table, make_models, pixel_table, score_classes
from held_out import HELD_OUT, keep_contaminant_frames, read_contaminant_frame
from results import Bar, Result
from trials import Shown, hold

from skysieve.frames.evaluate.masks import MaskEvaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["measure"]

SEARCHES = (
    "The rules of the searches for trails, spikes, saturated and isolated pixels were set on other frames of "
    "these cameras."
)
FRAMES = 16
SIDE = 768
LARGEST_ERROR = 0.01


def measure(*, model: str, recipes: Sequence[str], frames: int | None, side: int | None) -> Result:
    """Score a model and the published one on frames of each recipe."""
    frames, side = frames or FRAMES, side or SIDE
    ours, theirs = make_models(model)
    kept = keep_contaminant_frames(recipes, frames, side)
    shown = (
        Shown(read_contaminant_frame(path), name, str(path)) for name, paths in kept.items() for path in paths
    )
    found = hold(MaskEvaluation([ours, theirs]), shown)
    scores = score_classes(found, ours.name, theirs.name)
    macros = scores.macro(ours.name), scores.macro(theirs.name)
    below = scores.classes_below
    bars = [
        Bar(
            f"macro average precision over {scores.count} classes of {ours.name}, lower end of its interval",
            ">=",
            macros[1].interval[1],
            macros[0].interval[0],
            remark=f"limit: the upper end of {theirs.name}'s",
        ),
        Bar(
            f"classes in which {ours.name} is below {theirs.name} by more than the interval",
            "<=",
            0,
            len(below),
            remark=", ".join(below) or "none",
        ),
        Bar(
            f"macro expected calibration error of {ours.name} after the change of priors",
            "<=",
            LARGEST_ERROR,
            scores.macro_error.value,
        ),
    ]
    remarks = [f"Left out: {'; '.join(found.left_out)}."] if found.left_out else []
    if scores.missing:
        remarks.append(f"Without a pixel in these frames, and in no mean: {', '.join(scores.missing)}.")
    return Result(
        "Contaminants on simulated frames of cameras held out",
        f"{frames} frames of {side} x {side} px for each of {len(kept)} recipes, pooled into one set of "
        f"{found.size}; both models see the same frames, as `skysieve mask` sees them. {HELD_OUT} {SEARCHES} "
        "Scores are over pixels; resamples are of frames.",
        bars,
        [
            scores.class_table(),
            scores.group_table("recipe"),
            pixel_table(found, "recipe"),
            detector_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
        remarks,
    )
