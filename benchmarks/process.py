"""Run commands and measure their wall time and peak memory."""

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

# The peak memory that the system reports for a process includes that of its parent at the time of the start.
# So a bare interpreter of a few MB starts the measured command.
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
    """A command that ended without an error.

    Attributes
    ----------
    seconds
        Wall time from before the start of the process until after its end.
    peak_mb
        Largest resident memory of the process or of one of its children, in 10^6 bytes.
    processor_seconds
        Processor time.
    output
        Printed output.
    """

    seconds: float
    peak_mb: float
    processor_seconds: float
    output: str


def plain_environment() -> dict[str, str]:
    """Return the environment variables of this process without those that Python reads."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run_measured(
    command: Sequence[object], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command in a new process and measure it.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Folder to run it in.
    environment
        Further environment variables.

    Returns
    -------
    Finished
        Times, memory and output.

    Raises
    ------
    RuntimeError
        If the command fails; the message has the end of its output.
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
