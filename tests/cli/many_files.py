"""A run on many files in a process group of its own, as a terminal would start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.command import sky, write

OUT = "out-of-the-way" * 16
"""A folder with so long a name that the lines about all files do not fit into a pipe."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to find processes in")


def write_frames(folder, count):
    """Write small frames, 00.fits and so on."""
    for number in range(count):
        write(folder / f"{number:02}.fits", sky(number % 8, (200, 200)))
    return folder


@contextmanager
def starting(folder, model):
    """Yield a function that starts `skysieve mask` on all frames of a folder; what still runs is killed.

    The command waits until its lines are read, so that it cannot end before it is interrupted.
    """
    fcntl = pytest.importorskip("fcntl")
    started = []

    def start(*options):
        words = ["mask", ".", "-o", f"{OUT}/", "--model", str(model), *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "skysieve", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
