"""Temporary files: those of dead writers are removed, those of living ones never."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skysieve.core import temporaries
from skysieve.core.atomic import atomic_write
from skysieve.core.temporaries import remove_own_temporaries, sweep_temporaries, temporary_beside

WRITER = """
import sys, time
from pathlib import Path
from skysieve.core.temporaries import temporary_beside
with temporary_beside(Path(sys.argv[1])) as path:
    path.mkdir() if sys.argv[2] == "folder" else path.write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """Start a process that writes something and never comes to its end."""
    started = []

    def start(kind="file"):
        words = [sys.executable, "-c", WRITER, str(tmp_path / "mask.fits"), kind]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_left_is_removed(writer, tmp_path, kind):
    process = writer(kind)
    assert sweep_temporaries(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 1
    process.kill()
    process.wait()
    assert sweep_temporaries(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell of such processes")
def test_a_killed_writer_that_nobody_asked_how_it_ended_is_dead(writer, tmp_path):
    process = writer()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert sweep_temporaries(tmp_path) == 1


def test_the_next_writer_in_a_folder_removes_what_dead_ones_left(writer, tmp_path):
    process = writer()
    process.kill()
    process.wait()
    with atomic_write(tmp_path / "other.fits", overwrite=False) as temporary:
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["other.fits"]


def test_own_ones_are_left_alone_until_all_of_them_are_to_go(tmp_path):
    with temporary_beside(tmp_path / "a") as first, temporary_beside(tmp_path / "b") as second:
        first.touch()
        second.mkdir()
        assert sweep_temporaries(tmp_path) == 0
        remove_own_temporaries()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell when one began")
def test_a_process_that_got_the_number_of_a_dead_writer_is_another(tmp_path):
    with temporary_beside(tmp_path / "a") as path:
        match = re.fullmatch(r"(\.skysieve-\w+-\d+-)\d+(-.*)", path.name)
    assert match is not None
    (tmp_path / f"{match[1]}7{match[2]}").touch()
    assert sweep_temporaries(tmp_path) == 1


def test_those_of_another_machine_are_left_alone_for_a_day(tmp_path, monkeypatch):
    with temporary_beside(tmp_path / "a") as path:
        name = path.name
    monkeypatch.setattr(temporaries, "_machine", lambda: "0" * 8)
    (tmp_path / name).touch()
    assert sweep_temporaries(tmp_path) == 0
    yesterday = (tmp_path / name).stat().st_mtime - 2 * temporaries.MAX_AGE
    os.utime(tmp_path / name, (yesterday, yesterday))
    assert sweep_temporaries(tmp_path) == 1


@pytest.mark.parametrize("name", [".skysieve", ".hidden.fits", ".skysieve-a.txt", "a.fits", ".1-2-a.fits"])
def test_other_files_are_nobodys_business(tmp_path, name):
    (tmp_path / name).touch()
    assert sweep_temporaries(tmp_path) == 0
    assert sweep_temporaries(tmp_path / "nowhere") == 0
    assert (tmp_path / name).exists()
