"""Many units of work on this machine, in this process or in several."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve.errors import ConfigError, SkysieveError
from skysieve.fleet.job import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import FrameType

    from skysieve.fleet.job import Job

__all__ = ["run_units"]

Unit = TypeVar("Unit")
Record = TypeVar("Record")

OVERLAP = 2
"""Units at work in one process: while one is in the network, the other is read or written."""

_job: Job[Any, Any] | SkysieveError | None = None
"""The job of a worker process, made ready once; or why that failed."""

_at_work = False
"""Whether a worker process is at a unit."""

_interrupted = False
"""Whether a worker process was told to begin no more units."""


def run_units(
    job: Job[Unit, Record],
    units: Iterable[Unit],
    *,
    processes: int = 1,
    begin: Callable[[], None] | None = None,
) -> Iterator[Outcome[Unit, Record]]:
    """Run a job over units and yield each outcome as it comes, in the order of the units.

    A unit that fails, or whose process dies, does not stop the others.

    Parameters
    ----------
    job
        The job; with one process it must stand being run from two threads.
    units
        Units of work.
    processes
        Processes at work.
    begin
        Called first in each process of several, as to set up its logging; a function of a module.

    Raises
    ------
    ConfigError
        If ``processes`` is less than one.
    """
    if processes < 1:
        raise ConfigError(f"{processes} jobs: expected at least 1")
    waiting = deque(units)
    job.check()
    if processes == 1 or len(waiting) == 1:
        job.prepare(workers=1)
        with ThreadPoolExecutor(min(OVERLAP, max(1, len(waiting)))) as pool:
            try:
                yield from _drain(pool, lambda unit: pool.submit(job.run, unit), waiting, OVERLAP)
            except BaseException:  # an interrupt, or nobody takes the other outcomes
                job.stop()
                raise
        return
    processes = min(processes, len(waiting))
    while waiting:
        # when a process dies, the others of its pool go too: whatever they were at gets a process to itself
        for unit, future in (yield from _in_processes(job, waiting, processes, begin)):
            outcome = _outcome(unit, future)
            if outcome is None and (yield from _in_processes(job, deque([unit]), 1, begin)):
                outcome = Outcome(
                    unit, error=SkysieveError("its process died; is there enough memory for it?")
                )
            if outcome is not None:
                yield outcome


def _in_processes(
    job: Job[Unit, Record], waiting: deque[Unit], processes: int, begin: Callable[[], None] | None
) -> Generator[Outcome[Unit, Record], None, list[tuple[Unit, Future[Record]]]]:
    """Run units in a pool of processes, until one of these dies; see :func:`_drain`."""
    # forking a process whose engine has threads can lock up
    context = multiprocessing.get_context("spawn")

    def submit(unit: Unit) -> Future[Record]:
        with _interrupts_held():
            return pool.submit(_run_in_worker, unit)

    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start_worker, initargs=(job, processes, begin)
    ) as pool:
        return (yield from _drain(pool, submit, waiting, 2 * processes))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold interrupts back from a process that starts now, until it is ready for them.

    From this process, too, until the other has been told all that it waits for: the mask alone holds the
    signal back from one thread, and whichever thread gets it, the first one is interrupted.
    """
    handler = signal.getsignal(signal.SIGINT)
    in_charge = threading.current_thread() is threading.main_thread() and callable(handler)
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    if in_charge:
        signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if in_charge:
            signal.signal(signal.SIGINT, handler)
        if held and callable(handler):
            handler(*held[0])


def _drain(
    pool: Executor,
    submit: Callable[[Unit], Future[Record]],
    waiting: deque[Unit],
    window: int,
) -> Generator[Outcome[Unit, Record], None, list[tuple[Unit, Future[Record]]]]:
    """Keep at most ``window`` units at work; return those that were when a process died."""
    at_work: deque[tuple[Unit, Future[Record]]] = deque()
    try:
        while waiting or at_work:
            while waiting and len(at_work) < window:
                try:
                    at_work.append((waiting[0], submit(waiting[0])))
                except (BrokenProcessPool, BrokenPipeError):  # the latter from one that died as it began
                    return list(at_work)
                waiting.popleft()
            outcome = _outcome(*at_work[0])
            if outcome is None:
                return list(at_work)
            at_work.popleft()
            yield outcome
        return []
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(unit: Unit, future: Future[Record]) -> Outcome[Unit, Record] | None:
    """Wait for how a unit ended; None if its process died.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted, or the wait for it was.
    """
    try:
        return Outcome(unit, record=future.result())
    except (BrokenProcessPool, CancelledError):
        return None
    except Exception as error:  # whatever one unit raises must not stop the others
        if _comes_of_interrupt(error):
            raise KeyboardInterrupt from error
        return Outcome(unit, error=error)


def _comes_of_interrupt(error: BaseException) -> bool:
    """Tell whether an error was raised on the way out of an interrupt, as by a lock that was let go twice."""
    context = error.__context__
    while context is not None and not isinstance(context, KeyboardInterrupt):
        context = context.__context__
    return context is not None


def _start_worker(job: Job[Any, Any], processes: int, begin: Callable[[], None] | None) -> None:
    global _job  # noqa: PLW0603 (the one way to hand something to later calls in a worker process)
    signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if begin is not None:
        begin()
    try:
        job.prepare(workers=processes)
    except SkysieveError as error:
        _job = error
    else:
        _job = job


def _interrupt(_number: int, _frame: object) -> None:
    """Interrupt the unit, but never the machinery around it, which the parent brings to its end."""
    global _interrupted  # noqa: PLW0603 (the handler of a signal has no other way to tell)
    _interrupted = True
    if _at_work:
        raise KeyboardInterrupt


def _run_in_worker(unit: Unit) -> Any:
    global _at_work  # noqa: PLW0603 (the handler of a signal has no other way to know)
    if _job is None:
        raise SkysieveError("the worker process has no job")
    if isinstance(_job, SkysieveError):
        raise _job
    _at_work = True
    try:
        if _interrupted:
            raise KeyboardInterrupt  # noqa: TRY301 (where the handler would have raised it)
        return _job.run(unit)
    except Exception as error:
        # what led to an error does not get to the process that asked
        if _comes_of_interrupt(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        _at_work = False
