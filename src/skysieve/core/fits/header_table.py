"""Tables of the header values of many frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import QTable

    from skysieve.core.fits.cards import HeaderValue

__all__ = ["Column", "header_table"]


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


def header_table(headers: Sequence[Mapping[str, HeaderValue]], columns: Sequence[Column]) -> QTable:
    """Return a table with one row per header.

    Columns whose keyword no header has are left out.

    Parameters
    ----------
    headers
        Header values by keyword, one mapping per row.
    columns
        Columns of the table.

    Returns
    -------
    astropy.table.QTable
        The table.
    """
    from astropy import units
    from astropy.table import QTable

    table = QTable()
    for column in columns:
        if not any(column.keyword in header for header in headers):
            continue
        values = [header.get(column.keyword, column.missing) for header in headers]
        table[column.name] = values if column.unit is None else values * units.Unit(column.unit)
        table[column.name].info.description = column.description
    return table
