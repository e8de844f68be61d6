"""Options shared by several verbs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from skysieve.core.documents import read_text
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.models.network import Engine, Precision
from skysieve.core.settings import setting

__all__ = [
    "Debug",
    "Device",
    "EngineOption",
    "Jobs",
    "Messages",
    "Names",
    "Overwrite",
    "Paths",
    "PrecisionOption",
    "Quiet",
    "Run",
    "Threads",
    "Writing",
    "read_names",
]


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="FITS files, `file.fits[2]`, `file.fits[SCI,1]`, folders, globs, `.list` files, `@list`; "
        "`-` for a list from standard input.",
        show_default=False,
    ),
]
"""None only with ``--files-from``."""
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing products.")]
Jobs = Annotated[
    int, typer.Option("-j", "--jobs", min=1, help="Number of processes; each needs its own memory.")
]
EngineOption = Annotated[Engine, typer.Option("--engine", help="Inference engine.", rich_help_panel="Speed")]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="auto: bf16 on CPUs with native support if decisions agree, otherwise f32.",
        rich_help_panel="Speed",
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="cpu, cuda or cuda:N.", metavar="DEVICE", rich_help_panel="Speed")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Number of CPU threads; default all.",
        show_default=False,
        rich_help_panel="Speed",
    ),
]
Names = Annotated[
    Path | None,
    typer.Option(
        "--names",
        metavar="FILE",
        help="Use only the images named in this file, one per line.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Stop at the first error and show its traceback.")]


@dataclass(frozen=True, kw_only=True)
class Overwriting:
    """Whether products may be replaced.

    Attributes
    ----------
    overwrite
        Replace existing products.
    """

    overwrite: bool = setting(False, "--overwrite")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """How many units of work run at a time.

    Attributes
    ----------
    jobs
        Number of processes; each needs its own memory.
    """

    jobs: int = setting(1, "-j", "--jobs", minimum=1)


@dataclass(frozen=True, kw_only=True)
class Messages:
    """What a command prints.

    Attributes
    ----------
    quiet
        Print errors only.
    debug
        Stop at the first error and show its traceback.
    """

    quiet: bool = setting(False, "-q", "--quiet")
    debug: bool = setting(False, "--debug")


@dataclass(frozen=True, kw_only=True)
class Writing(Messages, Overwriting):
    """Options of commands that write products."""


@dataclass(frozen=True, kw_only=True)
class Run(Messages, Processes, Overwriting):
    """Options of commands that write products, in several processes."""


def read_names(path: Path) -> list[str]:
    """Read names from a text file, one per line.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of str
        The names, without empty lines.

    Raises
    ------
    ConfigError
        If the file has no names.
    SourceError
        If the file cannot be read.
    """
    try:
        lines = read_text(path, error=SourceError, limit=2**26).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read; give a text file with one name a line") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise ConfigError(f"{path}: has no name; give a text file with one name a line")
    return names
