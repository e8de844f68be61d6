"""Results of the benchmarks and their pages: JSON with the measurements, Markdown made from it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "Bar",
    "Cell",
    "Context",
    "Result",
    "Table",
    "value_text",
    "write_log",
    "write_overview",
    "write_result",
]

Cell = str | int | float | None

SIGNS = {">=": "≥", "<=": "≤"}
MARKS = {True: "met", False: "**missed**", None: "not measured"}
BAR_FORMATS = {"%": ".5f", "MB": ".0f"}
"""Formats of values by their unit; others have four digits."""


@dataclass(frozen=True)
class Bar:
    """A figure and the limit that it must reach.

    Attributes
    ----------
    figure
        Name of the measured quantity.
    sense, limit
        The limit, and on which side of it the value must lie.
    value
        Measured value; None if it could not be measured on this machine.
    unit
        Unit of value and limit.
    remark
        Short note on how the value was measured, or why it was not.
    """

    figure: str
    sense: Literal[">=", "<="]
    limit: float
    value: float | None
    unit: str = ""
    remark: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the value satisfies the limit; None if it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.sense == ">=" else self.value <= self.limit


@dataclass(frozen=True)
class Table:
    """A table of results.

    Attributes
    ----------
    title
        Heading.
    columns
        Name of each column and the format of its numbers, as ``".2f"``; empty for words.
    rows
        Cells of each row, one per column; None where there is no value.
    text
        Explanation of the columns, where their names do not suffice.
    """

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[Cell, ...]]
    text: str = ""


@dataclass(frozen=True)
class Result:
    """Result of one part of the benchmarks.

    Attributes
    ----------
    title
        Heading of its page.
    method
        How it was measured, in one paragraph.
    bars
        Figures with a limit.
    tables
        All other results.
    remarks
        Explanations, a paragraph each.
    """

    title: str
    method: str
    bars: list[Bar] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """Date, machine and software versions of a result.

    Attributes
    ----------
    part, command, date, seconds
        Name of the part, the command that ran it, its date, and its duration in seconds.
    machine, versions, peer_versions
        Properties of the machine, versions of our packages, and those of the published tools, by name.
    """

    part: str
    command: str
    date: str
    seconds: float
    machine: dict[str, str]
    versions: dict[str, str]
    peer_versions: dict[str, str]


def write_result(result: Result, context: Context, folder: Path) -> list[Path]:
    """Write ``PART.json``, and ``PART.md`` made from it.

    Parameters
    ----------
    result
        The result.
    context
        Its part, date, machine and versions.
    folder
        Folder of the results.

    Returns
    -------
    list of Path
        Both files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = _without_nan({**asdict(context), **asdict(result)})
    for bar, entry in zip(result.bars, content["bars"], strict=True):
        entry["met"] = bar.met
    data, page = folder / f"{context.part}.json", folder / f"{context.part}.md"
    data.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(_page(content), encoding="utf-8")
    return [data, page]


def write_overview(folder: Path, parts: list[str]) -> Path:
    """Write ``README.md``: figures compared with other tools and people, and the topic of each page.

    Parameters
    ----------
    folder
        Folder of the results.
    parts
        Names of the parts, in their order.

    Returns
    -------
    Path
        The page.
    """
    contents = _read_all(folder, parts)
    rows = [
        row for content in contents for bar in content["bars"] if (row := _compared(content["part"], bar))
    ]
    lines = [
        "# Results",
        "",
        "Performance of Skysieve, compared with other tools for the same tasks and with people. Each page",
        "describes the data, the method and the interval of its figures. Simulated frames come from our own",
        "simulator, for cameras that no network was trained on.",
        "",
        "## Comparison with other tools and people",
        "",
        *_grid(("figure", "Skysieve", "compared with", "their value", "page"), rows),
        "",
        "Precision, recall and average precision: higher is better. `a / b` is the ratio of their times.",
        "",
        "## Pages",
        "",
        *_grid(
            ("page", "what it measures"),
            [(f"[{content['part']}]({content['part']}.md)", content["title"]) for content in contents],
        ),
        "",
        "Written by `python benchmarks/run.py` from the JSON files here. `benchmarks/acceptance.md`",
        "lists the limit of each figure, and whether the figure satisfies it.",
    ]
    return _written(folder / "README.md", lines)


