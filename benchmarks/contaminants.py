"""Classification of pixels on simulated frames of held-out cameras, compared with the published network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from class_scores import detector_table, make_models, pixel_table, score_classes
from evaluations import BenchmarkFrame, evaluate_frames
from held_out import HELD_OUT, keep_contaminant_frames, read_contaminant_frame
from results import Bar, Result

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
MAX_ERROR = 0.01


def measure(*, model: str, recipes: Sequence[str], frames: int | None, side: int | None) -> Result:
    """Score a model and the published one on frames of each recipe."""
    frames, side = frames or FRAMES, side or SIDE
    ours, theirs = make_models(model)
    kept = keep_contaminant_frames(recipes, frames, side)
    benchmark_frames = (
        BenchmarkFrame(read_contaminant_frame(path), name, str(path))
        for name, paths in kept.items()
        for path in paths
    )
    found = evaluate_frames(MaskEvaluation([ours, theirs]), benchmark_frames)
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
            MAX_ERROR,
            scores.macro_error.value,
        ),
    ]
    remarks = [f"Left out: {'; '.join(found.left_out)}."] if found.left_out else []
    if scores.missing:
        remarks.append(f"Without a pixel in these frames, excluded from means: {', '.join(scores.missing)}.")
    return Result(
        "Contaminants on simulated frames of held-out cameras",
        f"{frames} frames of {side} x {side} px for each of {len(kept)} recipes, pooled into one set of "
        f"{found.size}; both models get the same frames, as `skysieve mask` reads them. {HELD_OUT} "
        f"{SEARCHES} Scores are over pixels; resamples are of frames.",
        bars,
        [
            scores.class_table(),
            scores.group_table("recipe"),
            pixel_table(found, "recipe"),
            detector_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
        remarks,
    )
