"""``skysieve maxitrack``: drop-in replacement of the command ``maxitrack``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.maximask import model_of_folder
from skysieve.cli.options import Debug
from skysieve.core.printable import printable

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.job import TrackRecord

__all__ = ["maxitrack"]

PRODUCT = Path("maxitrack.out")


def maxitrack(
    im_path: Annotated[str, typer.Argument(help="File, `file.fits[n]`, folder or `.list` file.")],
    *,
    net_dir: Annotated[
        Path | None,
        typer.Option("--net_dir", help="SavedModel folder with other weights.", show_default=False),
    ] = None,
    prior: Annotated[
        float, typer.Option("--prior", help="Expected fraction of frames with tracking errors.")
    ] = 0.05,
    frac: Annotated[float, typer.Option("--frac", help="Fraction of the HDUs to use.")] = 1.0,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch_size",
            min=1,
            help="Maximum number of blocks in one call of the network.",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print progress messages.")] = False,
    debug: Debug = False,
) -> None:
    """Append tracking probabilities to `maxitrack.out`, with the options of the published command.

    Known errors of the published command are corrected: see the page on the drop-in commands.

    Example: `skysieve maxitrack night.list --prior 0.02`
    """
    from skysieve.cli.running import Failures, find_units, run_and_report, start_logging
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.model import MAXITRACK
    from skysieve.frames.track.products import append_published_line
    from skysieve.frames.track.settings import TrackSettings

    start_logging(verbose=verbose)
    model = MAXITRACK.card.name if net_dir is None else model_of_folder(net_dir, MAXITRACK)
    job = TrackJob(settings=TrackSettings(model=model, prior=prior, batch_size=batch_size), fraction=frac)

    def describe(unit: Location, record: TrackRecord) -> str:
        return f"{printable(unit)}: {record.probability:.4f} in {record.seconds:.2f} s"

    failures = Failures(debug=debug)
    units = find_units([im_path], job.units, failures)
    done = 0
    for unit, record in run_and_report(
        job, units, processes=1, failures=failures, describe=describe, quiet=not verbose
    ):
        append_published_line(PRODUCT, str(unit), record.probability)
        done += 1
    failures.finish(done)
