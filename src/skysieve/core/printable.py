"""Safe printing of untrusted text, such as file names and header values, on one line of a terminal."""

from __future__ import annotations

import sys

__all__ = ["one_line", "print_error", "printable"]

MAX_LENGTH = 1000
"""Maximum number of characters of a message; a longer one loses its middle."""

_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""Range of the surrogates in which Python stores bytes of a file name that are not UTF-8 (PEP 383)."""


def printable(name: object) -> str:
    r"""Return a text with non-printable and control characters as escapes.

    Parameters
    ----------
    name
        Text, or an object to be converted to text.

    Returns
    -------
    str
        Printable text.

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
    r"""Return a message as one printable line of limited length.

    Parameters
    ----------
    message
        Text, or an object to be converted to text.

    Returns
    -------
    str
        At most :data:`MAX_LENGTH` characters.

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
    """Write a line to standard error in a single call.

    ``print`` writes the newline separately, so that a log message of another thread could come between.

    Parameters
    ----------
    line
        Text without newline.
    """
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _escaped(character: str) -> str:
    number = ord(character)
    if _FIRST_BYTE <= number <= _LAST_BYTE:
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
