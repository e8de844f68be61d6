"""A job whose records come with the size and checksum of the product, made where the product is written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from skysieve.core.errors import OutputError
from skysieve.core.execution.job import JobRecord

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.core.execution.job import Job

__all__ = ["CheckedJob", "CheckedRecord", "file_checksum"]

Unit = TypeVar("Unit")


Record = TypeVar("Record", bound=JobRecord)


@dataclass(frozen=True)
class CheckedRecord(Generic[Record]):
    """Record of a unit, with the checksum of its product.

    Attributes
    ----------
    record
        The record.
    size
        Size of the main product in bytes; 0 if there is none.
    checksum
        Its SHA-256; empty if there is none.
    """

    record: Record
    size: int = 0
    checksum: str = ""

    def describe(self, unit: object) -> str:
        """Return what is printed of a finished unit.

        Parameters
        ----------
        unit
            The unit.

        Returns
        -------
        str
            One or more lines.
        """
        return self.record.describe(unit)


def file_checksum(path: Path) -> tuple[str, int]:
    """Return the checksum and the size of a file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    checksum : str
        SHA-256.
    size : int
        Bytes.

    Raises
    ------
    OutputError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read for its checksum ({error.strerror})") from error


@dataclass
class CheckedJob(Generic[Unit, Record]):
    """Runs a job, and reads each product once more for its checksum.

    Attributes
    ----------
    job
        The job.
    """

    job: Job[Unit, Record]

    def check(self) -> None:
        """Check that the job can run."""
        self.job.check()

    def prepare(self, *, workers: int) -> None:
        """Load the resources of this process.

        Parameters
        ----------
        workers
            Number of processes that share the machine.
        """
        self.job.prepare(workers=workers)

    def run(self, unit: Unit) -> CheckedRecord[Record]:
        """Process one unit.

        Parameters
        ----------
        unit
            The unit.

        Returns
        -------
        CheckedRecord
            Its record, with the checksum of its product.

        Raises
        ------
        SkysieveError
            If the unit cannot be processed, or its product cannot be read.
        """
        record = self.job.run(unit)
        product = record.main_product
        if product is None:
            return CheckedRecord(record)
        checksum, size = file_checksum(product)
        return CheckedRecord(record, size, checksum)

    def stop(self) -> None:
        """Make running units of this process end soon."""
        self.job.stop()
