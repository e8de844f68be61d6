"""Builder of the reports of all evaluations: one page in Markdown, tables as ECSV, figures as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.evaluation.machine import machine_facts
from skysieve.core.evaluation.tables import rows_to_ecsv, to_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PAGE", "ReportBuilder"]

PAGE = "report.md"
"""File name of the page."""


class ReportBuilder:
    """Collects the paragraphs of a page, and the tables and figures beside it.

    Parameters
    ----------
    title
        Heading of the page.
    command
        Command line that reproduces the report.
    facts
        Further facts for the reader, by name; those of the machine are added.
    """

    def __init__(self, title: str, *, command: str, facts: Mapping[str, str]) -> None:
        facts = {**facts, **machine_facts()}
        self._meta = {"command": command, **facts}
        self._files: dict[str, bytes] = {}
        self._text = [f"# {title}\n", f"```console\n$ {command}\n```\n"]
        self._text.append("\n".join(f"- {name}: {value}" for name, value in facts.items()) + "\n")

    def add(self, *paragraphs: str) -> None:
        """Add paragraphs to the page.

        Parameters
        ----------
        *paragraphs
            Markdown; each ends with a new line.
        """
        self._text += paragraphs

    def add_heading(self, text: str, *, level: int = 2) -> None:
        """Add a heading to the page.

        Parameters
        ----------
        text
            The heading.
        level
            Its level; the title has level 1.
        """
        self.add(f"{'#' * level} {text}\n")

    def add_table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table to the page.

        Parameters
        ----------
        header, rows
            Cells as text.
        """
        self.add(to_markdown(header, rows))

    def add_figure(self, name: str, content: bytes, *, title: str | None = None) -> None:
        """Add a figure to the page, and its file.

        Parameters
        ----------
        name
            File name.
        content
            A PNG file.
        title
            Text in place of the figure; by default the file name.
        """
        self._files[name] = content
        self.add(f"![{title or name}]({name})\n")

    def add_file(
        self,
        name: str,
        rows: Sequence[Mapping[str, object]],
        *,
        columns: Sequence[str] = (),
        units: Mapping[str, str] | None = None,
    ) -> None:
        """Add a table as an ECSV file; its metadata are the command and the facts.

        Parameters
        ----------
        name
            File name.
        rows
            Values by column; missing ones become NaN.
        columns
            Names of the columns, for tables that may have no rows; by default all that a row has.
        units
            Units of numeric columns, by name; dimensionless by default.
        """
        text = rows_to_ecsv(rows, columns=columns, units=units or {}, meta=self._meta)
        self._files[name] = text.encode()

    def files(self) -> dict[str, bytes]:
        """Return the files of the report.

        Returns
        -------
        dict
            Content by file name, with the page.
        """
        return {**self._files, PAGE: "\n".join(self._text).encode()}
