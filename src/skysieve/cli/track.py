"""``skysieve track``: print the probability of tracking errors."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.execution.settings import FileOptions
from skysieve.core.printable import printable
from skysieve.frames.track.settings import TrackOptions, TrackSettings, TrackTables

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.track.job import TrackRecord

__all__ = ["track"]


@takes_settings
def track(
    tables: TrackTables,
    how: Run,
    options: TrackOptions,
    settings: TrackSettings,
    files: FileOptions,
) -> None:
    """Print the probability that each frame has tracking errors.

    Examples
    --------
    `skysieve track frame.fits` · `skysieve track night/ -o tracking.ecsv -j 2`

    `skysieve track mosaic.fits.fz --frac 0.1`
    """
    from skysieve.cli.file_runs import FileRun
    from skysieve.cli.running import start_logging
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.products import block_table, frame_table

    start_logging()
    job = TrackJob(settings, **vars(options))
    run = FileRun("track", job, files, how, product=None)
    kept = {"overwrite": how.overwrite, "extend": files.resume}
    frames = ResultTable(tables.table, frame_table, **kept)
    parts = ResultTable(tables.blocks, block_table, **kept)
    with frames, parts, closing(run.records(_describe)) as records:
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
