"""Many units: each outcome in order, whatever happens to one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from multiprocessing import active_children
from pathlib import Path
from threading import Lock, Thread

import pytest

from skysieve.core.errors import ConfigError, FrameError, ModelError
from skysieve.core.execution.local import run_units


@dataclass
class Doubling:
    """A job that doubles numbers, fails at some, and dies at others."""

    fails: tuple[int, ...] = ()
    dies: tuple[int, ...] = ()
    unfit: bool = False
    unprepared: bool = False
    workers: int | None = field(default=None, init=False)
    stopped: bool = field(default=False, init=False)

    def check(self) -> None:
        if self.unfit:
            raise ModelError("no model")

    def prepare(self, *, workers: int) -> None:
        if self.unprepared:
            raise ModelError("no engine")
        self.workers = workers

    def stop(self) -> None:
        self.stopped = True

    def run(self, unit: int) -> tuple[int, int | None]:
        if unit in self.fails:
            raise FrameError(f"{unit} is unlucky")
        if unit in self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * unit, self.workers


@pytest.mark.parametrize("processes", [1, 2])
def test_outcomes_come_in_order_with_failures_among_them(processes):
    outcomes = list(run_units(Doubling(fails=(2, 5)), range(7), processes=processes))
    assert [outcome.unit for outcome in outcomes] == list(range(7))
    assert [outcome.unit for outcome in outcomes if outcome.error] == [2, 5]
    assert isinstance(outcomes[2].error, FrameError)
    assert [outcome.record[0] for outcome in outcomes if outcome.record] == [0, 2, 6, 8, 12]


def test_processes_know_how_many_share_the_machine():
    [first, *_] = run_units(Doubling(), range(4), processes=2)
    assert first.record == (0, 2)


@pytest.mark.parametrize("dies", [(0, 3), (5,)])
def test_a_process_that_dies_fails_its_unit_only(dies):
    outcomes = list(run_units(Doubling(dies=dies), range(6), processes=2))
    assert [outcome.unit for outcome in outcomes] == list(range(6))
    failed = [outcome for outcome in outcomes if outcome.error]
    assert tuple(outcome.unit for outcome in failed) == dies
    assert all("process died" in str(outcome.error) for outcome in failed)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_that_cannot_start_stops_at_once(processes):
    with pytest.raises(ModelError, match="no model"):
        list(run_units(Doubling(unfit=True), range(3), processes=processes))


def test_a_process_that_cannot_start_says_why():
    outcomes = list(run_units(Doubling(unprepared=True), range(3), processes=2))
    assert [str(outcome.error) for outcome in outcomes] == ["no engine"] * 3


def test_nothing_to_do_is_fine():
    assert list(run_units(Doubling(), [])) == []


def test_no_process_at_all_is_refused():
    with pytest.raises(ConfigError, match="0 jobs"):
        list(run_units(Doubling(), range(3), processes=0))


@dataclass
class Watching:
    """A job that counts how many of its units are begun and not yet taken away."""

    begun: int = 0
    lock: Lock = field(default_factory=Lock)

    def check(self) -> None:
        pass

    def prepare(self, *, workers: int) -> None:
        pass

    def stop(self) -> None:
        pass

    def run(self, unit: int) -> int:
        with self.lock:
            self.begun += 1
        return unit


def test_work_does_not_run_far_ahead_of_who_takes_the_results():
    job = Watching()
    for taken, _ in enumerate(run_units(job, range(50)), start=1):
        assert job.begun <= taken + 2


def test_units_at_work_are_stopped_when_nobody_takes_the_other_outcomes():
    job = Doubling()
    outcomes = run_units(job, range(5))
    next(outcomes)
    assert not job.stopped
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    assert job.stopped


@dataclass
class Sleeping:
    """A job that takes a minute for each unit, and leaves a file when it begins one."""

    folder: Path

    def check(self) -> None:
        pass

    def prepare(self, *, workers: int) -> None:
        pass

    def run(self, unit: int) -> int:
        (self.folder / str(unit)).touch()
        for _ in range(600):
            time.sleep(0.1)
        return unit

    def stop(self) -> None:
        pass


@dataclass
class Stumbling(Doubling):
    """A job whose units are interrupted, and raise another error on the way out."""

    def run(self, unit: int) -> tuple[int, int | None]:
        try:
            raise KeyboardInterrupt(unit)
        finally:
            Lock().release()


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_on_the_way_out_of_an_interrupt_is_the_interrupt(processes):
    with pytest.raises(KeyboardInterrupt):
        list(run_units(Stumbling(), range(4), processes=processes))


def test_an_interrupt_ends_the_units_of_other_processes_and_begins_no_more(tmp_path):
    def interrupt():
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        for child in active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGINT)

    thread = Thread(target=interrupt)
    thread.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run_units(Sleeping(tmp_path), range(6), processes=2))
    thread.join()
    assert time.monotonic() - start < 30
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


LOADING = """
import os, sys, time
from pathlib import Path
from skysieve.core.execution.local import run_units

class Loading:
    # a job whose modules take long to load
    def __setstate__(self, state):
        Path("worker").write_text(str(os.getpid()))
        time.sleep(100)

    def __getstate__(self):
        return {"some": "state"}

    def check(self): ...
    def prepare(self, *, workers): ...
    def stop(self): ...
    def run(self, unit): ...

if __name__ == "__main__":
    list(run_units(Loading(), range(2), processes=2))
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc to see processes in")
def test_a_process_ends_with_its_parent_while_it_still_loads_the_job(tmp_path):
    (tmp_path / "loading.py").write_text(LOADING)
    parent = subprocess.Popen([sys.executable, "loading.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    note = tmp_path / "worker"
    try:
        while parent.poll() is None and not (note.exists() and note.read_text()):
            time.sleep(0.02)
        assert parent.poll() is None
    finally:
        parent.kill()
        parent.wait()
    state = Path(f"/proc/{note.read_text()}/stat")
    end = time.monotonic() + 30
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] not in "ZX":
        assert time.monotonic() < end, "the process outlives its parent"
        time.sleep(0.05)
