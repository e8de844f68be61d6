"""``skysieve evaluate probes``: test models on simple scenes, each with one correct class."""

from __future__ import annotations

import math
import shlex
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skysieve.cli.options import (
    Debug,
    Device,
    EngineOption,
    Overwrite,
    PrecisionOption,
    Quiet,
    Threads,
)
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.frames.evaluate.probes import ProbeOutcome, ProbeRun
    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.simulate.probes import Probe

__all__ = ["evaluate_probes"]


def evaluate_probes(
    *,
    model: Annotated[
        list[str],
        typer.Option("--model", help="Model to test: a name, or a folder with a card; may be repeated."),
    ] = ["skysieve"],  # noqa: B006 - typer copies it
    only: Annotated[
        list[str],
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Only probes with matching names, as '*spikes*'; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    draws: Annotated[
        int, typer.Option("--draws", min=1, help="Number of random realisations of each probe.")
    ] = 1,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Output table, as ECSV.", show_default=False),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview",
            metavar="FILE",
            help="Output image, as PNG: each scene next to the mask of the first model.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown.")] = False,
    overwrite: Overwrite = False,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Test models on simple scenes of textbook shapes, each with one correct class.

    A probe is one scene with one object. It passes if at least 80 % of the object's pixels get the correct
    class, at most 5 % of them get other contaminant classes, and at most 1 % of the pixels far from the
    object get any contaminant class. The exit code is 0 however many probes pass.

    Examples
    --------
    `skysieve evaluate probes --model skysieve`

    `skysieve evaluate probes --model mine/ --only '*trail*' --preview trails.png`
    """
    from skysieve.cli.running import start_logging
    from skysieve.core.atomic import check_target

    start_logging()
    from skysieve.frames.evaluate.probes import run_probe
    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.mask.settings import MaskSettings

    for path in (output, preview):
        if path is not None:
            check_target(path, overwrite=overwrite)
    probes = _select_probes(only)
    options: dict[str, Any] = {
        "engine": engine,
        "precision": precision,
        "device": device,
        "threads": threads,
    }
    maskers = [Masker(MaskSettings(model=name, **options)) for name in model]
    found: list[tuple[str, list[ProbeRun]]] = []
    for name, masker in zip(model, maskers, strict=True):
        runs = []
        for probe in probes:
            runs.append(run_probe(masker, probe, draws=draws))
            if not quiet and sys.stderr.isatty():
                print(f"\r{name}: {len(runs)}/{len(probes)}", end="", file=sys.stderr, flush=True)
        if not quiet and sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        found.append((name, runs))
        outcomes = [run.outcome for run in runs]
        _print(outcomes, heading=_heading(name, masker), markdown=markdown, quiet=quiet)
    if output is not None:
        _write_table(output, found, draws, overwrite=overwrite)
        print(f"table: {output}")
    if preview is not None:
        _write_preview(preview, *found[0], overwrite=overwrite)
        print(f"picture: {preview}")


def _select_probes(patterns: Sequence[str]) -> list[Probe]:
    """Return the probes whose names match one of the patterns, or all if there is none."""
    from skysieve.frames.simulate.probes import PROBES

    for pattern in patterns:
        if not any(fnmatchcase(probe.name, pattern) for probe in PROBES):
            raise ConfigError(f"--only {pattern!r}: matches no probe; their names are printed without it")
    return [p for p in PROBES if not patterns or any(fnmatchcase(p.name, pattern) for pattern in patterns)]


def _heading(name: str, masker: Masker) -> str:
    card, network = masker.model.card, masker.network
    return f"{name}: version {card.version}, {network.sha256[:12]}, {network.engine} {network.precision}"


def _print(outcomes: Sequence[ProbeOutcome], *, heading: str, markdown: bool, quiet: bool) -> None:
    """Print the table of a model and the number of probes it passes; with ``quiet`` only the number."""
    from skysieve.core.evaluation.tables import to_markdown, to_text

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
    passed = f"{sum(one.passed for one in outcomes)} of {len(outcomes)} probes pass"
    if quiet:
        print(f"{heading}: {passed}", flush=True)
        return
    table = to_markdown(header, rows) if markdown else to_text(header, rows)
    print(f"{heading}\n\n{table}\n{passed}", flush=True)


def _write_table(
    output: Path, found: Sequence[tuple[str, Sequence[ProbeRun]]], draws: int, *, overwrite: bool
) -> None:
    from skysieve.core.atomic import atomic_write
    from skysieve.core.evaluation.tables import to_ecsv
    from skysieve.frames.evaluate.probes import MAX_ELSEWHERE, MAX_FALSE, MIN_FOUND

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
    meta = {"command": shlex.join(["skysieve", *sys.argv[1:]]), "draws": draws, **limits}
    with atomic_write(output, overwrite=overwrite) as temporary:
        temporary.write_text(to_ecsv(columns, units={}, meta=meta), encoding="utf-8")


def _write_preview(path: Path, name: str, runs: Sequence[ProbeRun], *, overwrite: bool) -> None:
    from skysieve.core.atomic import atomic_write
    from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
    from skysieve.core.report.preview import PreviewPlane
    from skysieve.frames.mask.classes import CLASSES
    from skysieve.frames.mask.preview import WIDE

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
