"""Commands on a Dask cluster of this machine: products and messages are those of one process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.cli.command import failure, leftovers, sky, write
from tests.cli.many_files import OUT, needs_proc, starting, write_frames

from skysieve.core.execution.manifest import read_manifest
from skysieve.core.fits.fits_integrity import is_intact

pytest.importorskip("distributed")

FILES = 12


@pytest.fixture
def frames(tmp_path):
    return write_frames(tmp_path, FILES)


@pytest.fixture
def start(frames, pixel_model):
    """Start the command on all frames, on two worker processes."""
    with starting(frames, pixel_model) as start:
        yield lambda *options: start("--dask", "local:2", *options)


def workers(parent):
    """Return the processes of the workers of a command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@needs_proc
def test_a_process_that_is_killed_costs_nothing(start, frames):
    process = start("--manifest", "m.parquet")
    process.stdout.readline()
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    rows = list(read_manifest(frames / "m.parquet"))
    assert [row["status"] for row in rows] == ["done"] * FILES
    assert all(is_intact(frames / OUT / f"{number:02}.mask.fits") for number in range(FILES))


def test_an_interrupt_leaves_whole_files_only(start, frames):
    process = start()
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "skysieve: interrupted; finished files are kept\n"
    products = list((frames / OUT).glob("*.fits"))
    assert 0 < len(products) <= FILES
    assert all(is_intact(path) for path in products)


def test_a_failing_file_is_named_and_the_others_are_done(run, tmp_path, mean_model):
    for name in "ac":
        write(tmp_path / f"{name}.fits", sky())
    (tmp_path / "b.fits").write_bytes(b"SIMPLE  = nothing of the kind")
    result = run("track", ".", "--dask", "local:1", "--model", mean_model)
    assert result.code == 1
    assert [line.split(" ")[0] for line in result.out.splitlines()] == ["a.fits", "c.fits"]
    assert result.err.splitlines()[1] == "skysieve: 1 failed, 2 done; failed:"
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dask", "somewhere"), "--dask somewhere: expected tcp://host:8786"),
        (("--dask", "local:2", "-j", "2"), "--jobs 2 does not go with --dask"),
    ],
)
def test_a_wrong_address_is_one_line(run, tmp_path, pixel_model, options, message):
    write(tmp_path / "a.fits", sky())
    assert message in failure(run("mask", "a.fits", "--model", pixel_model, *options))
