"""Execution of the units of a job on this machine, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, TypeVar

from skysieve.core.errors import ConfigError, SkysieveError
from skysieve.core.execution.job import Outcome
from skysieve.core.execution.signals import caused_by_interrupt, hold_signals
from skysieve.core.execution.worker import pack_job, run_in_worker, start_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from skysieve.core.execution.job import Job

__all__ = ["run_units"]

Unit = TypeVar("Unit")
Record = TypeVar("Record")

OVERLAP = 2
"""Concurrent units in one process: while one is in the network, the other is read or written."""


def run_units(
    job: Job[Unit, Record],
    units: Iterable[Unit],
    *,
    processes: int = 1,
    begin: Callable[[], None] | None = None,
) -> Iterator[Outcome[Unit, Record]]:
    """Run a job on units and yield the outcomes in the order of the units.

    A unit that fails, or whose process dies, does not stop the others.

    Parameters
    ----------
    job
        The job; with one process it runs in two threads.
    units
        Units of work.
    processes
        Number of processes.
    begin
        Function to call first in each worker process, for example to set up logging; it must be picklable.

    Yields
    ------
    Outcome
        Record or error of one unit.

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
        pool = ThreadPoolExecutor(min(OVERLAP, max(1, len(waiting))))
        try:
            yield from _drain(lambda unit: pool.submit(job.run, unit), waiting, OVERLAP)
        except BaseException:  # an interrupt, or the caller closed the iterator
            job.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return
    processes = min(processes, len(waiting))
    while waiting:
        # When a process dies, its whole pool breaks: each unit that was running then gets its own process
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
    """Run units in a pool until a process dies; see :func:`_drain`."""
    # Forking a process whose engine has threads can deadlock
    context = multiprocessing.get_context("spawn")

    def submit(unit: Unit) -> Future[Record]:
        with hold_signals():
            return pool.submit(run_in_worker, unit)

    with hold_signals():  # also for the resource tracker, a process that starts here
        their_end, our_end = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(
            processes,
            mp_context=context,
            initializer=start_worker,
            initargs=(pack_job(job, begin), processes, their_end),
        )
    with their_end, our_end:
        try:
            return (yield from _drain(submit, waiting, 2 * processes))
        except BaseException:  # an interrupt, or the caller closed the iterator
            our_end.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _drain(
    submit: Callable[[Unit], Future[Record]], waiting: deque[Unit], window: int
) -> Generator[Outcome[Unit, Record], None, list[tuple[Unit, Future[Record]]]]:
    """Keep at most ``window`` units running; return the running ones if a process died."""
    at_work: deque[tuple[Unit, Future[Record]]] = deque()
    while waiting or at_work:
        while waiting and len(at_work) < window:
            try:
                at_work.append((waiting[0], submit(waiting[0])))
            except (BrokenProcessPool, BrokenPipeError):  # BrokenPipeError: the process died at its start
                return list(at_work)
            waiting.popleft()
        outcome = _outcome(*at_work[0])
        if outcome is None:
            return list(at_work)
        at_work.popleft()
        yield outcome
    return []


def _outcome(unit: Unit, future: Future[Record]) -> Outcome[Unit, Record] | None:
    """Wait for the outcome of a unit; None if its process died.

    Raises
    ------
    KeyboardInterrupt
        If the unit or the wait for it was interrupted.
    """
    try:
        return Outcome(unit, record=future.result())
    except (BrokenProcessPool, CancelledError):
        return None
    except Exception as error:  # no error of one unit may stop the others
        if caused_by_interrupt(error):
            raise KeyboardInterrupt from error
        return Outcome(unit, error=error)
