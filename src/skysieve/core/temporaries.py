"""Temporary files and folders beside what they shall become, and the removal of those whose writer is dead.

A writer that is killed cannot remove its temporary file.  So the name tells who writes it, and each later
writer removes what dead ones left in the folder.
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
"""Seconds after which a temporary file of another machine, which cannot be asked for its writer, is swept."""

_NAME = re.compile(
    r"\.skysieve-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-(?P<began>\d+)-[0-9a-f]{8}-.*", re.DOTALL
)
# File systems allow 255 bytes in a name; what identifies the writer takes some.
_MAX_NAME_BYTES = 100

_own: set[Path] = set()
"""What this process writes now."""

_swept: set[Path] = set()
"""Folders in which this process has removed what dead writers left."""


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Give a path in the folder of a target for a temporary file or folder, which is removed at the end.

    It is hidden, and ends as the target does.  The first one in a folder removes what dead writers left.

    Parameters
    ----------
    target
        What the temporary one shall become; its folder exists.

    Yields
    ------
    Path
        Nothing is there yet; whatever is there when the block ends is removed.
    """
    folder = target.parent
    if folder not in _swept:
        _swept.add(folder)
        sweep_temporaries(folder)
    process = os.getpid()
    writer = f".skysieve-{_machine()}-{process}-{_beginning(process) or 0}"
    path = folder / f"{writer}-{secrets.token_hex(4)}-{_end_of(target.name)}"
    _own.add(path)
    try:
        yield path
    finally:
        _remove(path)
        _own.discard(path)


def sweep_temporaries(folder: Path) -> int:
    """Remove the temporary files and folders whose writer is dead, and return how many there were.

    Those of other machines are left alone for a day.  What cannot be removed stays, without an error.
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
    """Remove all that this process has not put in place; for an end that lets no block finish."""
    for path in list(_own):
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_dead(match: re.Match[str], entry: os.DirEntry[str]) -> bool:
    """Tell whether the writer of a temporary file is dead, for sure."""
    if match["machine"] != _machine():
        try:
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > MAX_AGE
        except OSError:
            return False
    process, began = int(match["process"]), int(match["began"])
    if not _is_running(process):
        return True
    # Numbers of processes are used again
    beginning = _beginning(process)
    return bool(began and beginning) and began != beginning


@cache
def _machine() -> str:
    """Return what tells this machine from others that write to the same disk, containers included."""
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
    except PermissionError:  # somebody else's
        return True
    state = _state(process)
    return state is None or state[0] not in "ZX"  # one that ended, but was not asked how, writes nothing


def _is_running_in_windows(process: int) -> bool:
    import ctypes

    query, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query, False, process)
    if not handle:
        return bool(kernel.GetLastError() == 5)  # access denied: somebody else's
    code = ctypes.c_ulong()
    try:
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)


def _beginning(process: int) -> int | None:
    """Return when a process began, in ticks since the system did; None where that is not told."""
    state = _state(process)
    return None if state is None else int(state[19])


def _state(process: int) -> list[str] | None:
    """Return what Linux tells of a process, from the field ``state`` on."""
    try:
        # the name stands in parentheses, and may hold any character
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _end_of(name: str) -> str:
    """Return the last characters of a name, as many as leave room for who writes it."""
    while len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = name[1:]
    return name
