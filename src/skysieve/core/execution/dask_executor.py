"""Execution of the units of a job by the workers of a Dask cluster, on this machine or on many.

Paths travel, and records; pixels do not.  Files must be under the same paths on all machines.
"""

from __future__ import annotations

import logging
import queue
import re
import time
from collections import deque
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, SkysieveError
from skysieve.core.execution import dask_worker
from skysieve.core.execution.dask_worker import Work, run_unit, stop_work
from skysieve.core.execution.job import Outcome
from skysieve.core.execution.signals import hold_signals
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from distributed import Client, Future

    from skysieve.core.execution.job import Job

__all__ = ["run_on_dask"]

logger = logging.getLogger(__name__)

Unit = TypeVar("Unit")
Record = TypeVar("Record")

IN_FLIGHT = 2
"""Units per thread of the workers that are submitted at a time: one at work, one on its way."""

AHEAD = 50
"""Finished units per thread that may wait for an earlier unit."""

PATIENCE = 10.0
"""Seconds to wait for a scheduler; and between two looks for workers."""

DEATHS = 2
"""Number of deaths of a worker after which a cluster of this machine gives up a unit."""


def run_on_dask(
    job: Job[Unit, Record],
    units: Iterable[Unit],
    cluster: str | Client,
    *,
    begin: Callable[[], None] | None = None,
) -> Iterator[Outcome[Unit, Record]]:
    """Run a job on units by the workers of a Dask cluster, and yield the outcomes in the order of the units.

    Each worker process loads the network once. A unit whose worker dies or leaves is done again by another
    one. If workers die of it several times it fails, and the others are done: after two deaths on a cluster
    of this machine, elsewhere by the setting ``distributed.scheduler.allowed-failures`` of the scheduler.

    Parameters
    ----------
    job
        The job.
    units
        Units of work.
    cluster
        Address of a scheduler (``tcp://host:8786``), ``local:N`` for N processes on this machine, or a
        client.
    begin
        Function to call first in each worker process, for example to set up logging; it must be picklable.

    Yields
    ------
    Outcome
        Record or error of one unit.

    Raises
    ------
    ConfigError
        If the address is malformed, no scheduler answers, or a worker has another version of this package.
    SkysieveError
        If the connection to the scheduler is lost.
    """
    require("running on Dask", "dask", "distributed")
    waiting = deque(units)
    job.check()
    with ExitStack() as stack:
        client = stack.enter_context(_connect(cluster)) if isinstance(cluster, str) else cluster
        _check_versions(client)
        run = _Run(client, Work(job, begin, workers=_sharing(client)), waiting)
        stack.callback(run.cancel)
        yield from run.outcomes()


