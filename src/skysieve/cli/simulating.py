"""Make a series of simulated frames on the command line, with its table, recipe and preview."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from skysieve._version import __version__
from skysieve.cli.running import Failures, run_and_report, start_logging
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.simulate.series import MAX_FRAMES, frame_number, frames_in
from skysieve.frames.simulate.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from skysieve.core.fits.locations import Location

__all__ = ["make_series"]

MAX_PREVIEWED = 36
"""Maximum number of frames in a preview."""


class _Frame(Protocol):
    """Record of a finished frame."""

    @property
    def kept(self) -> bool: ...

    @property
    def seconds(self) -> float: ...


Record = TypeVar("Record", bound=_Frame)
Record_co = TypeVar("Record_co", bound=_Frame, covariant=True)
Record_contra = TypeVar("Record_contra", bound=_Frame, contravariant=True)


class _Recipe(Protocol):
    """Recipe from which the frames of a series are drawn."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def to_yaml(self) -> str: ...


class _Series(Protocol[Record_co]):
    """A job that makes the frames of a series, one per file."""

    @property
    def recipe(self) -> _Recipe: ...

    @property
    def folder(self) -> Path: ...

    @property
    def overwrite(self) -> bool: ...

    def units(self, count: int) -> list[Location]: ...

    def check(self) -> None: ...

    def prepare(self, *, workers: int) -> None: ...

    def run(self, unit: Location) -> Record_co: ...

    def stop(self) -> None: ...


class _Sheet(Protocol[Record_contra]):
    """Draws a contact sheet of frames."""

    def __call__(self, records: Sequence[Record_contra], path: Path, *, title: str) -> None: ...


class _Failures(Failures):
    """Failures of frames; ends the run at the first file that cannot be written, as the next would fail."""

    def add(self, unit: object, error: Exception) -> None:
        super().add(unit, error)
        if isinstance(error, OutputError):
            raise typer.Exit(1)


def make_series(
    job: _Series[Record],
    count: int,
    *,
    processes: int,
    describe: Callable[[Record], str],
    write_table: Callable[[Sequence[Record], Path], None],
    draw: _Sheet[Record] | None,
    command: str,
    quiet: bool,
    debug: bool,
    reader: Callable[[Path], _Recipe] = read_recipe,
) -> None:
    """Make a series of frames, their table, their recipe, and optionally a preview, in one folder.

    Parameters
    ----------
    job
        Makes the frames.
    count
        Number of frames.
    processes
        Number of processes.
    describe
        Returns the description of a finished frame, for its line.
    write_table
        Writes the table.
    draw
        Draws the preview; None for no preview.
    command
        Command that makes the same frames again; a comment in the recipe.
    quiet
        Whether to print errors only.
    debug
        Whether to stop at the first error and show its traceback.
    reader
        Reads a recipe of the job's kind.

    Raises
    ------
    ConfigError
        If the number of frames or a setting of the job is wrong.
    OutputError
        If the folder holds frames of another series, or cannot be written.
    """
    if not 1 <= count <= MAX_FRAMES:
        raise ConfigError(f"-n {count}: expected a number of frames from 1 to {MAX_FRAMES}")
    start_logging()
    job.check()
    _check_no_more(job.folder, count)
    _write_recipe(job, command, reader)
    failures = _Failures(debug=debug)
    records: list[Record] = []

    def line(unit: Location, record: Record) -> str:
        return f"{unit}: {describe(record)} ({'kept' if record.kept else f'{record.seconds:.1f} s'})"

    try:
        for _, record in run_and_report(
            job, job.units(count), processes=processes, failures=failures, describe=line, quiet=quiet
        ):
            records.append(record)
    finally:  # the table also gets the frames of an interrupted run
        if records:
            with suppress(OutputError) if failures.lines else nullcontext():
                write_table(records, job.folder / "frames.ecsv")
    if draw is not None and records:
        path = job.folder / "preview.png"
        draw(records[:MAX_PREVIEWED], path, title=f"{job.recipe.name}: {job.recipe.description}")
        if not quiet:
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


def _write_recipe(job: _Series[Record], command: str, reader: Callable[[Path], _Recipe]) -> None:
    """Write the complete recipe; this also shows, before any work, whether the folder can be written."""
    path = job.folder / "recipe.yaml"
    if path.exists() and not job.overwrite and reader(path) != job.recipe:
        raise OutputError(f"{path} is another recipe: use --overwrite, or another --output")
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(
            f"# skysieve {__version__}; these frames once more:\n# {command}\n{job.recipe.to_yaml()}",
            encoding="utf-8",
        )
