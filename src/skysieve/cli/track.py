"""``skysieve track``: print the probability of tracking errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Paths, Quiet
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.frames.track.settings import TrackOptions, TrackSettings

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.job import TrackRecord

__all__ = ["track"]


@takes_settings
def track(
    paths: Paths,
    *,
    table: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Output table of the frames' probabilities (ECSV).", show_default=False
        ),
    ] = None,
    blocks: Annotated[
        Path | None,
        typer.Option(
            "--blocks", help="Output table of the blocks' probabilities (ECSV).", show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 1,
    options: TrackOptions,
    settings: TrackSettings,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print the probability that each frame has tracking errors.

    Examples
    --------
    `skysieve track frame.fits` · `skysieve track night/ -o tracking.ecsv -j 2`

    `skysieve track mosaic.fits.fz --frac 0.1`
    """
    from skysieve.cli.running import Failures, find_units, run_and_report, start_logging
    from skysieve.core.atomic import check_target
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.products import block_table, frame_table, write_table

    start_logging()
    job = TrackJob(settings, **vars(options))
    tables = [
        (path, make) for path, make in ((table, frame_table), (blocks, block_table)) if path is not None
    ]
    for path, _ in tables:
        check_target(path, overwrite=overwrite)
    failures = Failures(debug=debug)
    units = find_units(paths, job.units, failures)
    records: dict[Location, TrackRecord] = {}
    try:
        records.update(
            run_and_report(job, units, processes=jobs, failures=failures, describe=_describe, quiet=quiet)
        )
    finally:  # the tables also get the results of an interrupted run
        for path, make in tables if records else ():
            write_table(make(records), path, overwrite=overwrite)
    failures.finish(len(records))


def _describe(unit: Location, record: TrackRecord) -> str:
    lines = [f"{printable(unit)} {record.probability:.4f}"]
    if len(record.frames) > 1:
        for frame in record.frames:
            label = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
            lines.append(f"  {label} {frame.result.probability:.4f}")
    lines += [f"  {printable(note)}" for note in record.notes]
    return "\n".join(lines)