class _Run:
    """One run of a job on a cluster.

    Parameters
    ----------
    client
        Connection to the scheduler.
    work
        The job.
    waiting
        Units that are not submitted yet.
    """

    def __init__(self, client: Client, work: Work, waiting: deque[Any]) -> None:
        self._client, self._work, self._waiting = client, work, waiting
        self._submitted: dict[int, tuple[Any, Future]] = {}
        self._finished: dict[int, Outcome[Any, Any]] = {}
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._threads, self._counted = 0, 0.0

    def outcomes(self) -> Iterator[Outcome[Any, Any]]:
        """Submit units while others finish, and yield their outcomes in order."""
        begun, given = 0, 0
        while self._waiting or self._submitted or self._finished:
            self._count_threads()
            while (
                self._waiting
                and len(self._submitted) < IN_FLIGHT * self._threads
                and len(self._finished) < AHEAD * self._threads
            ):
                self._submit(begun, self._waiting.popleft())
                begun += 1
            self._wait()
            while given in self._finished:
                yield self._finished.pop(given)
                given += 1

    def _submit(self, number: int, unit: Any) -> None:
        key = f"skysieve-{self._work.key}-{number}"
        future = self._client.submit(run_unit, self._work, unit, key=key, pure=False)
        self._submitted[number] = unit, future
        future.add_done_callback(lambda _: self._done.put(number))

    def _wait(self) -> None:
        """Wait until a unit is finished, and take all that are."""
        try:
            numbers = [self._done.get(timeout=PATIENCE)]
        except queue.Empty:
            if self._client.status not in ("running", "connecting"):
                raise SkysieveError("the connection to the scheduler is lost") from None
            return
        with suppress(queue.Empty):
            while True:
                numbers.append(self._done.get_nowait())
        for number in numbers:
            unit, future = self._submitted.pop(number)
            self._finished[number] = self._outcome(unit, future)

    def _outcome(self, unit: Any, future: Future) -> Outcome[Any, Any]:
        from concurrent.futures import CancelledError

        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            record, error = future.result()
        except KilledWorker:
            problem = "its worker process died several times; is there enough memory for it?"
            return Outcome(unit, error=SkysieveError(problem))
        except (CancelledError, FutureCancelledError) as lost:
            raise SkysieveError("the scheduler has cancelled the run, or is gone") from lost
        except Exception as unexpected:  # noqa: BLE001 (no error of one unit may stop the others)
            return Outcome(unit, error=unexpected)
        finally:
            future.release()
        return Outcome(unit, record=record, error=error)

    def _count_threads(self) -> None:
        """Count the threads of all workers from time to time: workers come and go."""
        now = time.monotonic()
        if self._threads and now - self._counted < PATIENCE:
            return
        before = self._threads
        self._threads = sum(self._client.nthreads().values()) or 1
        if not self._client.nthreads() and not before:
            logger.warning("the scheduler %s has no workers yet; waiting", self._client.scheduler.address)
        self._counted = now

    def cancel(self) -> None:
        """Cancel all units, and make running ones end soon without products."""
        if not self._submitted:
            return
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel([future for _, future in self._submitted.values()], force=True)
            self._client.run(stop_work, self._work.key, on_error="return")
        self._submitted = {}


@contextmanager
def _connect(address: str) -> Iterator[Client]:
    """Yield a client of a scheduler, or of a new cluster of processes on this machine."""
    local = re.fullmatch(r"local:(\d{1,6})", address)
    if local is not None and int(local[1]):
        with _local_cluster(int(local[1])) as client:
            yield client
        return
    if re.fullmatch(r"(tcp|tls|ucx|ws|wss)://.+", address) is None:
        raise ConfigError(
            f"--dask {address}: expected tcp://host:8786 of a scheduler, or local:N, as local:4"
        )
    from distributed import Client

    _silence()
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(
            f"--dask {address}: no scheduler answers there ({reason}); start one, or check host and port"
        ) from error
    with client:
        yield client


@contextmanager
def _local_cluster(processes: int) -> Iterator[Client]:
    from multiprocessing.resource_tracker import ensure_running

    import dask.config
    from distributed import Client, LocalCluster

    _silence()
    settings = {
        "distributed.scheduler.allowed-failures": DEATHS - 1,
        # no unit waits on a worker, so that no unit is blamed for the death that another one caused
        "distributed.scheduler.worker-saturation": 1.0,
        # leave the number of threads to the engine
        "distributed.nanny.pre-spawn-environ": {},
    }
    ensure_running()  # its start would unblock signals in the thread that starts the workers
    with dask.config.set(settings):
        # processes that start, also later ones in place of dead ones, take signals when they are ready
        with hold_signals():
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                preload=[dask_worker.__name__],
            )
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _silence() -> None:
    """Keep messages of Dask about its own affairs off the terminal; what concerns a unit is reported."""
    for name in ("distributed", "distributed.client", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check_versions(client: Client) -> None:
    """Compare the version of this package on the workers that are there; later ones check it themselves."""

    def read_version() -> str:  # nested, so that it is sent by its code: workers may lack this package
        try:
            from skysieve._version import __version__ as found
        except ImportError:
            return "none"
        return found

    for worker, version in client.run(read_version).items():
        if version != __version__:
            raise ConfigError(
                f"worker {worker} has skysieve {version}, not {__version__}; install the same version on all "
                "machines"
            )


def _sharing(client: Client) -> int:
    """Return the largest number of worker processes on one machine."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    hosts = [worker["host"] for worker in workers]
    return max(map(hosts.count, set(hosts)), default=1)
