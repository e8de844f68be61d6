"""Commands run to their end, with the wall time and the peak memory that the system saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SKYSIEVE", "Finished", "plain_environment", "run_measured"]

SKYSIEVE = Path(sys.executable).with_name("skysieve")
"""The command of the environment that runs the benchmarks."""

# The peak that the system tells of a process includes that of the process which started it, as it was then.
# So a bare interpreter of a few MB starts what is measured.
LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
with open(sys.argv[1], "w") as file:
    used, code = usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)
    json.dump([seconds, usage.ru_maxrss, used, code], file)
"""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
TAIL = 2000


@dataclass(frozen=True)
class Finished:
    """A command that ended well.

    Attributes
    ----------
    seconds
        From before its process was made until after it had ended.
    peak_mb
        Largest resident memory of it or of a process that it started, in 10^6 bytes.
    processor_seconds
        Time on processors.
    output
        What it printed.
    """

    seconds: float
    peak_mb: float
    processor_seconds: float
    output: str


def plain_environment() -> dict[str, str]:
    """Return this process's variables without those that would lead Python to other packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run_measured(
    command: Sequence[object], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command cold, in a process of its own.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Folder to run it in.
    environment
        Variables besides those of this process.

    Raises
    ------
    RuntimeError
        If it fails; the message has the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as name:
        report, log = Path(name) / "report.json", Path(name) / "log"
        words = [str(word) for word in command]
        with log.open("wb") as output:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(report), *words],
                cwd=folder,
                env={**plain_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        text = log.read_text(encoding="utf-8", errors="replace")
        if not report.exists():
            raise RuntimeError(f"{words[0]} could not be started:\n{text[-TAIL:]}")
        seconds, peak, processor_seconds, code = json.loads(report.read_text())
    if code != 0:
        raise RuntimeError(f"{' '.join(words)}\nended with {code}:\n{text[-TAIL:]}")
    return Finished(seconds, peak * RSS_UNIT / 1e6, processor_seconds, text)
