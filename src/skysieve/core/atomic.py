"""Files that are there whole or not at all."""

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
    """Give a temporary path to write to, and put the file in place when the block ends well.

    The temporary file lies in the same folder, hidden, and ends as the final name does, so that writers
    which choose the format by it choose the same. After any error, an interrupt included, it is removed
    and the old file is as it was; what writers left that were killed is removed by the next one in that
    folder. A symbolic link is written through.

    Parameters
    ----------
    path
        Where the file shall be; missing folders are made.
    overwrite
        Whether a file that is already there may be replaced.

    Yields
    ------
    Path
        The temporary path. The block must create the file, and close it.

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
            # Again: another worker may have written the same name meanwhile.
            check_target(path, overwrite=overwrite)
            temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error


def check_target(path: Path, *, overwrite: bool) -> None:
    """Make sure, before work is done for it, that a file may be written here.

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
    # Before the rename: else a crash of the machine could leave the new name with no content.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    """Return what went wrong, and what to do, on one line."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a part of its path is a file, not a folder; choose another"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; make room, or choose another place"
    if error.strerror:
        return f"{error.strerror}; choose another place"
    # NumPy and Astropy report a write that broke off without saying why, the latter more than once.
    first, _, _ = " ".join(str(error).split()).partition(". ")
    return f"{first or type(error).__name__}; is there room on the disk?"
