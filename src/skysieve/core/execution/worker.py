"""Worker process: it runs units for a parent process and ends with it."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from skysieve.core.errors import SkysieveError
from skysieve.core.execution.signals import caused_by_interrupt, ending_signals
from skysieve.core.temporaries import remove_own_temporaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from skysieve.core.execution.job import Job

__all__ = ["pack_job", "run_in_worker", "start_worker"]

GRACE_PERIOD = 2.0
"""Seconds that a unit has to end by itself after the parent process has died."""


class _State:
    """State of this process; global because the signal handler writes to it."""

    job: Job[Any, Any] | SkysieveError | None = None
    """The prepared job, or the error of its preparation."""
    at_work = False
    interrupted = False
    """Whether no more units may start."""
    ended_by = 0
    """Number of the signal that ends this process only; 0 if none came."""


_state = _State()


def pack_job(job: Job[Any, Any], begin: Callable[[], None] | None) -> bytes:
    """Pickle a job for a worker process.

    Parameters
    ----------
    job
        The job.
    begin
        Function to call first in the process, or None.

    Returns
    -------
    bytes
        Argument of :func:`start_worker`.
    """
    return bytes(ForkingPickler.dumps((job, begin)))


def start_worker(work: bytes, processes: int, lifeline: Connection) -> None:
    """Set up this process and prepare the job.

    The job arrives pickled, because the modules that it needs take seconds to load.  The process must already
    notice the death of its parent in this time.

    Parameters
    ----------
    work
        Result of :func:`pack_job`.
    processes
        Number of processes that run the job.
    lifeline
        End of a pipe; only the parent process has the other end.  The parent closes that end to interrupt all
        units, and the system closes it when the parent dies in any way.
    """
    signals = ending_signals()
    for number in signals:
        signal.signal(number, _interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    sys.unraisablehook = _report_lost
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    job, begin = pickle.loads(work)  # noqa: S301 (from the parent process)
    if begin is not None:
        begin()
    try:
        job.prepare(workers=processes)
    except SkysieveError as error:
        _state.job = error
    else:
        _state.job = job


def run_in_worker(unit: Any) -> Any:
    """Run the job on one unit.

    Parameters
    ----------
    unit
        The unit.

    Returns
    -------
    Record
        Return value of the job.

    Raises
    ------
    KeyboardInterrupt
        If this process was interrupted.
    SkysieveError
        If the job could not be prepared, or there is none.
    """
    job = _state.job
    if job is None:
        raise SkysieveError("the worker process has no job")
    if isinstance(job, SkysieveError):
        raise job
    try:
        _state.at_work = True
        if _state.interrupted:
            raise KeyboardInterrupt  # noqa: TRY301 (the handler would have raised it here)
        return job.run(unit)
    except Exception as error:
        # The context of an error is not sent to the parent process
        if caused_by_interrupt(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        _state.at_work = False
        if _state.ended_by:
            _end(128 + _state.ended_by)


def _interrupt(number: int, _frame: object) -> None:
    """Interrupt the unit, but not the process pool around it, which the parent shuts down.

    This happens only once: a second interrupt would stop the removal of the unit's files.  A signal other
    than SIGINT ends this process; if only this process got it, the parent starts another one.
    """
    if number != signal.SIGINT and not _state.ended_by:
        _state.ended_by = number
        # In case the unit does not end, for example because the interpreter loses the interrupt
        late = threading.Timer(GRACE_PERIOD, _end, [128 + number])
        late.daemon = True
        late.start()
    if _state.interrupted:
        return
    _state.interrupted = True
    if _state.at_work:
        raise KeyboardInterrupt
    if _state.ended_by:
        _end(128 + _state.ended_by)


def _report_lost(lost: sys.UnraisableHookArgs) -> None:
    """Do not report interrupts that the interpreter lost, for example in a destructor."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def _end_with_parent(lifeline: Connection) -> None:
    """Wait until the parent closes the pipe; end the unit and, once the parent is dead, this process."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    _interrupt_main_thread()
    if _state.job is not None and not isinstance(_state.job, SkysieveError):
        _state.job.stop()
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    deadline = time.monotonic() + GRACE_PERIOD
    while _state.at_work and time.monotonic() < deadline:
        time.sleep(0.02)
    _end(1)


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill") and signal.SIGINT in ending_signals():
        # This also interrupts a blocking system call
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    elif not hasattr(signal, "pthread_kill"):
        _thread.interrupt_main()
    else:
        _state.interrupted = True


def _end(code: int) -> None:
    """End this process at once, from any thread."""
    remove_own_temporaries()
    os._exit(code)
