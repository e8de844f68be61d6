"""``skysieve clusters demo``: a search of a small simulated sky, and its evaluation."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    output
        Output folder for the sky, catalogue and report.
    cap
        Radius of the simulated cap around the north Galactic pole.
    seed
        Random seed of the sky.
    model
        Model of the finder: a name, or a folder with a card.
    """

    output: Path = setting(Path("demo-clusters"), "-o", "--output", metavar="DIR")
    cap: float = setting(12.0, metavar="DEGREES")
    seed: int = setting(2026, minimum=0)
    model: str = setting(DEFAULT_MODEL, hidden_default=True)


@takes_settings
def demo(settings: DemoSettings, write: Writing) -> None:
    """Simulate a small sky, find its clusters, and print completeness and purity of the catalogue.

    Runs `skysieve simulate sky`, `skysieve clusters find` and `skysieve evaluate clusters` one after another.
    Their products go to the folders sky, found and report of the output folder.

    Example: `skysieve clusters demo -o demo-clusters`
    """
    from skysieve.clusters.evaluate.score_lines import score_lines
    from skysieve.clusters.search.model import CLUSTERS

    require("the demonstration", "sky")
    CLUSTERS.load(settings.model).verify()
    sky, found, report = (settings.output / name for name in ("sky", "found", "report"))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = "" if settings.model == DEFAULT_MODEL else f" --model {shlex.quote(settings.model)}"
    again = (" --overwrite" if write.overwrite else "") + (" --debug" if write.debug else "")
    quiet = " --quiet" if write.quiet else ""
    at_sky, at_found, at_report = (shlex.quote(str(path)) for path in (sky, found, report))
    simulate = f"simulate sky -o {at_sky} --cap {settings.cap:g} --seed {settings.seed}"
    find = f"clusters find --maps {at_sky} -o {at_found} --preview{chosen}"
    evaluate = f"evaluate clusters --sky {at_sky} --catalogue found={at_found} --tiles all -o {at_report}"
    for command, unprinted in (
        (simulate, f" -j {min(2, processors)}{quiet}"),
        (find, " --quiet"),
        (evaluate, " --quiet"),
    ):
        if not write.quiet:
            print(f"$ skysieve {command}{again}", flush=True)
        _run(shlex.split(command + again + unprinted))
    for line in score_lines(report / "scores.ecsv"):
        print(line)
    print(f"see {found / 'preview-candidates.png'} and {report / 'report.md'}")


def _run(words: Sequence[str]) -> None:
    """Run a command; raise its error, or typer.Exit with its exit code."""
    from skysieve.cli.app import app

    code = app(list(words), standalone_mode=False)
    if code:
        raise typer.Exit(code)
