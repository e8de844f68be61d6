"""Make a series of simulated frames on the command line, with its table, recipe and preview."""

from __future__ import annotations

import shlex
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

import typer

from skysieve._version import __version__
from skysieve.cli.running import Failures, run_and_report, start_logging
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.execution.simulation_job import SimulatedFile, SimulationRecipe, SimulationSettings
from skysieve.core.simulate.series import MAX_FRAMES, frame_number, frames_in
from skysieve.core.simulate.settings import SeriesSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.table import QTable
    from PIL import Image

    from skysieve.cli.options import Run
    from skysieve.core.execution.simulation_job import SeriesJob, SimulationJob
    from skysieve.core.fits.locations import Location

__all__ = ["make_series", "write_recipe"]

MAX_PREVIEWED = 36
"""Maximum number of frames in a preview."""


Record = TypeVar("Record", bound=SimulatedFile)
Recipe = TypeVar("Recipe", bound=SimulationRecipe)
Settings = TypeVar("Settings", bound=SimulationSettings)
Series = TypeVar("Series", bound=SeriesSettings)


class _Failures(Failures):
    """Failures of frames; ends the run at the first file that cannot be written, as the next would fail."""

    def add(self, unit: object, error: Exception) -> None:
        super().add(unit, error)
        if isinstance(error, OutputError):
            raise typer.Exit(1)


def make_series(
    verb: str,
    job: SeriesJob[Recipe, Series, Record],
    run: Run,
    *,
    describe: Callable[[Record], str],
    table: Callable[[Sequence[Record]], QTable],
    sheet: Callable[[Sequence[Record], str], Image.Image],
    read_recipe: Callable[[Path], Recipe],
    write_more: Callable[[Sequence[Record], Path], None] | None = None,
) -> None:
    """Make a series of frames, their table, their recipe, and optionally a preview, in one folder.

    Parameters
    ----------
    verb
        Name of the command.
    job
        Makes the frames.
    run
        Options of the run.
    describe
        Returns the description of a finished frame, for its line.
    table
        Returns the table of parameters.
    sheet
        Draws the preview, with a title.
    read_recipe
        Reads a recipe of the job's kind.
    write_more
        Writes further files about all frames to the folder.

    Raises
    ------
    ConfigError
        If the number of frames or a setting of the job is wrong.
    OutputError
        If the folder holds frames of another series, or cannot be written.
    """
    count = job.settings.count
    if not 1 <= count <= MAX_FRAMES:
        raise ConfigError(f"-n {count}: expected a number of frames from 1 to {MAX_FRAMES}")
    start_logging()
    job.check()
    _check_no_more(job.folder, count)
    write_recipe(verb, job, read_recipe, what="these frames")
    failures = _Failures(debug=run.debug)
    records: list[Record] = []

    def line(unit: Location, record: Record) -> str:
        return f"{unit}: {describe(record)} ({'kept' if record.kept else f'{record.seconds:.1f} s'})"

    try:
        for _, record in run_and_report(
            job,
            job.units(),
            processes=run.jobs,
            dask=run.dask,
            failures=failures,
            describe=line,
            quiet=run.quiet,
        ):
            records.append(record)
    finally:  # the table also gets the frames of an interrupted run
        if records:
            with suppress(OutputError) if failures.lines else nullcontext():
                with atomic_write(job.folder / "frames.ecsv", overwrite=True) as temporary:
                    table(records).write(temporary, format="ascii.ecsv", overwrite=True)
                if write_more is not None:
                    write_more(records, job.folder)
    if job.settings.preview and records:
        path = job.folder / "preview.png"
        drawn = sheet(records[:MAX_PREVIEWED], f"{job.recipe.name}: {job.recipe.description}")
        with atomic_write(path, overwrite=True) as temporary:
            drawn.save(temporary, format="PNG", optimize=True)
        if not run.quiet:
            print(f"preview: {path}")
    failures.finish(len(records))


def _check_no_more(folder: Path, count: int) -> None:
    """Raise OutputError if the folder holds frames beyond the series: no table would list them."""
    beyond = [path for path in frames_in(folder) if frame_number(path) >= count]
    if beyond:
        needed = frame_number(beyond[-1]) + 1
        raise OutputError(
            f"{folder} holds more than {count} frames, as {beyond[0].name}; "
            f"give -n {needed} or more, remove them, or choose another --output"
        )


def write_recipe(
    verb: str,
    job: SimulationJob[Recipe, Settings, Record],
    read_recipe: Callable[[Path], Recipe],
    *,
    what: str,
) -> None:
    """Write the complete recipe; this also shows, before any work, whether the folder can be written.

    Parameters
    ----------
    verb
        Name of the command; its whole line is a comment in the recipe.
    job
        The simulation.
    read_recipe
        Reads a recipe of the job's kind.
    what
        What the command makes.

    Raises
    ------
    OutputError
        If the folder holds another recipe, or cannot be written.
    """
    path = job.folder / "recipe.yaml"
    if path.exists() and not job.overwrite and read_recipe(path) != job.recipe:
        raise OutputError(f"{path} is another recipe: use --overwrite, or another --output")
    parts = ["skysieve", "simulate", verb, *job.settings.as_options()]
    command = shlex.join([*parts, "--recipe", "recipe.yaml", "-o", "DIR"])
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(
            f"# skysieve {__version__}; {what} once more:\n# {command}\n{job.recipe.to_yaml()}",
            encoding="utf-8",
        )
