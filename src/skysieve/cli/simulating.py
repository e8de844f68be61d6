"""A series of simulated frames on the command line: the folder it goes to, and what lies beside it."""

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

MOST_PREVIEWED = 36
"""Frames in a preview, at most."""


class _Frame(Protocol):
    """What became of a frame."""

    @property
    def kept(self) -> bool: ...

    @property
    def seconds(self) -> float: ...


Record = TypeVar("Record", bound=_Frame)
Record_co = TypeVar("Record_co", bound=_Frame, covariant=True)
Record_contra = TypeVar("Record_contra", bound=_Frame, contravariant=True)


class _Recipe(Protocol):
    """What the frames of a series are drawn from."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def to_yaml(self) -> str: ...


class _Series(Protocol[Record_co]):
    """A job that makes the frames of a series, one a file."""

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
    """What failed; ends at the first frame that cannot be written, as then the next could not be either."""

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
    """Make a series of frames, and beside them their table, the recipe, and a preview if wanted.

    Parameters
    ----------
    job
        Makes the frames.
    count
        How many.
    processes
        Processes at work.
    describe
        Returns what to say of a frame that is done.
    write_table
        Writes the table.
    draw
        Draws the preview.
    command
        What makes the same frames again.
    quiet
        Whether to print errors only.
    debug
        Whether to show where errors come from.
    reader
        Reads a recipe of the job's kind.

    Raises
    ------
    ConfigError
        If the number of frames, or what the job is asked for, is wrong.
    OutputError
        If the folder holds frames of another series, or cannot be written.
    """
    if not 1 <= count <= MAX_FRAMES:
        raise ConfigError(f"-n {count}: expected a number of frames from 1 to {MAX_FRAMES}")
    start_logging()
    job.check()
    _refuse_more(job.folder, count)
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
    finally:  # what an interrupted run did is in the table too
        if records:
            with suppress(OutputError) if failures.lines else nullcontext():
                write_table(records, job.folder / "frames.ecsv")
    if draw is not None and records:
        path = job.folder / "preview.png"
        draw(records[:MOST_PREVIEWED], path, title=f"{job.recipe.name}: {job.recipe.description}")
        if not quiet:
            print(f"preview: {path}")
    failures.finish(len(records))


def _refuse_more(folder: Path, count: int) -> None:
    """Raise OutputError if there are frames beyond those asked for: they would be in no table."""
    beyond = [path for path in frames_in(folder) if frame_number(path) >= count]
    if beyond:
        least = frame_number(beyond[-1]) + 1
        raise OutputError(
            f"{folder} holds more than {count} frames, as {beyond[0].name}; "
            f"give -n {least} or more, remove them, or choose another --output"
        )


def _write_recipe(job: _Series[Record], command: str, reader: Callable[[Path], _Recipe]) -> None:
    """Write the whole recipe beside the frames; it shows, first of all, whether the folder can be written."""
    path = job.folder / "recipe.yaml"
    if path.exists() and not job.overwrite and reader(path) != job.recipe:
        raise OutputError(f"{path} is another recipe: use --overwrite, or another --output")
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(
            f"# skysieve {__version__}; these frames once more:\n# {command}\n{job.recipe.to_yaml()}",
            encoding="utf-8",
        )
