"""``skysieve clusters demo``: a search of a small simulated sky, and its evaluation."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.extras import require
from skysieve.core.models.jobs import DEFAULT_MODEL
from skysieve.core.settings import setting

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["demo"]


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Settings of the demonstration.

    Attributes
    ----------
    cap
        Radius of the simulated cap around the north Galactic pole.
    seed
        Random seed of the sky.
    model
        Model of the finder: a name, or a folder with a card.
    """

    cap: float = setting(12.0, metavar="DEGREES")
    seed: int = setting(2026, minimum=0)
    model: str = setting(DEFAULT_MODEL, hidden_default=True)


@takes_settings
def demo(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Output folder for the sky, catalogue and report."
        ),
    ] = Path("demo-clusters"),
    *,
    settings: DemoSettings,
    write: Writing,
) -> None:
    """Simulate a small sky, find its clusters, and print completeness and purity of the catalogue.

    Runs `skysieve simulate sky`, `skysieve clusters find` and `skysieve evaluate clusters` one after another.
    Their products go to the folders sky, found and report of the output folder.

    Example: `skysieve clusters demo -o demo-clusters`
    """
    from skysieve.clusters.search.model import CLUSTERS

    require("the demonstration", "sky")
    CLUSTERS.load(settings.model).verify()
    sky, found, report = (str(output / name) for name in ("sky", "found", "report"))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = [] if settings.model == DEFAULT_MODEL else ["--model", settings.model]
    again = [*(["--overwrite"] if write.overwrite else []), *(["--debug"] if write.debug else [])]
    silent = ["--quiet"]
    cap, seed = f"{settings.cap:g}", str(settings.seed)
    for words, more in (
        (["simulate", "sky", "-o", sky, "--cap", cap, "--seed", seed], ["-j", str(min(2, processors))]),
        (["clusters", "find", "--maps", sky, "-o", found, "--preview", *chosen], silent),
        (
            [
                "evaluate",
                "clusters",
                "--sky",
                sky,
                "--catalogue",
                f"found={found}",
                "--tiles",
                "all",
                "-o",
                report,
            ],
            silent,
        ),
    ):
        if not write.quiet:
            print(f"$ {shlex.join(['skysieve', *words, *again])}", flush=True)
        _run([*words, *again, *more, *(silent if write.quiet else [])])
    for line in _summary_lines(Path(report), Path(found)):
        print(line)


def _run(words: Sequence[str]) -> None:
    """Run a command; raise its error, or typer.Exit with its exit code."""
    from skysieve.cli.app import app

    code = app(list(words), standalone_mode=False)
    if code:
        raise typer.Exit(code)


def _summary_lines(report: Path, found: Path) -> Sequence[str]:
    """Return purity, completeness and position error of the catalogue, from the report."""
    from astropy.table import Table

    from skysieve.core.evaluation.binomial import wilson_interval

    row = Table.read(report / "scores.ecsv")[0]
    candidates, real = int(row["candidates"]), int(row["real"])
    findable, complete = int(row["findable"]), int(row["found"])
    lines = []
    for name, hits, trials, what in (
        ("purity", real, candidates, "candidates are real"),
        (
            "completeness",
            complete,
            findable,
            "clusters with Y500 from 5e-4 square arcminutes on are found",
        ),
    ):
        low, high = wilson_interval(hits, trials)
        part = hits / trials if trials else float("nan")
        lines.append(f"{name} {part:.2f} ({float(low):.2f} to {float(high):.2f}): {hits} of {trials} {what}")
    pure = f"{float(row['completeness']):.2f} above score {float(row['threshold']):.2f}"
    lines.append(f"completeness where 90 % of the candidates are real: {pure}")
    lines.append(f"median error of places: {float(row['position_50']):.2f} arcmin")
    return [*lines, f"see {found / 'preview-candidates.png'} and {report / 'report.md'}"]
