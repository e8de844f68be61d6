"""Tables that a report takes in: tracking probabilities, and failures of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.errors import SourceError
from skysieve.core.execution.manifest import FAILED, ROWS_ENDING, ManifestHeader, read_manifest
from skysieve.core.printable import one_line
from skysieve.core.tables.row_files import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.frames.report.entries import FrameEntry

__all__ = ["Tracking", "read_failures", "read_tracking"]

_NEEDED = ("file", "hdu", "plane", "probability")


class Tracking:
    """Tracking probabilities of frames.

    Parameters
    ----------
    rows
        File, HDU, plane and probability of each frame.
    """

    def __init__(self, rows: Iterable[tuple[str, int, int, float]]) -> None:
        self._by_path: dict[tuple[str, int, int], float] = {}
        self._by_name: dict[tuple[str, int, int], float | None] = {}
        for file, hdu, plane, probability in rows:
            self._by_path[str(Path(file).resolve()), hdu, plane] = probability
            named = (Path(file).name, hdu, plane)
            # a name that two folders have stands for neither
            self._by_name[named] = None if named in self._by_name else probability

    def added_to(self, entry: FrameEntry) -> FrameEntry:
        """Return a frame with its probability.

        Parameters
        ----------
        entry
            The frame.

        Returns
        -------
        FrameEntry
            The frame, unchanged if it is not in the table.
        """
        place = (entry.hdu, entry.plane)
        name = (Path(entry.file).name, *place)
        return replace(entry, tracking=self._by_path.get((entry.file, *place), self._by_name.get(name)))


def read_tracking(path: Path) -> Tracking:
    """Read a table of tracking probabilities.

    Parameters
    ----------
    path
        Table of ``skysieve track -o``, ECSV or Parquet by its name.

    Returns
    -------
    Tracking
        The probabilities.

    Raises
    ------
    SourceError
        If it cannot be read, or is no such table.
    """
    from astropy.table import Table

    form = "parquet" if path.suffix.lower() == ".parquet" else "ascii.ecsv"
    try:
        table = Table.read(path, format=form)
        columns = [list(table[name]) for name in _NEEDED]
        rows = [(str(f), int(h), int(p), float(value)) for f, h, p, value in zip(*columns, strict=True)]
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such table; check the name") from error
    except ModuleNotFoundError:
        raise
    except Exception as error:  # astropy raises many kinds of errors for damaged tables
        raise SourceError(
            f"{path}: is no table of tracking probabilities ({one_line(error)}); "
            "give one that `skysieve track -o` wrote"
        ) from error
    return Tracking(rows)


def read_failures(path: Path) -> list[str]:
    """Return the files that failed in a run, and why.

    Parameters
    ----------
    path
        Manifest of the run, or the rows of one that was cut off.

    Returns
    -------
    list of str
        One line for each file.

    Raises
    ------
    SourceError
        If it cannot be read, or is no manifest.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such manifest; check the name")
    ManifestHeader.read(path)
    rows = read_rows(path) if path.name.endswith(ROWS_ENDING) else read_manifest(path)
    return [
        one_line(f"{row['path']}: {row.get('error') or 'failed'}")
        for row in rows
        if row.get("status") == FAILED
    ]
