"""Classification of pixels on real frames with injected contaminants, compared with the published network."""

from __future__ import annotations

from class_scores import detector_table, make_models, pixel_table, score_classes
from evaluations import evaluate_frames
from injected_frames import HOW, injected_frames
from results import Bar, Result

from skysieve.frames.evaluate.masks import MaskEvaluation

__all__ = ["measure"]

INJECTIONS = 6


def measure(*, model: str, injections: int | None) -> Result:
    """Score a model and the published one on frames made from every real frame."""
    injections = injections or INJECTIONS
    ours, theirs = make_models(model)
    found = evaluate_frames(MaskEvaluation([ours, theirs]), injected_frames([ours, theirs], injections))
    scores = score_classes(found, ours.name, theirs.name)
    macros = scores.macro(ours.name), scores.macro(theirs.name)
    bars = [
        Bar(
            f"macro average precision over {scores.count} classes of {ours.name}",
            ">=",
            macros[1].value,
            macros[0].value,
            remark=f"limit: {theirs.name}'s",
        )
    ]
    remarks = [f"Left out: {'; '.join(found.left_out)}."] if found.left_out else []
    if scores.missing:
        remarks.append(f"Without a pixel in these frames, excluded from means: {', '.join(scores.missing)}.")
    if scores.classes_below:
        below = ", ".join(scores.classes_below)
        remarks.append(f"{ours.name} is below {theirs.name} by more than the interval in: {below}.")
    return Result(
        "Contaminants injected into real frames",
        f"{injections} frames made from each of {len(found.group_names)} real ones, pooled into one set of "
        f"{found.size}; both models get the same frames, as `skysieve mask` reads them. {HOW}",
        bars,
        [
            scores.class_table(),
            scores.group_table("real frame"),
            pixel_table(found, "real frame"),
            detector_table((ours.name, ours.description), (theirs.name, theirs.description)),
        ],
        remarks,
    )
