"""Tables and pictures of the results on probes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.evaluation.tables import to_ecsv, to_markdown, to_text
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.core.report.preview import PreviewPlane
from skysieve.frames.evaluate.probes import MAX_ELSEWHERE, MAX_FALSE, MIN_FOUND
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.mask.preview import WIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysieve.frames.evaluate.probes import ProbeOutcome, ProbeRun

__all__ = ["outcome_table", "write_outcomes", "write_probe_preview"]


def outcome_table(outcomes: Sequence[ProbeOutcome], *, markdown: bool) -> str:
    """Return the table of a model.

    Parameters
    ----------
    outcomes
        Its result on each probe.
    markdown
        Whether the table is Markdown, or text for a terminal.

    Returns
    -------
    str
        The table.
    """

    def share(value: float) -> str:
        return "–" if math.isnan(value) else f"{value:.3f}"

    header = ["probe", "class", "right", "false", "taken for", "elsewhere", ""]
    rows = [
        [
            one.name,
            one.right or "none",
            share(one.found),
            share(one.false),
            one.taken_for or "–",
            share(one.elsewhere),
            "pass" if one.passed else "FAIL",
        ]
        for one in outcomes
    ]
    return to_markdown(header, rows) if markdown else to_text(header, rows)


def write_outcomes(
    found: Sequence[tuple[str, Sequence[ProbeRun]]],
    path: Path,
    *,
    meta: Mapping[str, object],
    overwrite: bool,
) -> None:
    """Write the results of several models as ECSV.

    Parameters
    ----------
    found
        Name of each model and its results.
    path
        The file.
    meta
        Metadata of the table; the limits are added.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    outcomes = [(name, run.outcome) for name, runs in found for run in runs]
    columns: dict[str, list[object]] = {
        "model": [name for name, _ in outcomes],
        "probe": [one.name for _, one in outcomes],
        "class": [one.right or "none" for _, one in outcomes],
        "right": [one.found for _, one in outcomes],
        "false": [one.false for _, one in outcomes],
        "taken_for": [one.taken_for for _, one in outcomes],
        "elsewhere": [one.elsewhere for _, one in outcomes],
        "pass": [one.passed for _, one in outcomes],
    }
    limits = {"least_right": MIN_FOUND, "most_false": MAX_FALSE, "most_elsewhere": MAX_ELSEWHERE}
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(to_ecsv(columns, units={}, meta={**meta, **limits}), encoding="utf-8")


def write_probe_preview(name: str, runs: Sequence[ProbeRun], path: Path, *, overwrite: bool) -> None:
    """Draw each scene next to its mask, as PNG.

    Parameters
    ----------
    name
        Name of the model.
    runs
        Its results.
    path
        The file.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    planes = [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted((c for c in CLASSES if c.code), key=lambda c: c.name in WIDE)
    ]
    frames = (
        SheetFrame(
            run.frame.pixels,
            run.bits,
            f"{run.outcome.name}\n{run.outcome.right or 'none'}: {'pass' if run.outcome.passed else 'FAIL'}",
        )
        for run in runs
    )
    sheet = render_contact_sheet(frames, planes, title=f"Probes and the masks of {name}", size=260)
    with atomic_write(path, overwrite=overwrite) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)
