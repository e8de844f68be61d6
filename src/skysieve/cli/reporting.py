"""What the evaluations print: the command that runs, and their progress."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command_line", "counter", "printer"]


def command_line() -> str:
    """Return the command that runs, as one would type it.

    Returns
    -------
    str
        The command.
    """
    return shlex.join(["skysieve", *sys.argv[1:]])


def printer(*, quiet: bool) -> Callable[[str], None]:
    """Return a function that prints progress lines.

    Parameters
    ----------
    quiet
        Whether it prints nothing.

    Returns
    -------
    callable
        Prints a line.
    """
    return (lambda _line: None) if quiet else (lambda line: print(line, flush=True))


def counter(*, quiet: bool) -> Callable[[str], None]:
    """Return a function that shows progress on one line of a terminal.

    Parameters
    ----------
    quiet
        Whether it shows nothing.

    Returns
    -------
    callable
        Shows a text in place of the last one; an empty text clears the line.
    """
    if quiet or not sys.stderr.isatty():
        return lambda _text: None
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
