"""Lists of frames: text files with one location per line."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import IO

from skysieve.core.errors import SourceError

__all__ = ["STANDARD_INPUT", "read_list"]

STANDARD_INPUT = Path("-")
"""Path that stands for the standard input."""

_COMMENT = re.compile(r"(?:^|\s)#.*")
_BINARY_PROBE = 65536
_MAX_BYTES = 2**26
_OF_THIS_PROCESS = re.compile(r"/dev/stdin|/dev/fd/\d+|/proc/(self|\d+)/fd/\d+")


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return the entries of a list with their line numbers.

    Blank lines and comments are skipped. A comment starts with ``#`` at the beginning of the line or after
    whitespace, so that a name may contain a ``#``.

    Parameters
    ----------
    path
        The file; :data:`STANDARD_INPUT` for the standard input. Named pipes and devices are refused, except
        those that a shell opens for this process, such as ``/dev/stdin`` and ``/dev/fd/63`` (which
        ``<(command)`` becomes).

    Returns
    -------
    list of (int, str)
        Line number, from 1, and text of each entry.

    Raises
    ------
    SourceError
        If the list is missing, unreadable, endless, not UTF-8 text, or has no entry.
    """
    try:
        content = _content(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such list; check the name") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{path}: the list cannot be read ({reason})") from error
    if _looks_binary(content):
        raise SourceError(f"{path}: a binary file, not a list; a list has one file name a line")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 text (at byte {error.start}), so it is no list") from error
    lines = (
        (number, _COMMENT.sub("", line).strip()) for number, line in enumerate(text.split("\n"), start=1)
    )
    entries = [(number, line) for number, line in lines if line]
    if not entries:
        raise SourceError(f"{path}: the list is empty; write one file name a line")
    return entries


def _content(path: Path) -> bytes:
    """Return the bytes of a list, or the first bytes of a binary file."""
    if path == STANDARD_INPUT:
        return _read(sys.stdin.buffer, path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if _OF_THIS_PROCESS.fullmatch(str(path)):
        flags &= ~getattr(os, "O_NONBLOCK", 0)  # wait for the other process to write
    with open(os.open(path, flags), "rb") as stream:  # noqa: PTH123 (a descriptor)
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode) and not _OF_THIS_PROCESS.fullmatch(str(path)):
            raise SourceError(f"{path}: is no regular file; write the list into a file, or give it by '-'")
        return _read(stream, path)


def _read(stream: IO[bytes], path: Path) -> bytes:
    content = stream.read(_BINARY_PROBE)
    # Detect a frame given instead of a list before reading gigabytes.
    if not _looks_binary(content):
        content += stream.read(_MAX_BYTES)
        if stream.read(1):
            raise SourceError(f"{path}: has more than {_MAX_BYTES} bytes; split the list")
    return content


def _looks_binary(content: bytes) -> bool:
    """Check whether the content is not text; a FITS header is text, but not a list."""
    return b"\0" in content or content.startswith(b"SIMPLE  =")
