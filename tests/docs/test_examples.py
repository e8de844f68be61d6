"""The templates for batch systems run as their comments say, on files one of which is damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import run_in, sky, write

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = 6
SHARDS = 3

pytest.importorskip("pyarrow")


@pytest.fixture
def night(tmp_path):
    """Six frames, one of them damaged, their list, and a command `skysieve` of this installation."""
    for number in range(FILES):
        write(tmp_path / "raw" / f"{number}.fits", sky(number))
    (tmp_path / "raw" / "3.fits").write_bytes(b"SIMPLE  = nothing")
    (tmp_path / "night.txt").write_text("".join(f"raw/{number}.fits\n" for number in range(FILES)))
    command = tmp_path / "bin" / "skysieve"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skysieve "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(folder, *command, **variables):
    path = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, **variables}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
class TestSlurm:
    def task(self, folder, number, **variables):
        words = ("bash", EXAMPLES / "slurm-array.sh", "night.txt", "masks", "manifests")
        return run(folder, *words, SLURM_ARRAY_TASK_ID=str(number), **variables)

    def test_all_tasks_do_the_list(self, night):
        count = {"SLURM_ARRAY_TASK_COUNT": str(SHARDS)}
        done = [self.task(night, number, **count) for number in range(1, SHARDS + 1)]
        assert sorted(one.returncode for one in done) == [0, 0, 1]
        assert sum("raw/3.fits: the header of HDU 0" in one.stderr for one in done) == 1
        merged = run_in(night, "merge", "manifests", "-o", "night.parquet")
        assert merged.out == f"{SHARDS} of {SHARDS} shards, 6 files: 5 done, 1 failed\ntable: night.parquet\n"
        assert len(list((night / "masks").iterdir())) == FILES - 1
        # once more, with the damaged file repaired, for its shard alone
        write(night / "raw" / "3.fits", sky(3))
        number = next(number for number, one in enumerate(done, 1) if one.returncode)
        assert self.task(night, number, SHARDS=str(SHARDS)).returncode == 0
        merged = run_in(night, "merge", "manifests", "-o", "night.parquet", "--overwrite")
        assert merged.code == 0
        assert merged.out.startswith(f"{SHARDS} of {SHARDS} shards, 6 files: 6 done\n")

    def test_outside_of_an_array_it_says_so(self, night):
        done = self.task(night, 1)
        assert done.returncode == 1
        assert "run it as an array job" in done.stderr


@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
def test_snakemake_goes_on_past_a_damaged_file(night):
    words = ("snakemake", "--snakefile", EXAMPLES / "Snakefile", "--cores", "1", "--config", "shards=2")
    done = run(night, *words)
    assert done.returncode == 0, done.stderr
    assert (night / "night.parquet").exists()
    assert len(list((night / "masks").iterdir())) == FILES - 1


def test_the_snakemake_workflow_names_options_that_exist():
    from skysieve.core.execution.shards import Shard

    text = (EXAMPLES / "Snakefile").read_text(encoding="utf-8")
    assert Shard(3, 10).stem == "shard-0003-of-0010"
    assert 'f"manifests/shard-{{number}}-of-{SHARDS:04d}.parquet"' in text
