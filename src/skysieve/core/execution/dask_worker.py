"""What a Dask worker process does: it prepares each job once, and runs its units."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, SkysieveError
from skysieve.core.execution.signals import ending_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysieve.core.execution.job import Job

__all__ = ["Work", "dask_setup", "run_unit", "stop_work"]


class Work:
    """A job on its way to the workers: a few kilobytes, which travel with each unit.

    Nothing is stored on the scheduler, so that a worker that joins late, or replaces another one, needs no
    more than a unit to begin.

    Parameters
    ----------
    job
        The job, without its network.
    begin
        Function to call first in each worker process, or None.
    workers
        Number of worker processes that share a machine.

    Attributes
    ----------
    content
        The pickled job.
    key
        Identifier of this run of the job.
    folder
        Folder in which relative paths of the job begin.
    version
        Version of this package.
    """

    def __init__(self, job: Job[Any, Any], begin: Callable[[], None] | None, *, workers: int) -> None:
        self.content = pickle.dumps((job, begin, workers))
        self.folder = os.getcwd()  # noqa: PTH109 (a text, as it travels to other systems)
        self.version = __version__
        self.key = hashlib.sha256(self.content + os.urandom(8)).hexdigest()[:16]


class _State:
    """State of this process."""

    lock = threading.Lock()
    key = ""
    job: Job[Any, Any] | SkysieveError | None = None
    """The job that was prepared last, or the error of its preparation."""


_state = _State()


def dask_setup(_worker: object) -> None:
    """Set up a worker process of a cluster on this machine; Dask calls this function by its name.

    Ctrl-C reaches all processes of a terminal. The first process ends the others, so they ignore it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # they were held while this process began
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending_signals())


def run_unit(work: Work, unit: Any) -> tuple[Any, Exception | None]:
    """Run a job on one unit, in a worker process.

    Parameters
    ----------
    work
        The job.
    unit
        The unit.

    Returns
    -------
    record, error
        Record of the unit and None, or None and its error. An error is returned, not raised, as the worker
        would print its traceback.
    """
    try:
        return _prepared(work).run(unit), None
    except KeyboardInterrupt:  # the job was stopped; the interrupt would end the worker
        return None, SkysieveError("the run was stopped")
    except Exception as error:  # noqa: BLE001 (the client reports it)
        return None, _portable(error)


def stop_work(key: str) -> None:
    """Make running units of a job end soon; the next job is prepared anew.

    Parameters
    ----------
    key
        Identifier of the run.
    """
    with _state.lock:
        job = _state.job
        if _state.key != key or job is None:
            return
        _state.key, _state.job = "", None
    if not isinstance(job, SkysieveError):
        job.stop()


def _prepared(work: Work) -> Job[Any, Any]:
    """Return the job, prepared by the first unit of it in this process; its network is loaded once."""
    with _state.lock:
        if _state.key != work.key:
            _state.key, _state.job = work.key, None  # frees the network of an earlier job
            _state.job = _prepare(work)
        job = _state.job
    if isinstance(job, SkysieveError):
        raise job
    assert job is not None  # noqa: S101 (set above)
    return job


def _prepare(work: Work) -> Job[Any, Any] | SkysieveError:
    try:
        if work.version != __version__:
            raise ConfigError(_other_version(work.version))
        try:
            os.chdir(work.folder)
        except OSError as error:
            raise ConfigError(
                f"{work.folder}: the worker does not see this folder ({error.strerror}); run in one that all "
                "machines share"
            ) from error
        job: Job[Any, Any]
        job, begin, workers = pickle.loads(work.content)  # noqa: S301 (from the client)
        if begin is not None:
            begin()
        job.prepare(workers=workers)
    except SkysieveError as error:
        return error
    return job


def _other_version(version: str) -> str:
    return f"a worker has skysieve {__version__}, not {version}; install the same version on all machines"


def _portable(error: Exception) -> Exception:
    """Return an error that the client can read."""
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
        return error
    return SkysieveError(f"{type(error).__name__}: {error}")
