"""Any text on one line of a terminal: names and values come from other people's disks and headers."""

from __future__ import annotations

import sys

__all__ = ["one_line", "print_error", "printable"]

MAX_LENGTH = 1000
"""Characters of a message, at most; of a longer one the beginning and the end are shown."""

_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""How Python holds bytes of a name that are no UTF-8 (PEP 383)."""


def printable(name: object) -> str:
    r"""Return a name with all that a terminal would not show, or would obey, written as an escape.

    Examples
    --------
    >>> print(printable("a\x1b[31m b\n.fits"))
    a\x1b[31m b\n.fits
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def one_line(message: object) -> str:
    r"""Return a message on one printable line, of moderate length.

    Examples
    --------
    >>> print(one_line("no memory\n  for \x1b[1mthis"))
    no memory for \x1b[1mthis
    """
    line = printable(" ".join(str(message).split()))
    if len(line) <= MAX_LENGTH:
        return line
    end = MAX_LENGTH // 3
    return f"{line[: MAX_LENGTH - end - 5]} ... {line[-end:]}"


def print_error(line: str) -> None:
    """Write a line to standard error in one piece.

    ``print`` writes the end of a line by itself, and a message that another thread logs at that moment would
    come between.

    Parameters
    ----------
    line
        Text without its end.
    """
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _escaped(character: str) -> str:
    number = ord(character)
    if _FIRST_BYTE <= number <= _LAST_BYTE:
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
