"""Interface of a job, many independent units of work, and the base of the jobs of all products."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from skysieve.core.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Job", "JobRecord", "Outcome", "UnitJob"]

Unit = TypeVar("Unit")
Unit_contra = TypeVar("Unit_contra", contravariant=True)
Record = TypeVar("Record")
Record_co = TypeVar("Record_co", covariant=True)


class Job(Protocol[Unit_contra, Record_co]):
    """Operation on many independent units.

    A job can be pickled and sent to another process. It creates its resources there, such as a loaded
    network.
    """

    def check(self) -> None:
        """Check quickly that the job can run.

        Raises
        ------
        SkysieveError
            If it cannot, for example because of a wrong option or a missing model.
        """
        ...

    def prepare(self, *, workers: int) -> None:
        """Load the resources of this process.

        Parameters
        ----------
        workers
            Number of processes that share the machine.

        Raises
        ------
        SkysieveError
            If a resource cannot be loaded.
        """
        ...

    def run(self, unit: Unit_contra) -> Record_co:
        """Process one unit.

        Parameters
        ----------
        unit
            The unit.

        Returns
        -------
        Record
            Its result.

        Raises
        ------
        SkysieveError
            If this unit cannot be processed.
        """
        ...

    def stop(self) -> None:
        """Make running units of this process end soon, with any error, without partial results."""
        ...


@dataclass(frozen=True)
class Outcome(Generic[Unit, Record]):
    """Result of one unit: a record or an error.

    Attributes
    ----------
    unit
        The unit.
    record
        Return value of the job, or None.
    error
        Exception that the job raised, or None.
    """

    unit: Unit
    record: Record | None = None
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """Result of one unit of a :class:`UnitJob`.

    Attributes
    ----------
    seconds
        Run time of the unit; the job sets it.
    """

    seconds: float = 0.0

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
        return f"{printable(unit)} ({self.seconds:.1f} s)"

    @property
    def main_product(self) -> Path | None:
        """The product that stands for the unit in a manifest; by default there is none."""
        return None

    @property
    def numbers(self) -> dict[str, float]:
        """Results for a manifest by name, such as masked fractions; by default there are none."""
        return {}


TimedRecord = TypeVar("TimedRecord", bound=JobRecord)


class UnitJob(ABC, Generic[Unit, TimedRecord]):
    """Base of the jobs of all products; implements :class:`Job`.

    A subclass says in :meth:`_process` what is done with one unit.
    """

    _stopped = False

    def check(self) -> None:
        """Check the settings; by default there is nothing to check.

        Raises
        ------
        SkysieveError
            If the job cannot run.
        """

    def prepare(self, *, workers: int = 1) -> None:
        """Load the resources of this process; by default there are none.

        Parameters
        ----------
        workers
            Number of processes that share the processors.
        """

    def stop(self) -> None:
        """Make running units end soon, without products."""
        self._stopped = True

    def run(self, unit: Unit) -> TimedRecord:
        """Process one unit and write its products.

        Parameters
        ----------
        unit
            The unit.

        Returns
        -------
        JobRecord
            Its result.

        Raises
        ------
        SkysieveError
            If the unit cannot be processed, or a product cannot be written.
        """
        start = time.perf_counter()
        record = self._process(unit)
        return replace(record, seconds=time.perf_counter() - start)

    @abstractmethod
    def _process(self, unit: Unit) -> TimedRecord:
        """Process one unit; :meth:`run` adds the run time."""
