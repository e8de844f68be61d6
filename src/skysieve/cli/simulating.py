"""Make a series of simulated frames on the command line, with its table, recipe and preview."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

from skysieve.cli.running import Failures, run_and_report
from skysieve.core.errors import OutputError
from skysieve.core.execution.simulation_files import begin_series, write_preview, write_tables
from skysieve.core.execution.simulation_job import SimulatedFile, SimulationRecipe
from skysieve.core.execution.terminal_log import start_logging
from skysieve.core.simulate.settings import SeriesSettings

if TYPE_CHECKING:
    from skysieve.cli.options import Run
    from skysieve.core.execution.simulation_files import SeriesFiles
    from skysieve.core.execution.simulation_job import SeriesJob
    from skysieve.core.fits.locations import Location

__all__ = ["make_series"]

Record = TypeVar("Record", bound=SimulatedFile)
Recipe = TypeVar("Recipe", bound=SimulationRecipe)
Series = TypeVar("Series", bound=SeriesSettings)


def make_series(job: SeriesJob[Recipe, Series, Record], files: SeriesFiles[Recipe, Record], run: Run) -> None:
    """Make a series of frames, their table, their recipe, and optionally a preview, in one folder.

    Parameters
    ----------
    job
        Makes the frames.
    files
        What stands beside the frames.
    run
        Options of the run.

    Raises
    ------
    ConfigError
        If the number of frames or a setting of the job is wrong.
    OutputError
        If the folder holds frames of another series, or cannot be written.
    """
    start_logging()
    begin_series(job, files)
    failures = Failures(debug=run.debug, last=OutputError)
    records: list[Record] = []

    def describe(unit: Location, record: Record) -> str:
        how = "kept" if record.kept else f"{record.seconds:.1f} s"
        return f"{unit}: {files.summary(record)} ({how})"

    try:
        for _, record in run_and_report(job, job.units(), run, failures, describe=describe):
            records.append(record)
    finally:  # the table also gets the frames of an interrupted run
        if records:
            with suppress(OutputError) if failures.lines else nullcontext():
                write_tables(records, job.folder, files)
    if job.settings.preview and records:
        path = write_preview(records, job, files)
        if not run.quiet:
            print(f"preview: {path}")
    failures.finish(len(records))
