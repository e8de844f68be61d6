"""Options shared by several verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from skysieve.core.documents import read_text
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.models.network import Engine, Precision

__all__ = [
    "HDU",
    "BatchSize",
    "Debug",
    "Device",
    "EngineOption",
    "Jobs",
    "MaskBits",
    "MaskHDU",
    "Names",
    "Normalisation",
    "NormalisationOption",
    "Overwrite",
    "Paths",
    "PrecisionOption",
    "Quiet",
    "Threads",
    "parse_assignments",
    "parse_hdu",
    "read_names",
]


Normalisation = Literal["corrected", "published"]
"""Variants of the normalisation."""

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="FITS files, `file.fits[2]`, `file.fits[SCI,1]`, folders, globs, `.list` files, `@list`; "
        "`-` for a list from standard input.",
        show_default=False,
    ),
]
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
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        min=1,
        help="Maximum number of tiles in one call of the network; chosen automatically by default.",
        show_default=False,
        rich_help_panel="Speed",
    ),
]
NormalisationOption = Annotated[
    Normalisation,
    typer.Option(
        "--normalisation",
        help="published: as MaxiMask, including its defects, for comparison.",
        rich_help_panel="Comparison with the published tools",
    ),
]
MaskHDU = Annotated[
    str | None,
    typer.Option(
        "--mask-hdu",
        metavar="HDU",
        help="Image HDU of the same file, by number or name, that flags pixels without data; `none` "
        "ignores the mask of a CCDData.",
        show_default=False,
    ),
]
MaskBits = Annotated[
    str | None,
    typer.Option(
        "--mask-bits",
        metavar="PLANES",
        help="Bits of that mask that flag pixels without data, by name or value (`BAD,SAT` or `1,2`), or "
        "`any`; by default those of its header or pipeline.",
        show_default=False,
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

HDU = int | str


def parse_hdu(text: str | None) -> HDU | None:
    """Read the value of an option that names an HDU.

    Parameters
    ----------
    text
        The value; None if the option is not given.

    Returns
    -------
    int, str or None
        Number or name of the HDU.
    """
    if text is None:
        return None
    return int(text) if text.isdecimal() else text


def parse_assignments(option: str, texts: list[str]) -> dict[str, float]:
    """Read ``NAME=VALUE`` options.

    Parameters
    ----------
    option
        Name of the option, for the error message.
    texts
        Its values.

    Returns
    -------
    dict of str to float
        The values by name.

    Raises
    ------
    ConfigError
        If a value has another form.

    Examples
    --------
    >>> parse_assignments("--prior", ["CR=5e-4"])
    {'CR': 0.0005}
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise ConfigError(f"{option} {text!r}: expected NAME=VALUE with a number, as CR=5e-4")
    return values


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
