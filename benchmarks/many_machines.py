"""Measure what a run on many machines costs besides the work itself: ``python benchmarks/many_machines.py``.

Prints the seconds and bytes that each unit takes on a Dask cluster of this machine, and the time and memory
of a list of 100,000 exposures.
"""

from __future__ import annotations

import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path

from skysieve.core.execution.dask_executor import run_on_dask
from skysieve.core.execution.dask_worker import Work
from skysieve.core.execution.manifest import DONE, Manifest, ManifestHeader, manifest_path
from skysieve.core.execution.merging import find_manifests, merge_manifests
from skysieve.core.execution.run_identity import identify_run
from skysieve.core.execution.shards import Shard, list_id
from skysieve.core.fits.locations import listed_locations, parse_location
from skysieve.frames.mask.job import MaskJob

EXPOSURES = 100_000
SHARDS = 1000
UNITS = 3000


class Empty:
    """A job that does nothing."""

    def check(self) -> None:
        """Do nothing."""

    def prepare(self, *, workers: int) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def run(self, unit: int) -> int:
        """Return the unit."""
        return unit


def main() -> None:
    """Print all figures."""
    for processes in (1, 2):
        _measure_dask(processes)
    job = MaskJob()
    unit = parse_location("/survey/raw/20260101/c4d_260101_000000_ooi_r_v1.fits.fz")
    message = len(pickle.dumps((Work(job, None, workers=1), unit)))
    print(f"a unit of `mask` on its way to a worker: {message / 1e3:.1f} kB")
    with tempfile.TemporaryDirectory() as folder:
        _measure_list(Path(folder), job)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory at most: {memory / (1e6 if sys.platform == 'darwin' else 1e3):.0f} MB")


def _measure_dask(processes: int) -> None:
    start, first = time.perf_counter(), 0.0
    for number, _ in enumerate(run_on_dask(Empty(), range(UNITS), f"local:{processes}")):
        if number == 0:
            first = time.perf_counter()
    seconds = time.perf_counter() - first
    each = 1e3 * seconds / (UNITS - 1)
    print(f"Dask, {processes} processes: {first - start:.1f} s to begin, then {each:.2f} ms a unit")


def _measure_list(folder: Path, job: MaskJob) -> None:
    names = [f"/survey/raw/{n // 500:05}/c4d_{n:06}_ooi_r_v1.fits.fz" for n in range(EXPOSURES)]
    (folder / "list").write_text("\n".join(names), encoding="utf-8")
    start = time.perf_counter()
    units = listed_locations(folder / "list")
    read = time.perf_counter()
    whole = list_id(units)
    shard = Shard(1, SHARDS).of(units)
    print(
        f"a list of {EXPOSURES} exposures: {read - start:.2f} s to read it, "
        f"{time.perf_counter() - read:.2f} s to find shard 1/{SHARDS} with {len(shard)} of them"
    )
    fractions = dict.fromkeys((*job.settings.classes, "bad"), 0.001)
    run = identify_run("mask", job)
    start = time.perf_counter()
    for number in range(1, SHARDS + 1):
        part = Shard(number, SHARDS)
        paths = names[number - 1 :: SHARDS]
        header = ManifestHeader(run, whole, EXPOSURES, part)
        manifest = Manifest(manifest_path(folder / "m", part), header, paths, overwrite=False, resume=False)
        for path in paths:
            values = {"product": f"masks{path}", "checksum": 64 * "0", "bytes": 10**7, "seconds": 60.0}
            manifest.add(path, DONE, **values, **fractions)
        manifest.close()
    written = time.perf_counter()
    merge_manifests(*find_manifests([folder / "m"]), folder / "survey.parquet")
    merged = time.perf_counter() - written
    size = (folder / "survey.parquet").stat().st_size
    print(f"manifests: {1e3 * (written - start) / EXPOSURES:.2f} ms an exposure")
    print(f"`skysieve merge` of {SHARDS} manifests: {merged:.1f} s, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
