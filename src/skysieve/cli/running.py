"""Run many units of work on the command line: progress, one line per unit, and a list of failures."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from skysieve.core.atomic import check_target
from skysieve.core.errors import ConfigError, NoFrameError, OutputError, SkysieveError
from skysieve.core.execution.local import run_units
from skysieve.core.extras import describe_missing_module
from skysieve.core.printable import one_line, print_error, printable
from skysieve.core.temporaries import sweep_temporaries

if TYPE_CHECKING:
    from skysieve.core.execution.job import Job, Outcome
    from skysieve.core.fits.locations import Location

__all__ = [
    "Failures",
    "find_units",
    "gather_units",
    "is_done",
    "run_and_report",
    "skip_own_products",
    "start_logging",
    "with_own_product",
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


def find_units(
    paths: Iterable[str], units: Callable[[str], list[Location]], failures: Failures
) -> list[Location]:
    """Return the units of all paths, each once, without products of Skysieve among them.

    Parameters
    ----------
    paths
        Paths as given on the command line.
    units
        Returns the units of a path.
    failures
        Gets the paths without units.

    Returns
    -------
    list of Location
        The units.
    """
    return skip_own_products(gather_units(paths, units, failures), failures)


def gather_units(
    paths: Iterable[str],
    units: Callable[[str], list[Location]],
    failures: Failures,
    *,
    files_from: str | None = None,
) -> list[Location]:
    """Return the units of all paths, each once.

    Parameters
    ----------
    paths
        Paths as given on the command line.
    units
        Returns the units of a path.
    failures
        Gets the paths without units.
    files_from
        Text file with one file per line, which need not be there.

    Returns
    -------
    list of Location
        The units.

    Raises
    ------
    SourceError
        If the text file cannot be read, or names no file.
    """
    found: dict[Location, Location] = {}
    if files_from is not None:
        from skysieve.core.fits.locations import listed_locations

        found.update((unit, unit) for unit in listed_locations(Path(files_from)))
    for path in paths:
        try:
            for unit in units(path):
                if unit not in found or not unit.found:  # a file that is named itself must hold a frame
                    found[unit] = unit
        except SkysieveError as error:
            failures.add(path, error)
    return list(found.values())


def skip_own_products(units: list[Location], failures: Failures, *, even_all: bool = False) -> list[Location]:
    """Return the units without Skysieve's own products among other files, as in a shell's ``*.fits``.

    Parameters
    ----------
    units
        Units of work.
    failures
        Counts those that are skipped.
    even_all
        Whether they are skipped even if there are no others; then the product of a product is not made.

    Returns
    -------
    list of Location
        The others; all if there are no others.
    """
    from skysieve.core.fits.own_products import is_own_file

    own = [unit for unit in units if unit.hdu is None and not unit.found and is_own_file(unit.path)]
    if len(own) == len(units) and not even_all:
        return units
    for unit in own:
        failures.skip(unit, "is a product of Skysieve")
    skipped = set(own)
    return [unit for unit in units if unit not in skipped]


def with_own_product(
    units: list[Location],
    product: Callable[[Location], Path],
    failures: Failures,
    *,
    overwrite: bool,
    among: Sequence[Location] = (),
) -> list[Location]:
    """Return the units whose products conflict with no other file; the others are failures.

    The check comes before any work, so that a conflict wastes none. Files that appear under these names later
    may be replaced: if the process of a unit dies, the unit runs again and overwrites its partial product.
    Temporary files of killed runs in the folders of the products are removed.

    Parameters
    ----------
    units
        Units of work.
    product
        Returns the path of the product of a unit.
    failures
        Gets the units whose product is that of an earlier unit, would replace a source, or exists.
    overwrite
        Whether existing products may be replaced.
    among
        All units of the run, if others are done elsewhere or before: their products and sources are not to
        be replaced either.

    Returns
    -------
    list of Location
        The units without conflict.

    Raises
    ------
    ConfigError
        If all units would have the same product.
    """
    mine, others = set(units), set(among) - set(units)
    # of two units with one product the same one fails in each shard
    whole = sorted({*units, *others}, key=str) if among else units
    products = {unit: product(unit) for unit in whole}
    if len(products) > 1 and len(set(products.values())) == 1:
        raise ConfigError(
            f"{products[whole[0]]} would be the product of each of {len(products)} files; "
            "name {stem}, {name}, {dir} or {hdu} in --output"
        )
    for folder in {products[unit].parent for unit in units}:
        sweep_temporaries(folder)
    # links among the files of other shards are not followed: that would take too long for each shard
    sources = {Path(os.path.abspath(unit.path)): unit for unit in others}  # noqa: PTH100
    sources |= {unit.path.resolve(): unit for unit in units}
    owners: dict[Path, Location] = {}
    for unit, path in products.items():
        if unit not in mine:
            owners.setdefault(path, unit)
            continue
        source = sources.get(path.resolve())
        if source is not None:
            failures.add(
                unit, OutputError(f"{unit}: its product would replace {source}; choose another --output")
            )
        elif path in owners:
            problem = f"its product would be {path}, as that of {owners[path]}"
            failures.add(
                unit, OutputError(f"{unit}: {problem}; name {{name}}, {{dir}} or {{hdu}} in --output")
            )
        else:
            owners[path] = unit
    free = {
        unit
        for path, unit in owners.items()
        if unit in mine and _is_free(path, unit, failures, overwrite=overwrite)
    }
    return [unit for unit in units if unit in free]


def _is_free(path: Path, unit: Location, failures: Failures, *, overwrite: bool) -> bool:
    try:
        check_target(path, overwrite=overwrite)
    except OutputError as error:
        failures.add(unit, error)
        return False
    return True


def is_done(product: Path, unit: Location) -> bool:
    """Whether the product of a file exists, is intact and is newer than the file.

    Parameters
    ----------
    product
        Path of the product.
    unit
        The file.

    Returns
    -------
    bool
        Whether nothing has to be done.
    """
    from skysieve.core.fits.fits_integrity import is_intact

    try:
        newer = product.stat().st_mtime >= unit.path.stat().st_mtime
    except OSError:
        return False
    return newer and is_intact(product)


def run_and_report(
    job: Job[Location, Record],
    units: list[Location],
    *,
    processes: int,
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
    with _progress(len(units), what, quiet=quiet) as advance:
        outcome: Outcome[Location, Record]
        for outcome in run_units(job, units, processes=processes, begin=start_logging):
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
