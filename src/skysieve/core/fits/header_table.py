"""Tables of the header values of many frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from astropy.table import QTable

    from skysieve.core.fits.cards import HeaderValue

__all__ = ["Column", "file_table"]


@dataclass(frozen=True)
class Column:
    """One column of a table of header values.

    Attributes
    ----------
    name
        Name of the column.
    keyword
        Header keyword of its values.
    description
        Meaning, in a few words.
    unit
        Unit in astropy's notation; None for values without a unit.
    missing
        Value for headers without the keyword.
    """

    name: str
    keyword: str
    description: str
    unit: str | None = None
    missing: HeaderValue = float("nan")


class DescribedFile(Protocol):
    """A file, and the header that describes it."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def header(self) -> Mapping[str, HeaderValue]:
        """Header values by keyword."""
        ...


def file_table(files: Sequence[DescribedFile], columns: Sequence[Column], *, what: str = "frame") -> QTable:
    """Return a table with one row per file: its name, and values of its header.

    Columns whose keyword no header has are left out.

    Parameters
    ----------
    files
        Files with their headers.
    columns
        Columns of the table.
    what
        What each file holds, for the description of its column.

    Returns
    -------
    astropy.table.QTable
        The table.
    """
    from astropy import units
    from astropy.table import QTable

    table = QTable()
    table["file"] = [one.path.name for one in files]
    table["file"].info.description = f"file of the {what}"
    headers = [one.header for one in files]
    for column in columns:
        if not any(column.keyword in header for header in headers):
            continue
        values = [header.get(column.keyword, column.missing) for header in headers]
        table[column.name] = values if column.unit is None else values * units.Unit(column.unit)
        table[column.name].info.description = column.description
    return table
