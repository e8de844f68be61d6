"""Interface of a job: many independent units of work, which worker processes run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["Job", "Outcome"]

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
