"""Lists of frames: text files with one location a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skysieve.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_list"]

_COMMENT = re.compile(r"(?:^|\s)#.*")
_BINARY_PROBE = 65536


def read_list(path: Path) -> list[tuple[int, str]]:
    """Return the entries of a list with their line numbers.

    Blank lines and comments are left out; a comment starts with ``#`` at the
    beginning of the line or after a blank, so that a name may contain one.

    Raises
    ------
    SourceError
        If the list is missing, unreadable, not a text in UTF-8, or has no entry.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_BINARY_PROBE)
            # A frame given for a list is recognised before gigabytes are read.
            if not _looks_binary(content):
                content += stream.read()
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


def _looks_binary(content: bytes) -> bool:
    """Say whether this is no text; a FITS header is text, but no list."""
    return b"\0" in content or content.startswith(b"SIMPLE  =")
