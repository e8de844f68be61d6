"""A process that does units of work for another one, and ends when that one does."""

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
"""Seconds that a unit has to end by itself when the process that asked for it is dead."""


class _State:
    """What this process is at; written by the handler of signals, which has no other way to tell."""

    job: Job[Any, Any] | SkysieveError | None = None
    """The job, made ready once; or why that failed."""
    at_work = False
    interrupted = False
    """Whether it was told to begin no more units."""
    ended_by = 0
    """The signal that ends this process alone, if one came."""


_state = _State()


def pack_job(job: Job[Any, Any], begin: Callable[[], None] | None) -> bytes:
    """Return a job, and what is called before it, for another process: see :func:`start_worker`."""
    return bytes(ForkingPickler.dumps((job, begin)))


def start_worker(work: bytes, processes: int, lifeline: Connection) -> None:
    """Make this process ready.

    The job comes pack_job, as it needs modules that take seconds to load: a process whose parent dies meanwhile
    must know of it.

    Parameters
    ----------
    work
        What :func:`pack_job` made of the job, and of what is called first, as to set up logging.
    processes
        Processes at work on it.
    lifeline
        End of a pipe whose other end only the process has that asks for units.  It closes that end to
        interrupt all units, and the system closes it when it dies, in whatever way.
    """
    signals = ending_signals()
    for number in signals:
        signal.signal(number, _interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    sys.unraisablehook = _report_lost
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    job, begin = pickle.loads(work)  # noqa: S301 (of the process that began this one)
    if begin is not None:
        begin()
    try:
        job.prepare(workers=processes)
    except SkysieveError as error:
        _state.job = error
    else:
        _state.job = job


def run_in_worker(unit: Any) -> Any:
    """Do one unit, and return its record.

    Raises
    ------
    KeyboardInterrupt
        If this process was interrupted.
    """
    job = _state.job
    if job is None:
        raise SkysieveError("the worker process has no job")
    if isinstance(job, SkysieveError):
        raise job
    try:
        _state.at_work = True
        if _state.interrupted:
            raise KeyboardInterrupt  # noqa: TRY301 (where the handler would have raised it)
        return job.run(unit)
    except Exception as error:
        # what led to an error does not get to the process that asked
        if caused_by_interrupt(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        _state.at_work = False
        if _state.ended_by:
            _end(128 + _state.ended_by)


def _interrupt(number: int, _frame: object) -> None:
    """Interrupt the unit, but never the machinery around it, which the parent brings to its end.

    Once only: the next one would interrupt what removes the files of the unit.  A signal other than that of
    Ctrl-C ends this process: was it for this one alone, the parent begins another.
    """
    if number != signal.SIGINT and not _state.ended_by:
        _state.ended_by = number
        # for the case that the unit does not end, as where the interpreter loses the interrupt
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
    """Say nothing of an interrupt that the interpreter lost, as in the end of an object's life."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def _end_with_parent(lifeline: Connection) -> None:
    """Wait until the parent ends the units or dies; then end the unit and, after its death, this process."""
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
        # this wakes it, too, where it waits for the system
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    elif not hasattr(signal, "pthread_kill"):
        _thread.interrupt_main()
    else:
        _state.interrupted = True


def _end(code: int) -> None:
    """End this process at once, from whichever thread."""
    remove_own_temporaries()
    os._exit(code)
