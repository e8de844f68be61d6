"""Which files of a list a run does: one shard, without those that are done; and their manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from skysieve.core.execution.checked_job import CheckedRecord, file_checksum
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.manifest import DONE, FAILED, SKIPPED, Manifest, ManifestHeader, manifest_path
from skysieve.core.execution.run_identity import identify_run
from skysieve.core.execution.shards import Shard, list_id
from skysieve.core.fits.file_units import (
    UnitFailures,
    gather_units,
    is_done,
    skip_own_products,
    with_own_product,
)
from skysieve.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysieve.core.execution.network_job import FileJob
    from skysieve.core.execution.settings import FileOptions
    from skysieve.core.fits.locations import Location

__all__ = ["FilePlan", "WatchedFailures"]

Record = TypeVar("Record", bound=JobRecord)


class WatchedFailures(UnitFailures, Protocol):
    """Collects what fails, and tells of it.

    Attributes
    ----------
    watch
        Called for each failure with what failed and its line, and for each file skipped with None.
    """

    watch: Callable[[object, str | None], None] | None


class FilePlan:
    """The files of one run of a job.

    Parameters
    ----------
    verb
        Name of the command, for the manifest.
    job
        The job.
    files
        Which files are done.
    failures
        Gets what fails and what is skipped.
    product
        Returns the path of the product of a file; None if there are no products.
    overwrite
        Whether products and a manifest may be replaced.

    Attributes
    ----------
    shard
        The part of the list that is done.
    whole
        The list.
    units
        The files of the shard.
    before
        Number of files that an earlier run finished.
    kept
        These files.
    manifest
        Manifest of the shard; None without one.

    Raises
    ------
    SkysieveError
        If the list cannot be read.
    """

    def __init__(
        self,
        verb: str,
        job: FileJob[Any, Any],
        files: FileOptions,
        failures: WatchedFailures,
        *,
        product: Callable[[Location], Path] | None,
        overwrite: bool,
    ) -> None:
        self._verb, self._job, self._files, self._failures = verb, job, files, failures
        self._product, self._overwrite = product, overwrite
        self.shard = files.shard or Shard()
        self.whole = gather_units(files.paths or (), job.units, failures, files_from=files.files_from)
        self.units = self.shard.of(self.whole)
        self.before = 0
        self.kept: list[Location] = []
        self.manifest: Manifest | None = None

    def open(self) -> None:
        """Open the manifest, if there is one, and record the failures in it.

        Raises
        ------
        SkysieveError
            If there is another manifest, or it cannot be written.
        """
        if self._files.manifest is None:
            return
        whole = self.whole
        manifest = Manifest(
            manifest_path(self._files.manifest, self.shard),
            ManifestHeader(identify_run(self._verb, self._job), list_id(whole), len(whole), self.shard),
            list(map(printable, self.units)),
            overwrite=self._overwrite,
            resume=self._files.resume,
        )

        def add_failure(unit: object, line: str | None) -> None:
            if not isinstance(unit, str):  # paths that stand for no file have no row
                manifest.add(printable(unit), SKIPPED if line is None else FAILED, error=line or "")

        self.manifest, self._failures.watch = manifest, add_failure

    def close(self) -> None:
        """Write the manifest, if there is one."""
        if self.manifest is not None:
            self.manifest.close()

    def todo(self) -> list[Location]:
        """Find out which files are done already.

        Returns
        -------
        list of Location
            The other files.
        """
        units, manifest = self.units, self.manifest
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
        shared = manifest is not None or self.shard.count > 1
        mine = [unit for unit in units if printable(unit) not in kept] if kept else units
        mine = skip_own_products(mine, self._failures, even_all=self.shard.count > 1 or bool(kept))
        if self._product is not None:
            mine = with_own_product(
                mine,
                self._product,
                self._failures,
                overwrite=self._overwrite or self._files.resume,
                among=self.whole if shared else (),
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
        return mine

    def add(self, unit: Location, found: CheckedRecord[Record]) -> None:
        """Record a finished file in the manifest.

        Parameters
        ----------
        unit
            The file.
        found
            Its record.
        """
        if self.manifest is not None:
            self.manifest.add(printable(unit), DONE, **_row(found))

    def _is_unchanged(self, unit: Location, row: Mapping[str, object]) -> bool:
        """Whether the product of a finished file is the one of its row, and newer; nothing of it is read."""
        product = row.get("product")
        if not isinstance(product, str) or not product:
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
