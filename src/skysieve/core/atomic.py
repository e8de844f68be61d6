"""Atomic writing of files: a file is complete or does not exist."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.errors import OutputError
from skysieve.core.temporaries import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_write", "check_target"]


@contextmanager
def atomic_write(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Write a file atomically: yield a temporary path, and rename it when the block ends without error.

    The temporary file is hidden and in the same folder. Its name has the same ending as the final one, so
    that writers that choose the format by the suffix choose the same. After any error or interrupt the
    temporary file is removed and the old file is unchanged. The next writer in the folder removes the
    temporary files of killed processes. If `path` is a symbolic link, its target is written.

    Parameters
    ----------
    path
        Final path; missing folders are created.
    overwrite
        Whether an existing file may be replaced.

    Yields
    ------
    Path
        The temporary path. The block must create the file and close it.

    Raises
    ------
    OutputError
        If `path` exists and `overwrite` is False, is a folder or a device, or cannot be written.
    """
    check_target(path, overwrite=overwrite)
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(target) as temporary:
            yield temporary
            _flush_to_disk(temporary)
            # Check again: another worker may have written the same name meanwhile.
            check_target(path, overwrite=overwrite)
            temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error


def check_target(path: Path, *, overwrite: bool) -> None:
    """Check that a file may be written, before the work for it begins.

    Parameters
    ----------
    path
        Path of the file.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If `path` exists and `overwrite` is False, or is a folder or a device.
    """
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
        if not path.exists():
            return
        if not path.is_file():
            raise OutputError(f"cannot write {path}: it is not a regular file")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error
    if not overwrite:
        raise OutputError(f"{path} exists; use --overwrite or another --output")


def _flush_to_disk(path: Path) -> None:
    # Needed before the rename: otherwise a crash of the machine could leave an empty file.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    """Return the cause and the remedy on one line."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a part of its path is a file, not a folder; choose another"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; make room, or choose another place"
    if error.strerror:
        return f"{error.strerror}; choose another place"
    # NumPy and Astropy report an incomplete write without its cause; Astropy repeats the message.
    first, _, _ = " ".join(str(error).split()).partition(". ")
    return f"{first or type(error).__name__}; is there room on the disk?"
