"""Commands as processes that may be killed, and what they leave behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.tally import Ended

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Command", "temporary_files"]

MOST_MEMORY = 12 * 2**30
"""Bytes of address space of a command: what wants more fails, instead of the machine."""


class Command:
    """``skysieve`` with some arguments, in a session of its own.

    Its lines go to files: what it leaves running could keep pipes open.
    """

    def __init__(self, arguments: Sequence[object], folder: Path, *, most_file: int | None = None) -> None:
        self.folder = folder
        self._most_file = most_file
        logs = folder.with_name(f"{folder.name}.log")
        self._out, self._err = logs.with_suffix(".out"), logs.with_suffix(".err")
        words = [sys.executable, "-m", "skysieve", *map(str, arguments)]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=self._limit,  # noqa: PLW1509 (this process has no threads)
                env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
            )

    def _limit(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        if self._most_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._most_file, self._most_file))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def listening(self) -> bool:
        """Whether it has come so far that it takes signals itself."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return True
        caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    def members(self) -> list[int]:
        """Return the processes of the session that are not the command itself, dead ones left out."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue
            if (
                int(session) == self.process.pid
                and state not in "ZX"
                and int(folder.name) != self.process.pid
            ):
                found.append(int(folder.name))
        return found

    def workers(self) -> list[int]:
        """Return the processes that do units of work."""
        found = []
        for member in self.members():
            try:
                line = Path(f"/proc/{member}/cmdline").read_bytes()
            except OSError:
                continue
            if b"spawn_main" in line:
                found.append(member)
        return found

    def wait(self, limit: float) -> Ended:
        """Wait until it has ended; kill it and all its processes after so many seconds."""
        try:
            code: int | None = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return Ended(code, self._text(self._out), self._text(self._err))

    def orphans(self, limit: float) -> int:
        """Return how many processes it left that live longer than so many seconds, and kill them."""
        end = time.monotonic() + limit
        while (left := self.members()) and time.monotonic() < end:
            time.sleep(0.05)
        for member in left:
            os.kill(member, signal.SIGKILL)
        return len(left)

    def _text(self, path: Path) -> str:
        return path.read_bytes().decode("utf-8", "replace")


def temporary_files(folder: Path) -> list[str]:
    """Return the hidden files below a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]
