"""Files to which rows are appended during a run: what is in them survives the death of the process."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from skysieve.core.errors import OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["RowFile", "read_rows"]


class RowFile:
    """Text file with one JSON object a line, open to append rows.

    Parameters
    ----------
    path
        The file; created if it does not exist.

    Raises
    ------
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream: IO[bytes] = path.open("ab", buffering=0)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error

    def append(self, row: Mapping[str, Any]) -> None:
        """Append a row at once, in one call of the system.

        Parameters
        ----------
        row
            Values by name, of types that JSON keeps.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        try:
            self._stream.write(json.dumps(row).encode("ascii") + b"\n")
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file.

    Parameters
    ----------
    path
        The file; the last line may be cut off.

    Yields
    ------
    dict
        Values by name.

    Raises
    ------
    SourceError
        If the file cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    return  # the process died in this line
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no row")  # noqa: TRY004, TRY301 (as of JSON)
                yield row
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); remove it to do its files again") from error
