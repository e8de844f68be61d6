"""Temporary files and folders beside their targets, and the removal of stale ones.

A process that is killed cannot remove its temporary file.  So the file name identifies the process, and each
later writer removes the files of dead processes from the folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["remove_own_temporaries", "sweep_temporaries", "temporary_beside"]

MAX_AGE = 86400.0
"""Age in seconds at which a temporary file of another machine is removed.

Its process cannot be checked from here.
"""

_NAME = re.compile(
    r"\.skysieve-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-(?P<began>\d+)-[0-9a-f]{8}-.*", re.DOTALL
)
# File systems allow 255 bytes in a name, and the identification of the writer takes some of them
_MAX_NAME_BYTES = 100

_own: set[Path] = set()
"""Temporary paths that this process uses now."""

_swept: set[Path] = set()
"""Folders from which this process has removed stale files."""


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Yield a path beside a target for a temporary file or folder, and remove it at the end.

    The name is hidden and ends as the target does.  The first call for a folder removes stale files from it.

    Parameters
    ----------
    target
        Final path; its folder must exist.

    Yields
    ------
    Path
        A path that does not exist yet; it is removed when the block ends, unless it was renamed.
    """
    folder = target.parent
    if folder not in _swept:
        _swept.add(folder)
        sweep_temporaries(folder)
    process = os.getpid()
    writer = f".skysieve-{_machine()}-{process}-{_start_time(process) or 0}"
    path = folder / f"{writer}-{secrets.token_hex(4)}-{_end_of(target.name)}"
    _own.add(path)
    try:
        yield path
    finally:
        _remove(path)
        _own.discard(path)


def sweep_temporaries(folder: Path) -> int:
    """Remove the temporary files and folders of dead processes.

    Those of other machines are kept for a day.  Failures to remove are ignored.

    Parameters
    ----------
    folder
        Folder to search, without subfolders.

    Returns
    -------
    int
        Number of stale files and folders.
    """
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is not None and _is_dead(match, entry):
                _remove(Path(entry.path))
                removed += 1
    return removed


def remove_own_temporaries() -> None:
    """Remove all temporary files of this process; for an exit that does not finish open blocks."""
    for path in list(_own):
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_dead(match: re.Match[str], entry: os.DirEntry[str]) -> bool:
    """Return whether the writer of a temporary file is certainly dead."""
    if match["machine"] != _machine():
        try:
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > MAX_AGE
        except OSError:
            return False
    process, began = int(match["process"]), int(match["began"])
    if not _is_running(process):
        return True
    # Process numbers are reused
    start = _start_time(process)
    return bool(began and start) and began != start


@cache
def _machine() -> str:
    """Return an identifier of this machine or container among those that write to the same disk."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    if sys.platform == "win32":
        return _is_running_in_windows(process)
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # process of another user
        return True
    state = _state(process)
    return state is None or state[0] not in "ZX"  # a zombie writes nothing


def _is_running_in_windows(process: int) -> bool:
    import ctypes

    query, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query, False, process)
    if not handle:
        return bool(kernel.GetLastError() == 5)  # access denied: process of another user
    code = ctypes.c_ulong()
    try:
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)


def _start_time(process: int) -> int | None:
    """Return the start of a process, in clock ticks since boot; None if unknown."""
    state = _state(process)
    return None if state is None else int(state[19])


def _state(process: int) -> list[str] | None:
    """Return the fields of ``/proc/PID/stat``, from ``state`` on; None if unavailable."""
    try:
        # The name is in parentheses and may contain any character
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _end_of(name: str) -> str:
    """Return the end of a name, so short that the identification of the writer fits."""
    while len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = name[1:]
    return name
