"""Lists of frames: text files with one location per line, and CSV files with a column ``file``."""

from __future__ import annotations

import csv
import io
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
_TABLE_ENDING, _TABLE_COLUMN = ".csv", "file"
_BINARY_PROBE = 65536
_MAX_BYTES = 2**26
_OF_THIS_PROCESS = re.compile(r"/dev/stdin|/dev/fd/\d+|/proc/(self|\d+)/fd/\d+")


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return the entries of a list with their line numbers.

    Blank lines and comments are skipped. A comment starts with ``#`` at the beginning of the line or after
    whitespace, so that a name may contain a ``#``.

    A file whose name ends in ``.csv`` is a table, such as the verdicts that a report saves. The entries are
    those of its column ``file``, each once; its first line names the columns.

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
        If the list is missing, unreadable, endless, not UTF-8 text, or has no entry; or a table has no column
        ``file``.
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
    if path.suffix.lower() == _TABLE_ENDING:
        return _table_entries(text, path)
    lines = (
        (number, _COMMENT.sub("", line).strip()) for number, line in enumerate(text.split("\n"), start=1)
    )
    entries = [(number, line) for number, line in lines if line]
    if not entries:
        raise SourceError(f"{path}: the list is empty; write one file name a line")
    return entries


def _table_entries(text: str, path: Path) -> list[tuple[int, str]]:
    """Return the files in a table, with the line of each."""
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if _TABLE_COLUMN not in (rows.fieldnames or ()):
            raise SourceError(
                f"{path}: its first line names no column {_TABLE_COLUMN!r}; a table of files needs it"
            )
        entries: dict[str, int] = {}
        for row in rows:
            name = (row[_TABLE_COLUMN] or "").strip()
            if name:
                entries.setdefault(name, rows.line_num)
    except csv.Error as error:
        raise SourceError(f"{path}: is no table that can be read ({error})") from error
    if not entries:
        raise SourceError(f"{path}: the table has no files; note a verdict before you save it")
    return [(number, name) for name, number in entries.items()]


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
