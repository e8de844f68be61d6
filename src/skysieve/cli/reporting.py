"""What the evaluations share: the folder of the report, its files, and the command that made it."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from skysieve.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["check_output", "command_line", "counter", "printer", "write_report"]

REPORT = "report.md"


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


def check_output(output: Path, *, overwrite: bool) -> None:
    """Check, before an evaluation of hours, that the report can be drawn and written.

    Parameters
    ----------
    output
        Folder of the report.
    overwrite
        Whether an existing report may be replaced.

    Raises
    ------
    OutputError
        If the folder is a file, or holds a report that may not be replaced.
    ConfigError
        If Matplotlib is not installed.
    """
    from skysieve.core.atomic import check_target
    from skysieve.core.evaluation.curves import check_matplotlib

    if output.exists() and not output.is_dir():
        raise OutputError(f"cannot write {output}: it is a file; name a folder")
    check_target(output / REPORT, overwrite=overwrite)
    check_matplotlib()


def write_report(output: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a report; the page that shows the others is written last.

    Parameters
    ----------
    output
        Folder of the report.
    files
        Content of each file, by name.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    from skysieve.core.atomic import atomic_write

    for name in sorted(files, key=lambda name: name == REPORT):
        with atomic_write(output / name, overwrite=True) as temporary:
            temporary.write_bytes(files[name])
    print(f"report: {output / REPORT}")
