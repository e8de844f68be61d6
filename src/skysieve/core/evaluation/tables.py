"""Tables as Markdown, as text for a terminal, and as ECSV."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.core.evaluation.bootstrap import Estimate

__all__ = [
    "format_difference",
    "format_estimate",
    "format_number",
    "rows_to_ecsv",
    "to_ecsv",
    "to_markdown",
    "to_text",
]


def format_estimate(estimate: Estimate, *, signed: bool = False) -> str:
    """Format a value with its 68 % interval.

    Parameters
    ----------
    estimate
        The value.
    signed
        Whether to show a plus sign.

    Returns
    -------
    str
        Four decimals; a dash if the value is not finite.

    Examples
    --------
    >>> from skysieve.core.evaluation.bootstrap import Estimate
    >>> format_estimate(Estimate(0.5, np.array([0.49, 0.51])))
    '0.5000 (0.4932–0.5068)'
    """
    if not np.isfinite(estimate.value):
        return "–"
    sign = "+" if signed else ""
    low, high = estimate.interval
    value = f"{estimate.value:{sign}.4f}"
    return value if not np.isfinite(low) else f"{value} ({low:{sign}.4f}–{high:{sign}.4f})"


def format_number(value: float) -> str:
    """Format a number.

    Parameters
    ----------
    value
        The number.

    Returns
    -------
    str
        Four decimals; a dash if the number is not finite.
    """
    return f"{value:.4f}" if np.isfinite(value) else "–"


def format_difference(value: float, low: float, high: float) -> str:
    """Format a difference with the limits of its interval.

    Parameters
    ----------
    value, low, high
        The difference, and the limits.

    Returns
    -------
    str
        Four decimals each, with signs.
    """
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def to_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns except the first are right-aligned.

    Parameters
    ----------
    header, rows
        Cells as text.

    Returns
    -------
    str
        Lines of the table.
    """
    lines = [f"| {' | '.join(header)} |", f"|{'---|' + '---:|' * (len(header) - 1)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def to_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal; all columns except the first are right-aligned.

    Parameters
    ----------
    header, rows
        Cells as text.

    Returns
    -------
    str
        Lines of the table.

    Examples
    --------
    >>> print(to_text(["class", "px"], [["CR", "12"], ["TRL", "4"]]), end="")
    class  px
    CR     12
    TRL     4
    """
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    aligned = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(aligned) + "\n"


def to_ecsv(
    columns: Mapping[str, Sequence[object]], *, units: Mapping[str, str], meta: Mapping[str, object]
) -> str:
    """Return a table as ECSV.

    Parameters
    ----------
    columns
        Values by name of the column, all of the same length.
    units
        Units of numeric columns, by name; dimensionless by default.
    meta
        Metadata of the table.

    Returns
    -------
    str
        Text of the ECSV file.
    """
    from astropy.table import Table

    table = Table(meta=dict(meta))
    for name, values in columns.items():
        table[name] = np.asarray(values)
        if table[name].dtype.kind in "iuf":
            table[name].unit = units.get(name, "")
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def rows_to_ecsv(
    rows: Sequence[Mapping[str, object]],
    *,
    columns: Sequence[str] = (),
    units: Mapping[str, str],
    meta: Mapping[str, object],
) -> str:
    """Return a table as ECSV, from its rows.

    Parameters
    ----------
    rows
        Values by column; missing ones become NaN.
    columns
        Names of the columns; by default all that a row has.
    units, meta
        See :func:`to_ecsv`.

    Returns
    -------
    str
        Text of the ECSV file.
    """
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    content = {name: [row.get(name, np.nan) for row in rows] for name in names}
    return to_ecsv(content, units=units, meta=meta)
