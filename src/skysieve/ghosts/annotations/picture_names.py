"""Lists of the pictures to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.documents import read_text
from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_picture_names"]


def read_picture_names(path: Path) -> list[str]:
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
