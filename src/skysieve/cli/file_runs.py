"""Run a job on the files of a command line: their list, one shard of it, what is done already, a manifest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from skysieve.cli.running import Failures, run_and_report
from skysieve.core.errors import ConfigError
from skysieve.core.execution.checked_job import CheckedJob, CheckedRecord, file_checksum
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.manifest import DONE, FAILED, SKIPPED, Manifest, ManifestHeader, manifest_path
from skysieve.core.execution.run_identity import identify_run
from skysieve.core.execution.shards import Shard, list_id
from skysieve.core.fits.file_units import gather_units, is_done, skip_own_products, with_own_product
from skysieve.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

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
        self._verb, self._job, self._files = verb, job, files
        self._failures = Failures(debug=options.debug)
        self._product, self._overwrite = product, options.overwrite
        self._processes, self._dask, self._quiet = options.jobs, options.dask, options.quiet
        self._shard = files.shard or Shard()
        self.done, self.before = 0, 0
        self.kept: list[Location] = []

    def records(self, describe: Callable[[Location, Record], str]) -> Generator[tuple[Location, Record]]:
        """Run the job, and yield the records of the files that succeed.

        Parameters
        ----------
        describe
            Returns the lines that are printed for a finished file.

        Yields
        ------
        tuple of Location and record
            Each finished file and its record.

        Raises
        ------
        SkysieveError
            If the run cannot begin.
        """
        paths = self._files.paths
        if not paths and self._files.files_from is None:
            raise typer.BadParameter("Missing argument 'PATH...'; name files, or a list with --files-from")
        whole = gather_units(paths or (), self._job.units, self._failures, files_from=self._files.files_from)
        units = self._shard.of(whole)
        if self._shard.count > 1 and not self._quiet:
            print(f"shard {self._shard}: {len(units)} of {len(whole)} files")
        with ExitStack() as ending:
            manifest = self._open_manifest(whole, units)
            if manifest is not None:
                ending.callback(manifest.close)
                self._failures.watch = lambda unit, line: _add_failure(manifest, unit, line)
            todo = self._todo(whole, units, manifest)
            if manifest is None:
                plain = run_and_report(
                    self._job,
                    todo,
                    processes=self._processes,
                    dask=self._dask,
                    failures=self._failures,
                    describe=describe,
                    quiet=self._quiet,
                )
                for unit, record in plain:
                    self.done += 1
                    yield unit, record
                return
            checked: Iterator[tuple[Location, CheckedRecord[Record]]] = run_and_report(
                CheckedJob(self._job),
                todo,
                processes=self._processes,
                dask=self._dask,
                failures=self._failures,
                describe=lambda unit, found: describe(unit, found.record),
                quiet=self._quiet,
            )
            for unit, found in checked:
                self.done += 1
                manifest.add(printable(unit), DONE, **_row(found))
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
        self._failures.finish(self.done, before=self.before or int(self._shard.count > 1))

    def _open_manifest(self, whole: Sequence[Location], units: Sequence[Location]) -> Manifest | None:
        if self._files.manifest is None:
            return None
        return Manifest(
            manifest_path(self._files.manifest, self._shard),
            ManifestHeader(identify_run(self._verb, self._job), list_id(whole), len(whole), self._shard),
            list(map(printable, units)),
            overwrite=self._overwrite,
            resume=self._files.resume,
        )

    def _todo(
        self, whole: Sequence[Location], units: list[Location], manifest: Manifest | None
    ) -> list[Location]:
        """Return the files that are to be done."""
        kept: set[str] = set()
        if manifest is not None:
            rows = manifest.finished
            kept = {
                name
                for unit in units
                if rows and (name := printable(unit)) in rows and self._is_unchanged(unit, rows[name])
            }
            manifest.keep(sorted(kept))
            self.kept += [unit for unit in units if printable(unit) in kept]
        shared = manifest is not None or self._shard.count > 1
        mine = [unit for unit in units if printable(unit) not in kept] if kept else units
        mine = skip_own_products(mine, self._failures, even_all=self._shard.count > 1 or bool(kept))
        if self._product is not None:
            mine = with_own_product(
                mine,
                self._product,
                self._failures,
                overwrite=self._overwrite or self._files.resume,
                among=whole if shared else (),
            )
            if self._files.resume:
                done = [unit for unit in mine if is_done(self._product(unit), unit)]
                if manifest is not None:
                    for unit in done:
                        manifest.add(printable(unit), DONE, **_product_row(self._product(unit)))
                self.before, finished = len(done), set(done)
                self.kept += done
                mine = [unit for unit in mine if unit not in finished]
        self.before += len(kept)
        if self.before and not self._quiet:
            print(f"{self.before} of {self.before + len(mine)} files are done already")
        return mine

    def _is_unchanged(self, unit: Location, row: Mapping[str, Any]) -> bool:
        """Whether the product of a finished file is the one of its row, and newer; nothing of it is read."""
        product = row.get("product")
        if not product:
            return self._product is None
        try:
            there = Path(product).stat()
            return there.st_size == row.get("bytes") and there.st_mtime >= unit.path.stat().st_mtime
        except OSError:
            return False


def _product_row(product: Path) -> dict[str, object]:
    """Return the values of a product of an earlier run that is in no manifest."""
    checksum, size = file_checksum(product)
    return {"product": printable(product), "checksum": checksum, "bytes": size}


def _row(found: CheckedRecord[Record]) -> dict[str, object]:
    """Return the values of a finished file in the manifest."""
    product = found.record.main_product
    return {
        "product": "" if product is None else printable(product),
        "checksum": found.checksum,
        "bytes": found.size,
        "seconds": round(found.record.seconds, 3),
        **found.record.numbers,
    }


def _add_failure(manifest: Manifest, unit: object, line: str | None) -> None:
    """Add a file that failed, or with None that was skipped; paths that stand for no file have no row."""
    if not isinstance(unit, str):
        manifest.add(printable(unit), SKIPPED if line is None else FAILED, error=line or "")
