"""What a training asks of the machine that it runs on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from skysieve.core.training.memory import keep_freed_memory
from skysieve.core.training.processors import default_workers, use_all_processors


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_freed_memory_can_be_kept():
    assert keep_freed_memory()


def test_elsewhere_memory_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="of Linux")
def test_processes_use_the_processors_that_the_training_was_started_on():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        use_all_processors()
        assert os.sched_getaffinity(0) == before
    finally:
        os.sched_setaffinity(0, before)


def test_each_processor_simulates(monkeypatch):
    for allowed, workers in (({0}, 1), ({0, 1}, 2), (set(range(16)), 16)):
        monkeypatch.setattr("skysieve.core.training.processors.ALLOWED", frozenset(allowed))
        assert default_workers() == workers


@pytest.mark.skipif(not hasattr(os, "nice"), reason="of Unix")
def test_worker_processes_have_low_priority():
    code = "import os; from skysieve.core.training import processors; "
    code += "processors.lower_priority(); print(os.nice(0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "19\n"


def test_processors_are_counted_before_torch_comes():
    """It may bind the process to one of them."""
    code = "import sys, skysieve.core.training.processors; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
