"""Units on the processes of a Dask cluster: the outcomes are those of one machine, whatever happens."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (of a dataclass)
from typing import TYPE_CHECKING, cast

import pytest

from skysieve.core.errors import ConfigError, FrameError, ModelError

pytest.importorskip("distributed")

from skysieve.core.execution import dask_executor
from skysieve.core.execution.dask_executor import run_on_dask

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass
class Doubling:
    """A job that doubles numbers, fails at some, and dies at others: always, or at the first try."""

    folder: Path
    fails: tuple[int, ...] = ()
    dies: tuple[int, ...] = ()
    dies_once: tuple[int, ...] = ()
    unprepared: bool = False

    def check(self) -> None:
        pass

    def prepare(self, *, workers: int) -> None:
        if self.unprepared:
            raise ModelError("no engine")
        with (self.folder / "prepared").open("a") as file:
            file.write(f"{os.getpid()} {workers}\n")

    def stop(self) -> None:
        (self.folder / "stopped").touch()

    def run(self, unit: int) -> int:
        with (self.folder / "begun").open("a") as file:
            file.write(f"{unit}\n")
        if unit in self.fails:
            raise FrameError(f"{unit} is unlucky")
        first = self.folder / f"tried {unit}"
        if unit in self.dies or (unit in self.dies_once and not first.exists()):
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * unit


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two processes."""
    with dask_executor._local_cluster(2) as client:
        yield client


def lines(path):
    return path.read_text().splitlines()


def test_outcomes_come_in_order_with_failures_among_them(cluster, tmp_path):
    outcomes = list(run_on_dask(Doubling(tmp_path, fails=(2, 5)), range(12), cluster))
    assert [outcome.unit for outcome in outcomes] == list(range(12))
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == ["2 is unlucky", "5 is unlucky"]
    assert isinstance(outcomes[2].error, FrameError)
    assert [outcome.record for outcome in outcomes if outcome.record] == [2, 6, 8, 12, 14, 16, 18, 20, 22]


def test_each_process_prepares_the_job_once(cluster, tmp_path):
    list(run_on_dask(Doubling(tmp_path), range(20), cluster))
    prepared = lines(tmp_path / "prepared")
    assert len(prepared) == len(set(prepared)) <= 2
    assert {line.split()[1] for line in prepared} == {"2"}


def test_a_unit_whose_process_is_killed_is_done_again(cluster, tmp_path):
    outcomes = list(run_on_dask(Doubling(tmp_path, dies_once=(3, 8)), range(12), cluster))
    assert [outcome.record for outcome in outcomes] == [2 * number for number in range(12)]
    begun = lines(tmp_path / "begun")
    assert begun.count("3") == begun.count("8") == 2
    # a record that had not left the process is lost with it
    assert 14 <= len(begun) <= 18


def test_a_unit_that_kills_two_processes_fails_alone(cluster, tmp_path):
    outcomes = list(run_on_dask(Doubling(tmp_path, dies=(4,)), range(8), cluster))
    failed = [outcome.unit for outcome in outcomes if outcome.error]
    assert failed == [4]
    assert "its worker process died several times" in str(outcomes[4].error)
    assert lines(tmp_path / "begun").count("4") == 2


def test_few_units_are_on_their_way_at_a_time(cluster, tmp_path):
    for taken, _ in enumerate(run_on_dask(Doubling(tmp_path), range(400), cluster), start=1):
        begun = len(lines(tmp_path / "begun"))
        assert begun <= taken + 2 * (dask_executor.AHEAD + dask_executor.IN_FLIGHT)
        if taken == 3:
            break
    time.sleep(0.5)
    assert len(lines(tmp_path / "begun")) < 400


def test_units_at_work_are_stopped_when_nobody_takes_the_outcomes(cluster, tmp_path):
    outcomes = run_on_dask(Sleeping(tmp_path), range(6), cluster)
    next(outcomes)
    cast("Generator[object]", outcomes).close()
    deadline = time.monotonic() + 60
    while not (tmp_path / "stopped").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # the workers go on, and take the next run
    before = set(cluster.scheduler_info()["workers"])
    assert len(list(run_on_dask(Doubling(tmp_path), range(3), cluster))) == 3
    assert set(cluster.scheduler_info()["workers"]) == before


@dataclass
class Sleeping(Doubling):
    """A job whose first unit is quick, and whose others wait until they are stopped."""

    def run(self, unit: int) -> int:
        while unit:
            time.sleep(0.05)
            if (self.folder / "stopped").exists():
                raise KeyboardInterrupt  # as a network that is stopped
        return unit


def test_a_job_that_cannot_be_prepared_says_why(cluster, tmp_path):
    outcomes = list(run_on_dask(Doubling(tmp_path, unprepared=True), range(3), cluster))
    assert [str(outcome.error) for outcome in outcomes] == ["no engine"] * 3


def test_a_worker_with_another_version_is_one_line(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_executor, "__version__", "0.0.7")
    with pytest.raises(ConfigError, match=r"worker tcp://.* has skysieve .*, not 0\.0\.7; install the same"):
        list(run_on_dask(Doubling(tmp_path), range(3), cluster))


def test_a_worker_that_joins_later_compares_versions_too(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("skysieve.core.execution.dask_worker.__version__", "0.0.7")
    outcomes = list(run_on_dask(Doubling(tmp_path), range(2), cluster))
    assert all("not 0.0.7; install the same version" in str(outcome.error) for outcome in outcomes)


@pytest.mark.parametrize("address", ["host", "local:", "local:0", "http://host", ""])
def test_no_address_is_one_line(tmp_path, address):
    with pytest.raises(ConfigError, match="expected tcp://host:8786"):
        list(run_on_dask(Doubling(tmp_path), range(3), address))


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_executor, "PATIENCE", 0.5)
    with pytest.raises(ConfigError, match=r"tcp://127\.0\.0\.1:1: no scheduler answers there"):
        list(run_on_dask(Doubling(tmp_path), range(3), "tcp://127.0.0.1:1"))
