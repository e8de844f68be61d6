"""Bases of the jobs that run a network: each process loads its own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from skysieve.core.execution.job import JobRecord, UnitJob
from skysieve.core.fits.locations import Location, find_locations
from skysieve.core.models.network_runner import NetworkRunner

__all__ = ["FileJob", "NetworkJob"]

Runner = TypeVar("Runner", bound=NetworkRunner)
Record = TypeVar("Record", bound=JobRecord)


class NetworkJob(UnitJob[Location, Record], Generic[Runner, Record]):
    """Base of jobs that run a network.

    The network is not part of the pickled job: each process loads its own, at the latest for its first unit.
    """

    _runner: Runner | None = None

    def __getstate__(self) -> dict[str, object]:
        """Return the state without the network."""
        return {**self.__dict__, "_runner": None}

    @abstractmethod
    def _make_runner(self, workers: int) -> Runner:
        """Return what runs the network, with settings for one of several processes."""

    @property
    def runner(self) -> Runner:
        """What runs the network in this process; the first access loads it.

        Raises
        ------
        SkysieveError
            If a setting is wrong, or the model cannot be used.
        """
        if self._runner is None:
            self.prepare()
        assert self._runner is not None  # noqa: S101 (prepare sets it)
        return self._runner

    def prepare(self, *, workers: int = 1) -> None:
        """Load the network.

        Parameters
        ----------
        workers
            Number of processes that share the processors.

        Raises
        ------
        SkysieveError
            If a setting is wrong, or the model cannot be used.
        """
        runner = self._make_runner(workers)
        runner.load()
        self._runner = runner

    def stop(self) -> None:
        """Interrupt running units; they write no products."""
        super().stop()
        if self._runner is not None:
            self._runner.stop()


class FileJob(NetworkJob[Runner, Record]):
    """Base of jobs whose units are files: frames, mosaics, exposures."""

    def units(self, path: str) -> list[Location]:
        """List the files of a path.

        Parameters
        ----------
        path
            File, folder or pattern, as :func:`skysieve.core.fits.locations.find_locations` takes it.

        Returns
        -------
        list of Location
            The files.

        Raises
        ------
        SourceError
            If there are none.
        """
        return find_locations(path)
