"""Bases of the jobs: networks stay in their process; simulated files are kept, refused or written whole."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import OutputError, SkysieveError
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.network_job import FileJob
from skysieve.core.execution.simulation_job import SeriesJob, SimulatedFile
from skysieve.core.fits.locations import Location
from skysieve.core.models.network_runner import NetworkRunner
from skysieve.core.simulate.settings import SeriesSettings


class Network:
    """A network that counts how often it is stopped."""

    stops = 0

    def stop(self):
        self.stops += 1


class Runner(NetworkRunner):
    def __init__(self, workers):
        self.workers, self.loads = workers, 0

    def _load_network(self):
        self.loads += 1
        return Network()


@dataclass
class Examination(FileJob[Any, Any]):
    """A job that tells how many processes its network was loaded for."""

    def _make_runner(self, workers):
        return Runner(workers)

    def _process(self, unit):  # noqa: ARG002 (every unit is the same)
        return Workers(self.runner.workers)


@dataclass(frozen=True)
class Workers(JobRecord):
    number: int


@dataclass(frozen=True)
class Recipe:
    name: str = "flat"
    description: str = "for tests"

    def to_yaml(self):
        return ""


@dataclass
class Flat(SeriesJob[Recipe, SeriesSettings, SimulatedFile]):
    """A job that simulates frames of one level, its seed."""

    only_here = "FLAT"
    made: list[str] = field(default_factory=list)

    def _simulate(self, path):
        self.made.append(path.name)
        hdu = fits.PrimaryHDU(np.full((8, 8), self.seed_of(path), np.int32))
        hdu.header.update({"SIMSEED": self.seed_of(path), "SIMRECIP": self.recipe.name, "FLAT": True})
        return [hdu]

    def _record(self, path, header):
        return SimulatedFile(path, header)


@pytest.fixture
def series(tmp_path):
    return Flat(Recipe(), tmp_path / "series", SeriesSettings(count=2, seed=3))


def run_all(job):
    return [job.run(unit) for unit in job.units()]


class TestNetworks:
    def test_are_loaded_once_at_the_first_unit(self):
        job = Examination()
        records = [job.run(Location(Path("a.fits"))) for _ in range(2)]
        assert [record.number for record in records] == [1, 1]
        assert job.runner.loads == 1

    def test_are_loaded_for_the_processes_that_share_the_machine(self):
        job = Examination()
        job.prepare(workers=4)
        assert job.run(Location(Path("a.fits"))).number == 4
        assert job.runner.loads == 1

    def test_are_not_sent_to_other_processes(self):
        job = Examination()
        job.prepare(workers=2)
        network = job.runner.network
        sent = pickle.loads(pickle.dumps(job))  # noqa: S301 (our own)
        assert sent.runner.network is not network
        assert sent.runner.workers == 1

    def test_are_stopped_with_the_job(self):
        job = Examination()
        job.stop()  # nothing is loaded yet
        network = job.runner.network
        job.stop()
        assert network.stops == 1


class TestSimulations:
    def test_keep_what_is_there(self, series):
        assert [record.kept for record in run_all(series)] == [False, False]
        first, second = (record for record in run_all(series) if record.kept)
        assert (first.header["SIMSEED"], second.header["SIMSEED"]) == (3_000_000, 3_000_001)
        assert series.made == ["frame_00000.fits", "frame_00001.fits"]

    def test_make_a_damaged_file_again(self, series):
        record, _ = run_all(series)
        record.path.write_bytes(record.path.read_bytes()[:-2880])
        assert [record.kept for record in run_all(series)] == [False, True]

    @pytest.mark.parametrize(
        ("keyword", "reason"), [("SIMRECIP", "SIMRECIP is bumpy, not flat"), ("FLAT", "it has no FLAT")]
    )
    def test_refuse_a_file_of_another_series_unless_it_may_be_replaced(self, series, keyword, reason):
        record, _ = run_all(series)
        with fits.open(record.path, mode="update") as hdus:
            if keyword == "SIMRECIP":
                hdus[0].header[keyword] = "bumpy"
            else:
                del hdus[0].header[keyword]
            for name in ("CHECKSUM", "DATASUM"):
                del hdus[0].header[name]
        with pytest.raises(OutputError, match=f"is another frame: {reason}; use --overwrite"):
            series.run(Location(record.path))
        series.overwrite = True
        assert not series.run(Location(record.path)).kept

    def test_write_nothing_once_stopped(self, series):
        series.stop()
        with pytest.raises(SkysieveError, match="stopped before it was written"):
            series.run(series.units()[0])
        assert not series.folder.exists()

    def test_take_their_time(self, series):
        assert all(record.seconds > 0 for record in run_all(series))
