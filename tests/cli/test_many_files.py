"""Many files in one run: several processes, failures among them, dead processes, interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.command import leftovers, sky, write
from tests.cli.many_files import OUT, needs_proc, starting, write_frames

from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.temporaries import temporary_beside

FILES = 24


@pytest.fixture
def frames(tmp_path):
    return write_frames(tmp_path, FILES)


@pytest.fixture
def start(frames, pixel_model):
    """Start the installed command on all frames."""
    with starting(frames, pixel_model) as start:
        yield start


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_failing_file_is_named_at_the_end_and_the_others_are_done(run, tmp_path, pixel_model, jobs):
    for name in "abcd":
        write(tmp_path / f"{name}.fits", sky())
    for name in "bd":
        (tmp_path / f"{name}.fits").write_bytes(b"SIMPLE  = nothing of the kind")
    result = run("mask", ".", "-j", jobs, "-o", "out/", "--model", pixel_model)
    assert result.code == 1
    assert [line.split(" ")[0] for line in result.out.splitlines() if "->" in line] == ["a.fits", "c.fits"]
    lines = result.err.splitlines()
    assert [line.split(":")[2].strip() for line in lines[:2]] == ["b.fits", "d.fits"]
    assert lines[2] == "skysieve: 2 failed, 2 done; failed:"
    assert [line.split(":")[0] for line in lines[3:]] == ["  b.fits", "  d.fits"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mask.fits", "c.mask.fits"]


def test_what_fails_for_all_is_said_once(run, tmp_path, pixel_model):
    for name in "abc":
        write(tmp_path / f"{name}.fits", sky())
    result = run("mask", ".", "-j", 2, "--model", pixel_model, "--prior", "CR=2")
    assert (result.code, result.err) == (1, "skysieve: error: prior of CR: 2.0 is not between 0 and 1\n")


@pytest.mark.slow
@needs_proc
def test_a_process_that_is_killed_costs_nothing(start, frames):
    process = start("-j", "2")
    os.kill(_wait_for_workers(process, 2)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.count("->") == FILES
    assert all(is_intact(frames / OUT / f"{number:02}.mask.fits") for number in range(FILES))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_leaves_whole_files_only(start, frames, jobs):
    process = start("-j", str(jobs))
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "skysieve: interrupted; finished files are kept\n"
    products = list((frames / OUT).glob("*.fits"))
    assert 0 < len(products) < FILES
    assert all(is_intact(path) for path in products)
    assert not leftovers(frames)


@pytest.mark.parametrize(
    ("jobs", "number", "everywhere"),
    [(1, signal.SIGTERM, False), (2, signal.SIGTERM, False), (2, signal.SIGHUP, True)],
)
def test_the_signals_of_systems_end_a_run_as_cleanly(start, frames, jobs, number, everywhere):
    """A batch system sends them to all processes or to the first one, a closed terminal to all."""
    process = start("-j", str(jobs), "--table", "t.ecsv")
    process.stdout.readline()
    (os.killpg if everywhere else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err == "skysieve: interrupted; finished files are kept\n"
    products = list((frames / OUT).glob("*.fits"))
    assert 0 < len(products) < FILES
    assert all(is_intact(path) for path in products)
    assert (frames / "t.ecsv").exists()
    assert not leftovers(frames)


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_interrupts_are_as_one(start, frames, jobs):
    process = start("-j", str(jobs))
    process.stdout.readline()
    for _ in range(4):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "skysieve: interrupted; finished files are kept\n"
    assert not leftovers(frames)


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_processes_end_soon_after_the_one_that_began_them(start, frames, number):
    process = start("-j", "2")
    process.stdout.readline()
    workers = _wait_for_workers(process, 2)
    os.kill(process.pid, number)
    process.wait(timeout=60)
    deadline = time.monotonic() + 60
    while any(_is_running(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert all(is_intact(path) for path in (frames / OUT).glob("*.fits"))
    assert not leftovers(frames / OUT)


@pytest.mark.slow
@needs_proc
def test_a_process_that_is_told_to_end_by_the_system_costs_nothing(start, frames):
    process = start("-j", "2")
    os.kill(_wait_for_workers(process, 2)[0], signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.count("->") == FILES
    assert not leftovers(frames)


@needs_proc
def test_an_interrupt_while_processes_start_is_as_quiet(start, frames):
    process = start("-j", "2")
    _wait_for_workers(process, 1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "skysieve: interrupted; finished files are kept\n"
    assert not leftovers(frames)


def test_an_interrupted_run_can_be_resumed(start, frames):
    process = start("--table", "t.ecsv")
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    before = {path: path.stat().st_mtime_ns for path in (frames / OUT).iterdir()}
    again = start("--resume", "--table", "t.ecsv")
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert out.startswith(f"{len(before)} of {FILES} files are done already\n")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((frames / OUT).iterdir())) == FILES


def _wait_for_workers(process, count):
    """Wait until the command has started so many processes for its work, and return their numbers."""
    deadline = time.monotonic() + 60
    while len(workers := _workers(process.pid)) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return workers


def _is_running(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _workers(parent):
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # the name stands in parentheses, and may hold any character
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_what_a_killed_run_left_half_written_is_removed_even_where_nothing_is_left_to_do(start, frames, run):
    assert start().communicate(timeout=60)[1] == ""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with temporary_beside(frames / OUT / "00.mask.fits") as path:
        name = path.name.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    (frames / OUT / name).write_bytes(b"half")
    result = run("mask", ".", "-o", f"{OUT}/", "--resume")
    assert result.out == f"{FILES} of {FILES} files are done already\n"
    assert not leftovers(frames)
