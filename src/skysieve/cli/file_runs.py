"""Run a job on the files of a command line: their list, one shard of it, what is done already, a manifest."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from skysieve.cli.running import Failures, run_and_report
from skysieve.core.errors import ConfigError
from skysieve.core.execution.checked_job import CheckedJob
from skysieve.core.execution.file_plan import FilePlan
from skysieve.core.execution.job import JobRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from skysieve.cli.options import Run
    from skysieve.core.execution.network_job import FileJob
    from skysieve.core.execution.settings import FileOptions
    from skysieve.core.fits.locations import Location

__all__ = ["FileRun"]

Record = TypeVar("Record", bound=JobRecord)


class FileRun(Generic[Record]):
    """One run of a job on files.

    Parameters
    ----------
    verb
        Name of the command, for the manifest.
    job
        The job.
    files
        Which files are done.
    options
        Options of the run; also whether a manifest may be replaced.
    product
        Returns the path of the product of a file; None if there are no products.

    Attributes
    ----------
    done
        Number of files that this run finished.
    before
        Number of files that an earlier run finished.
    kept
        The files that an earlier run finished.
    """

    def __init__(
        self,
        verb: str,
        job: FileJob[Any, Record],
        files: FileOptions,
        options: Run,
        *,
        product: Callable[[Location], Path] | None,
    ) -> None:
        if files.resume and product is None and files.manifest is None:
            raise ConfigError("--resume without products needs a --manifest that says which files are done")
        self._verb, self._job, self._files, self._run = verb, job, files, options
        self._failures = Failures(debug=options.debug)
        self._product, self._sharded = product, files.shard is not None and files.shard.count > 1
        self.done, self.before = 0, 0
        self.kept: list[Location] = []

    def records(self) -> Generator[tuple[Location, Record]]:
        """Run the job, and yield the records of the files that succeed.

        Yields
        ------
        tuple of Location and record
            Each finished file and its record.

        Raises
        ------
        SkysieveError
            If the run cannot begin.
        """
        run, files = self._run, self._files
        if not files.paths and files.files_from is None:
            raise typer.BadParameter("Missing argument 'PATH...'; name files, or a list with --files-from")
        failures, product = self._failures, self._product
        plan = FilePlan(self._verb, self._job, files, failures, product=product, overwrite=run.overwrite)
        if self._sharded and not run.quiet:
            print(f"shard {plan.shard}: {len(plan.units)} of {len(plan.whole)} files")
        plan.open()
        with closing(plan):
            todo = plan.todo()
            self.before, self.kept = plan.before, plan.kept
            if plan.before and not run.quiet:
                print(f"{plan.before} of {plan.before + len(todo)} files are done already")
            if plan.manifest is None:
                for unit, record in run_and_report(self._job, todo, run, failures):
                    self.done += 1
                    yield unit, record
                return
            checked: CheckedJob[Location, Record] = CheckedJob(self._job)
            for unit, found in run_and_report(checked, todo, run, failures):
                self.done += 1
                plan.add(unit, found)
                yield unit, found.record

    @property
    def failed(self) -> list[str]:
        """One line for each file that failed."""
        return self._failures.lines

    def finish(self) -> None:
        """List the failures, and exit with code 1 if there are any.

        Raises
        ------
        typer.Exit
            With code 1, if there are failures.
        """
        # a shard may by chance have only files without a frame
        self._failures.finish(self.done, before=self.before or int(self._sharded))