def write_log(folder: Path, parts: list[str], path: Path) -> Path:
    """Write the list of all figures with a limit, and whether they satisfy it.

    Parameters
    ----------
    folder
        Folder of the results.
    parts
        Names of the parts, in their order.
    path
        File of the list.

    Returns
    -------
    Path
        The list.
    """
    contents = _read_all(folder, parts)
    bars = [(content, bar) for content in contents for bar in content["bars"]]
    counts = {mark: sum(bar["met"] is state for _, bar in bars) for state, mark in MARKS.items()}
    rows = [(content["part"], *_bar_cells(bar), content["date"][:10]) for content, bar in bars]
    lines = [
        "# Limits of the figures",
        "",
        "Written by `python benchmarks/run.py` from the JSON files in `docs/results`.",
        "",
        f"Of {len(bars)} figures: "
        + ", ".join(f"{count} {mark.strip('*')}" for mark, count in counts.items())
        + ".",
        "",
        *_grid(("page", "figure", "must be", "is", "", "date"), rows),
    ]
    return _written(path, lines)


def _read_all(folder: Path, parts: list[str]) -> list[dict[str, Any]]:
    found = [folder / f"{part}.json" for part in parts]
    return [json.loads(path.read_text(encoding="utf-8")) for path in found if path.exists()]


def _written(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


def _compared(part: str, bar: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the row of a figure that is compared with another tool or with people; None for others."""
    if bar["value"] is None:
        return None
    page, unit = f"[{part}]({part}.md)", bar["unit"]
    shown = value_text(bar["value"], unit)
    if match := re.fullmatch(r"limit: (?:the upper end of )?([\w-]+)'s", bar["remark"]):
        figure = re.sub(r",? (?:of )?skysieve\b", "", bar["figure"])
        return figure, shown, match[1], value_text(bar["limit"], unit), page
    if match := re.fullmatch(r"mean of people ([\d.]+)", bar["remark"]):
        return bar["figure"], shown, "people", match[1], page
    if unit == "×" and " / " in bar["figure"]:
        return bar["figure"], shown, "", "", page
    return None


def _page(content: dict[str, Any]) -> str:
    lines = [f"# {content['title']}", "", content["method"], ""]
    if content["bars"]:
        lines += _grid(("figure", "must be", "is", ""), [_bar_cells(bar) for bar in content["bars"]])
        lines.append("")
    for table in content["tables"]:
        lines += [f"## {table['title']}", ""]
        if table["text"]:
            lines += [table["text"], ""]
        formats = [form for _, form in table["columns"]]
        rows = [
            tuple(_text(cell, form) for cell, form in zip(row, formats, strict=True)) for row in table["rows"]
        ]
        lines += [*_grid(tuple(name for name, _ in table["columns"]), rows), ""]
    for remark in content["remarks"]:
        lines += [remark, ""]
    lines += ["## Where this was measured", ""]
    lines.append(
        f"Printed by `{content['command']}` on {content['date']}, in {content['seconds']:.0f} s, "
        f"together with `{content['part']}.json`."
    )
    lines += ["", *(f"- {name}: {value}" for name, value in content["machine"].items())]
    for owner, key in (("here", "versions"), ("of the published tools", "peer_versions")):
        if content[key]:
            packages = ", ".join(f"{name} {version}" for name, version in content[key].items())
            lines.append(f"- packages {owner}: {packages}")
    return "\n".join(lines).rstrip() + "\n"


def value_text(value: float | None, unit: str) -> str:
    """Return a value with its unit, in the format of the pages and the terminal."""
    return "–" if value is None else f"{value:{BAR_FORMATS.get(unit, '.4g')}} {unit}".rstrip()


def _bar_cells(bar: dict[str, Any]) -> tuple[str, ...]:
    unit = f" {bar['unit']}" if bar["unit"] else ""
    remark = f" ({bar['remark']})" if bar["remark"] else ""
    value = value_text(bar["value"], bar["unit"])
    return (
        f"{bar['figure']}{remark}",
        f"{SIGNS[bar['sense']]} {bar['limit']:g}{unit}",
        value,
        MARKS[bar["met"]],
    )


def _text(cell: Cell, form: str) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else format(cell, form)


def _grid(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [names, tuple("---" for _ in names), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _without_nan(value: Any) -> Any:
    """Return the value with None for every number that JSON cannot hold (NaN and infinities)."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
