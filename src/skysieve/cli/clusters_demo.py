"""``skysieve clusters demo``: a search of a small simulated sky, and its evaluation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Overwrite, Quiet
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["demo"]


def demo(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Output folder for the sky, catalogue and report."
        ),
    ] = Path("demo-clusters"),
    *,
    cap: Annotated[
        float,
        typer.Option(
            "--cap", metavar="DEGREES", help="Radius of the simulated cap around the north Galactic pole."
        ),
    ] = 12.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed of the sky.")] = 2026,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Model of the finder: a name, or a folder with a card.", show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate a small sky, find its clusters, and print completeness and purity of the catalogue.

    Runs `skysieve simulate sky`, `skysieve clusters find` and `skysieve evaluate clusters` one after another.
    Their products go to the folders sky, found and report of the output folder.

    Example: `skysieve clusters demo -o demo-clusters`
    """
    from skysieve.cli.clusters_find import find
    from skysieve.cli.evaluate_clusters import evaluate_clusters
    from skysieve.cli.simulate_sky import simulate_sky
    from skysieve.clusters.search.model import load_model
    from skysieve.clusters.search.settings import DEFAULT_MODEL

    require("the demonstration", "sky")
    load_model(model or DEFAULT_MODEL).verify()
    sky, found, report = (output / name for name in ("sky", "found", "report"))
    again = " --overwrite" if overwrite else ""

    def print_command(command: str) -> None:
        if not quiet:
            print(f"$ skysieve {command}{again}")

    chosen = "" if model is None else f" --model {model}"
    print_command(f"simulate sky -o {sky} --cap {cap:g} --seed {seed}")
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    simulate_sky(
        sky, cap=cap, seed=seed, jobs=min(2, processors), overwrite=overwrite, quiet=quiet, debug=debug
    )
    print_command(f"clusters find --maps {sky} -o {found} --preview{chosen}")
    find(
        maps=[str(sky)],
        output=found,
        finder="both",
        model=model,
        preview=True,
        overwrite=overwrite,
        quiet=True,
        debug=debug,
    )
    print_command(f"evaluate clusters --sky {sky} --catalogue found={found} --tiles all -o {report}")
    evaluate_clusters(
        report,
        sky=[sky],
        catalogue=[f"found={found}"],
        tiles="all",
        overwrite=overwrite,
        quiet=True,
        debug=debug,
    )
    for line in _summary_lines(report, found):
        print(line)


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
