"""Tables of what the headers of many frames say."""

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
    """A column.

    Attributes
    ----------
    name
        Its name.
    keyword
        Header card that gives its values.
    description
        What it means, in a few words.
    unit
        As Astropy writes it; None for what has none.
    missing
        Value where a header has no such card.
    """

    name: str
    keyword: str
    description: str
    unit: str | None = None
    missing: HeaderValue = float("nan")


def header_table(headers: Sequence[Mapping[str, HeaderValue]], columns: Sequence[Column]) -> QTable:
    """Return a table with a row for each header.

    Columns that no header has a card for are left out.
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
