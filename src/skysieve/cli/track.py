"""``skysieve track``: print the probability of tracking errors."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Paths, Quiet
from skysieve.cli.settings_options import takes_settings
from skysieve.core.execution.settings import FileOptions
from skysieve.core.printable import printable
from skysieve.frames.track.settings import TrackOptions, TrackSettings

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.job import TrackRecord

__all__ = ["track"]


@takes_settings
def track(
    paths: Paths = None,
    *,
    table: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Output table of the frames' probabilities (ECSV, or Parquet by its name).",
            show_default=False,
        ),
    ] = None,
    blocks: Annotated[
        Path | None,
        typer.Option(
            "--blocks",
            help="Output table of the blocks' probabilities (ECSV, or Parquet by its name).",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 1,
    options: TrackOptions,
    settings: TrackSettings,
    files: FileOptions,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print the probability that each frame has tracking errors.

    Examples
    --------
    `skysieve track frame.fits` · `skysieve track night/ -o tracking.ecsv -j 2`

    `skysieve track mosaic.fits.fz --frac 0.1`
    """
    from skysieve.cli.file_runs import FileRun
    from skysieve.cli.running import Failures, start_logging
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.products import block_table, frame_table

    start_logging()
    job = TrackJob(settings, **vars(options))
    run = FileRun(
        "track",
        job,
        files,
        failures=Failures(debug=debug),
        product=None,
        overwrite=overwrite,
        processes=jobs,
        quiet=quiet,
    )
    frames = ResultTable(table, frame_table, overwrite=overwrite, extend=files.resume)
    parts = ResultTable(blocks, block_table, overwrite=overwrite, extend=files.resume)
    with frames, parts, closing(run.records(paths, _describe)) as records:
        for unit, record in records:
            frames.add(unit, record)
            parts.add(unit, record)
    run.finish()


def _describe(unit: Location, record: TrackRecord) -> str:
    lines = [f"{printable(unit)} {record.probability:.4f}"]
    if len(record.frames) > 1:
        for frame in record.frames:
            label = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
            lines.append(f"  {label} {frame.result.probability:.4f}")
    lines += [f"  {printable(note)}" for note in record.notes]
    return "\n".join(lines)
