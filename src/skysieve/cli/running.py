"""Run many units of work on the command line: progress, one line per unit, and a list of failures."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import typer

from skysieve.core.errors import NoFrameError, SkysieveError
from skysieve.core.execution.local import run_units
from skysieve.core.extras import describe_missing_module
from skysieve.core.printable import one_line, print_error, printable

if TYPE_CHECKING:
    from skysieve.core.execution.job import Job, Outcome
    from skysieve.core.fits.locations import Location

__all__ = [
    "Failures",
    "run_and_report",
    "start_logging",
]

logger = logging.getLogger(__name__)

Record = TypeVar("Record")


class Failures:
    """Collects and reports the failures of a run.

    Parameters
    ----------
    debug
        Whether to raise the first error instead of reporting it.

    Attributes
    ----------
    lines
        One line per failure.
    skipped
        Number of files of folders and globs that were skipped, as they hold no frame.
    watch
        Called for each failure with what failed and its line, and for each file skipped with None.
    """

    def __init__(self, *, debug: bool) -> None:
        self.lines: list[str] = []
        self.skipped = 0
        self.watch: Callable[[object, str | None], None] | None = None
        self._debug = debug

    def add(self, unit: object, error: Exception) -> None:
        """Report an error on one line, at once.

        Parameters
        ----------
        unit
            What failed, as a file.
        error
            Its error; raised if errors are to be debugged.
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
        if one_line(unit) not in line:
            line = f"{one_line(unit)}: {line}"
        self.lines.append(line)
        if self.watch is not None:
            self.watch(unit, line)
        print_error(f"skysieve: error: {line}")

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
    job: Job[Location, Record],
    units: list[Location],
    *,
    processes: int,
    dask: str | None = None,
    failures: Failures,
    describe: Callable[[Location, Record], str],
    quiet: bool,
    what: str = "frames",
) -> Iterator[tuple[Location, Record]]:
    """Run a job and yield the records of the units that succeed.

    Parameters
    ----------
    job, units, processes
        See :func:`skysieve.core.execution.local.run_units`.
    dask
        Address of a Dask cluster that runs the job instead, see
        :func:`skysieve.core.execution.dask_executor.run_on_dask`.
    failures
        Gets the units that fail, and counts those that are skipped.
    describe
        Returns the line that is printed for a finished unit.
    quiet
        Whether to print no such lines.
    what
        Plural name of the units, for the progress bar.

    Yields
    ------
    tuple of Location and record
        Each finished unit and its record.
    """
    if not units:
        return
    with ExitStack() as stack:
        advance = stack.enter_context(_progress(len(units), what, quiet=quiet))
        outcome: Outcome[Location, Record]
        outcomes = _run_units(job, units, processes, dask)
        stack.callback(outcomes.close)  # an interrupt is to end the units before the command ends
        for outcome in outcomes:
            if isinstance(outcome.error, NoFrameError) and getattr(outcome.unit, "found", False):
                failures.skip(outcome.unit, outcome.error)
            elif outcome.error is not None:
                failures.add(outcome.unit, outcome.error)
            elif outcome.record is not None:
                # before the line is printed, so that the table of an interrupted run has every printed unit
                yield outcome.unit, outcome.record
                if not quiet:
                    for line in describe(outcome.unit, outcome.record).split("\n"):
                        print(printable(line), flush=True)
            advance()
    if failures.skipped and not quiet:
        files = "file that holds" if failures.skipped == 1 else "files that hold"
        print(f"skipped {failures.skipped} {files} no frame")


def _run_units(
    job: Job[Location, Record], units: list[Location], processes: int, dask: str | None
) -> Generator[Outcome[Location, Record]]:
    """Run a job on this machine, or on a Dask cluster."""
    if dask is None:
        yield from run_units(job, units, processes=processes, begin=start_logging)
    else:
        from skysieve.core.execution.dask_executor import run_on_dask

        yield from run_on_dask(job, units, dask, begin=start_logging)


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


def start_logging(*, verbose: bool = False) -> None:
    """Print the package's log on the terminal, one line per message.

    Parameters
    ----------
    verbose
        Whether to print messages at the level INFO too, not only warnings and errors.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("skysieve: %(levelname)s: %(message)s"))
    package = logging.getLogger("skysieve")
    package.handlers = [handler]
    package.setLevel(logging.INFO if verbose else logging.WARNING)
    package.propagate = False
    _log_library_warnings()


def _log_library_warnings() -> None:
    """Log warnings of libraries at debug level only: users cannot change the headers of archives."""
    from astropy import log
    from astropy.logger import LoggingError

    with suppress(LoggingError):  # already disabled
        log.disable_warnings_logging()

    def show(message: Warning | str, *_more: object, **_named: object) -> None:
        logger.debug("%s", message)

    warnings.showwarning = show


class _OneLine(logging.Formatter):
    """Formats each message as one printable line."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))
