"""Many units of work on this machine, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve.errors import ConfigError, SkysieveError
from skysieve.fleet.job import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from skysieve.fleet.job import Job

__all__ = ["run_units"]

Unit = TypeVar("Unit")
Record = TypeVar("Record")

OVERLAP = 2
"""Units at work in one process: while one is in the network, the other is read or written."""

_job: Job[Any, Any] | SkysieveError | None = None
"""The job of a worker process, made ready once; or why that failed."""


def run_units(
    job: Job[Unit, Record], units: Iterable[Unit], *, processes: int = 1
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
            yield from _drain(pool, lambda unit: pool.submit(job.run, unit), waiting, OVERLAP)
        return
    processes = min(processes, len(waiting))
    while waiting:
        with _pool(job, processes) as pool:
            suspects = yield from _drain(
                pool, lambda unit: pool.submit(_run_in_worker, unit), waiting, 2 * processes
            )
        # a process died, and took its units and those of the others along: each gets one to itself
        for unit in suspects:
            with _pool(job, 1) as pool:
                alone = yield from _drain(
                    pool, lambda unit: pool.submit(_run_in_worker, unit), deque([unit]), 1
                )
            if alone:
                yield Outcome(unit, error=SkysieveError("its process died; is there enough memory for it?"))


def _pool(job: Job[Any, Any], processes: int) -> ProcessPoolExecutor:
    # forking a process whose engine has threads can lock up
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        processes, mp_context=context, initializer=_start_worker, initargs=(job, processes)
    )


def _drain(
    pool: Executor,
    submit: Callable[[Unit], Future[Record]],
    waiting: deque[Unit],
    window: int,
) -> Generator[Outcome[Unit, Record], None, list[Unit]]:
    """Keep at most ``window`` units at work; return those that were at work when a process died."""
    at_work: deque[tuple[Unit, Future[Record]]] = deque()
    try:
        while waiting or at_work:
            while waiting and len(at_work) < window:
                unit = waiting.popleft()
                try:
                    at_work.append((unit, submit(unit)))
                except BrokenProcessPool:
                    return [*(other for other, _ in at_work), unit]
            unit, future = at_work.popleft()
            try:
                yield Outcome(unit, record=future.result())
            except BrokenProcessPool:
                return [unit, *(other for other, _ in at_work)]
            except Exception as error:  # noqa: BLE001 (whatever one unit raises must not stop the others)
                yield Outcome(unit, error=error)
        return []
    finally:
        for _, future in at_work:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(job: Job[Any, Any], processes: int) -> None:
    global _job  # noqa: PLW0603 (the one way to hand something to later calls in a worker process)
    try:
        job.prepare(workers=processes)
    except SkysieveError as error:
        _job = error
    else:
        _job = job


def _run_in_worker(unit: Unit) -> Any:
    if _job is None:
        raise SkysieveError("the worker process has no job")
    if isinstance(_job, SkysieveError):
        raise _job
    return _job.run(unit)
