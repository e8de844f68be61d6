"""What a job is to the fleet: a value that lists units of work and does one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["Job", "Outcome"]

Unit = TypeVar("Unit")
Unit_contra = TypeVar("Unit_contra", contravariant=True)
Record = TypeVar("Record")
Record_co = TypeVar("Record_co", covariant=True)


class Job(Protocol[Unit_contra, Record_co]):
    """Something to be done with many units, each by itself.

    A job can be pickled and sent to another process; what it needs to work (a loaded network) it makes
    there.
    """

    def check(self) -> None:
        """Find out, without much work, whether anything can be done at all.

        Raises
        ------
        SkysieveError
            If not: a wrong option, a missing model.
        """
        ...

    def prepare(self, *, workers: int) -> None:
        """Make ready for work in this process, where ``workers`` processes share the machine.

        Raises
        ------
        SkysieveError
            If that fails.
        """
        ...

    def run(self, unit: Unit_contra) -> Record_co:
        """Do one unit and return its record.

        Raises
        ------
        SkysieveError
            If this unit cannot be done.
        """
        ...

    def stop(self) -> None:
        """Let the units at work in this process end soon, with whatever error and nothing half done."""
        ...


@dataclass(frozen=True)
class Outcome(Generic[Unit, Record]):
    """How one unit ended: with a record, or with an error.

    Attributes
    ----------
    unit
        The unit.
    record
        What the job returned, or None.
    error
        What it raised, or None.
    """

    unit: Unit
    record: Record | None = None
    error: Exception | None = None
