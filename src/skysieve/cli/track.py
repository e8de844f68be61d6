"""``skysieve track``: print the probability of tracking errors."""

from __future__ import annotations

from contextlib import closing

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.execution.settings import FileOptions
from skysieve.frames.track.settings import TrackOptions, TrackSettings, TrackTables

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
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.products import block_table, frame_table

    start_logging()
    job = TrackJob(settings, **vars(options))
    run = FileRun("track", job, files, how, product=None)
    kept = {"overwrite": how.overwrite, "extend": files.resume}
    frames = ResultTable(tables.table, frame_table, **kept)
    parts = ResultTable(tables.blocks, block_table, **kept)
    with frames, parts, closing(run.records()) as records:
        for unit, record in records:
            frames.add(unit, record)
            parts.add(unit, record)
    run.finish()
