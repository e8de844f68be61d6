"""Tables of the agreement of annotators: for a terminal, and as ECSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.evaluation.tables import to_ecsv, to_text
from skysieve.ghosts.annotations.summaries import shortened
from skysieve.ghosts.evaluate.agreement import ANY, PUBLISHED_FULL_AGREEMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.ghosts.evaluate.agreement import Agreement

__all__ = ["agreement_ecsv", "agreement_text"]


def agreement_text(agreement: Agreement) -> str:
    """Return votes, overlaps and kappa as text for a terminal.

    Parameters
    ----------
    agreement
        The agreement.

    Returns
    -------
    str
        Several lines.
    """
    n = len(agreement.annotators)
    lines = [f"{n} annotators, {len(agreement.images)} images that all of them looked at"]
    if agreement.left_out:
        lines.append(f"left out, as not in every file: {shortened(agreement.left_out)}")
    votes = [
        [
            name,
            *(f"{part:.3f}" for part in agreement.fractions(name)),
            str(agreement.histogram(name)[1:].sum()),
        ]
        for name in agreement.overlaps
    ]
    overlaps = [
        [name, *(f"{x:.3f}" for x in (o.mean, o.lowest, o.highest, agreement.kappa(name)))]
        for name, o in agreement.overlaps.items()
    ]
    lines += [
        "\nVotes: of the pixels that anybody gave to the class, the part with so many votes",
        to_text(["class", *map(str, range(1, n + 1)), "pixels"], votes),
        "Intersection over union of every two people, pooled over the images; Fleiss' kappa over all pixels",
        to_text(["class", "mean", "lowest", "highest", "kappa"], overlaps),
    ]
    if not agreement.histogram(ANY)[1:].any():
        return "\n".join([*lines, "Nobody outlined anything on these images"])
    low, high = agreement.full_agreement_interval()
    # the limits are NaN for a single image
    interval = f"; 95 % interval, for other such images: {low:.1%} to {high:.1%}" if low <= high else ""
    lines += [
        f"All {n} agree on {agreement.fractions(ANY)[-1]:.1%} of the pixels of any class{interval}",
        f"Published, for eight people and 50 images: {PUBLISHED_FULL_AGREEMENT:.1%}",
    ]
    return "\n".join(lines)


def agreement_ecsv(agreement: Agreement) -> str:
    """Return votes, overlaps and kappa as ECSV.

    Parameters
    ----------
    agreement
        The agreement.

    Returns
    -------
    str
        The table, one row per class.
    """
    names = list(agreement.overlaps)
    overlaps = [agreement.overlaps[name] for name in names]
    columns: dict[str, Sequence[object]] = {
        "class": names,
        "pixels": [int(agreement.histogram(name)[1:].sum()) for name in names],
    }
    for votes in range(1, len(agreement.annotators) + 1):
        columns[f"votes_{votes}"] = [float(agreement.fractions(name)[votes - 1]) for name in names]
    columns["iou_mean"] = [overlap.mean for overlap in overlaps]
    columns["iou_lowest"] = [overlap.lowest for overlap in overlaps]
    columns["iou_highest"] = [overlap.highest for overlap in overlaps]
    columns["kappa"] = [agreement.kappa(name) for name in names]
    meta = {"annotators": list(agreement.annotators), "images": list(agreement.images)}
    return to_ecsv(columns, units={"pixels": "pix"}, meta=meta)
