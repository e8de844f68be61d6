"""Run many units of work on the command line: progress, one line per unit, and a list of failures."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from skysieve.core.errors import NoFrameError, SkysieveError
from skysieve.core.execution.local import run_units
from skysieve.core.execution.terminal_log import start_logging
from skysieve.core.extras import describe_missing_module
from skysieve.core.printable import one_line, print_error, printable

if TYPE_CHECKING:
    from skysieve.cli.options import Run
    from skysieve.core.execution.job import Job, Outcome

__all__ = [
    "Failures",
    "run_and_report",
]

logger = logging.getLogger(__name__)


class Described(Protocol):
    """Record of a unit that says what is printed of it."""

    def describe(self, unit: object) -> str:
        """Return the lines that are printed for the unit."""
        ...


Unit = TypeVar("Unit")
Record = TypeVar("Record", bound=Described)


class Failures:
    """Collects and reports the failures of a run.

    Parameters
    ----------
    debug
        Whether to raise the first error instead of reporting it.
    last
        Errors that end the run at once, as the next unit would have them too.

    Attributes
    ----------
    lines
        One line per failure.
    skipped
        Number of files of folders and globs that were skipped, as they hold no frame.
    watch
        Called for each failure with what failed and its line, and for each file skipped with None.
    """

    def __init__(self, *, debug: bool, last: type[Exception] | None = None) -> None:
        self.lines: list[str] = []
        self.skipped = 0
        self.watch: Callable[[object, str | None], None] | None = None
        self._debug, self._last = debug, last

    def add(self, unit: object, error: Exception) -> None:
        """Report an error on one line, at once.

        Parameters
        ----------
        unit
            What failed, as a file.
        error
            Its error; raised if errors are to be debugged.

        Raises
        ------
        typer.Exit
            With code 1, if the error ends the run.
        """
        if self._debug:
            raise error
        line = one_line(error) or type(error).__name__
        missing = describe_missing_module(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is not None:
            line = missing
        elif isinstance(error, MemoryError):
            line = f"there is not enough memory for it ({line}); use fewer --jobs, or a machine with more"
        elif not isinstance(error, SkysieveError):
            line = f"unexpected {type(error).__name__}: {line} (use --debug to see where)"
        if one_line(unit).rstrip("/") not in line:  # a path in the line has no slash at its end
            line = f"{one_line(unit)}: {line}"
        self.lines.append(line)
        if self.watch is not None:
            self.watch(unit, line)
        print_error(f"skysieve: error: {line}")
        if self._last is not None and isinstance(error, self._last):
            raise typer.Exit(1)

    def skip(self, unit: object, reason: object) -> None:
        """Count a file that holds no frame, and log the reason.

        Parameters
        ----------
        unit
            The file.
        reason
            Why it is skipped.
        """
        self.skipped += 1
        if self.watch is not None:
            self.watch(unit, None)
        logger.info("%s: skipped: %s", unit, reason)

    def finish(self, done: int, *, before: int = 0) -> None:
        """List the failures once more at the end of a run, and exit with code 1 if there are any.

        A run that had to skip all of its files counts as a failure.

        Parameters
        ----------
        done
            Number of files that this run finished.
        before
            Number of files that an earlier run finished.

        Raises
        ------
        typer.Exit
            With code 1, if there are failures.
        """
        if self.skipped and not (done or before or self.lines):
            self.lines.append(f"none of the {self.skipped} files holds a frame; name one, as file.fits[1]")
            print_error(f"skysieve: error: {self.lines[-1]}")
        if not self.lines:
            return
        if done or len(self.lines) > 1:
            print_error(f"skysieve: {len(self.lines)} failed, {done} done; failed:")
            for line in self.lines:
                print_error(f"  {line}")
        raise typer.Exit(1)


def run_and_report(
    job: Job[Unit, Record],
    units: list[Unit],
    run: Run,
    failures: Failures,
    *,
    what: str = "frames",
    describe: Callable[[Unit, Record], str] | None = None,
) -> Iterator[tuple[Unit, Record]]:
    """Run a job and yield the records of the units that succeed.

    Parameters
    ----------
    job, units
        See :func:`skysieve.core.execution.local.run_units`.
    run
        Processes or Dask cluster that run the job, and whether lines are printed for finished units.
    failures
        Gets the units that fail, and counts those that are skipped.
    what
        Plural name of the units, for the progress bar.
    describe
        Returns the lines that are printed for a finished unit; by default those of its record.

    Yields
    ------
    tuple of unit and record
        Each finished unit and its record.
    """
    if not units:
        return
    with ExitStack() as stack:
        advance = stack.enter_context(_progress(len(units), what, quiet=run.quiet))
        outcome: Outcome[Unit, Record]
        outcomes = _run_units(job, units, run)
        stack.callback(outcomes.close)  # an interrupt is to end the units before the command ends
        for outcome in outcomes:
            if isinstance(outcome.error, NoFrameError) and getattr(outcome.unit, "found", False):
                failures.skip(outcome.unit, outcome.error)
            elif outcome.error is not None:
                failures.add(outcome.unit, outcome.error)
            elif outcome.record is not None:
                # before the line is printed, so that the table of an interrupted run has every printed unit
                yield outcome.unit, outcome.record
                if not run.quiet:
                    text = (describe or _described)(outcome.unit, outcome.record)
                    for line in text.split("\n"):
                        print(printable(line), flush=True)
            advance()
    if failures.skipped and not run.quiet:
        files = "file that holds" if failures.skipped == 1 else "files that hold"
        print(f"skipped {failures.skipped} {files} no frame")


def _described(unit: object, record: Described) -> str:
    return record.describe(unit)


def _run_units(job: Job[Unit, Record], units: list[Unit], run: Run) -> Generator[Outcome[Unit, Record]]:
    """Run a job on this machine, or on a Dask cluster."""
    if run.dask is None:
        yield from run_units(job, units, processes=run.jobs, begin=start_logging)
    else:
        from skysieve.core.execution.dask_executor import run_on_dask

        yield from run_on_dask(job, units, run.dask, begin=start_logging)


@contextmanager
def _progress(total: int, what: str, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal if there are several units; yield a function that advances it."""
    if quiet or total == 1 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
