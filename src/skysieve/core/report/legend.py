"""Legend of a preview: colours, their meaning, and the fraction of the frame that they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skysieve.core.report.text import BRIGHT, DIM, FAINT, draw_text, font, shorten, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import ImageDraw

__all__ = ["Entry", "draw_legend", "legend_height", "percent"]

_SIZE = 15
_LINE = 26
_SWATCH = 14
_PAD = 12
_BETWEEN = 44
_OUTLINE = "#5a636f"


@dataclass(frozen=True)
class Entry:
    """A line of the legend.

    Attributes
    ----------
    name, colour, description
        Abbreviation, colour as ``#rrggbb``, and meaning of the plane.
    fraction
        Fraction of the frame that the plane covers, 0 to 1.
    """

    name: str
    colour: str
    description: str
    fraction: float


def percent(fraction: float) -> str:
    """Format a fraction as a percentage.

    Parameters
    ----------
    fraction
        From 0 to 1.

    Returns
    -------
    str
        Percentage with two or three significant digits.

    Examples
    --------
    >>> [percent(part) for part in (1.0, 0.4242, 0.012345, 0.00012345, 2e-9)]
    ['100 %', '42.4 %', '1.23 %', '0.012 %', '<0.0001 %']
    """
    value = 100 * fraction
    if value < 1e-4:
        return "<0.0001 %" if value else "0 %"
    for minimum, decimals in ((99.95, 0), (9.995, 1), (0.0995, 2), (0.00995, 3)):
        if value >= minimum:
            return f"{value:.{decimals}f} %"
    return f"{value:.4f} %"


def legend_height(entries: Sequence[Entry], width: int) -> int:
    """Return the height of the legend.

    Parameters
    ----------
    entries
        Lines of the legend.
    width
        Available width in pixels.

    Returns
    -------
    int
        Height in pixels.
    """
    found = [entry for entry in entries if entry.fraction]
    rows = -(-len(found) // _columns(found, width))
    return _LINE * (rows + (len(found) < len(entries)))


def draw_legend(
    draw: ImageDraw.ImageDraw, entries: Sequence[Entry], corner: tuple[int, int], width: int
) -> None:
    """Draw the legend.

    Planes with pixels are listed column by column, with colour, name, percentage and description. The last
    line has the names of the other planes.

    Parameters
    ----------
    draw
        Picture to draw on.
    entries
        Lines of the legend.
    corner
        ``(x, y)`` of the upper left corner, in pixels.
    width
        Available width in pixels.
    """
    left, top = corner
    found = [entry for entry in entries if entry.fraction]
    columns = _columns(found, width)
    rows = -(-len(found) // columns)
    name_width, part_width, _ = _widths(found)
    column_width = (width + _BETWEEN) // columns
    for index, entry in enumerate(found):
        column, row = divmod(index, rows)
        x = left + column * column_width
        y = top + row * _LINE + _LINE // 2
        half = _SWATCH // 2
        draw.rounded_rectangle((x, y - half, x + _SWATCH, y + half), 3, fill=entry.colour, outline=_OUTLINE)
        x_name = x + _SWATCH + _PAD
        x_part = x_name + name_width + _PAD + part_width
        x_description = x_part + _PAD + 4
        room = x + column_width - _BETWEEN - x_description
        draw_text(draw, (x_name, y), entry.name, size=_SIZE, colour=BRIGHT)
        draw_text(draw, (x_part, y), percent(entry.fraction), size=_SIZE, colour=BRIGHT, anchor="rm")
        draw_text(
            draw, (x_description, y), shorten(entry.description, font(_SIZE), room), size=_SIZE, colour=DIM
        )
    absent = [entry.name for entry in entries if not entry.fraction]
    if absent:
        text = shorten(f"absent: {', '.join(absent)}", font(_SIZE), width)
        draw_text(draw, (left, top + rows * _LINE + _LINE // 2), text, size=_SIZE, colour=FAINT)


def _widths(entries: Sequence[Entry]) -> tuple[int, int, int]:
    """Return the widths of the widest name, percentage and description."""
    face = font(_SIZE)
    names = max((text_width(entry.name, face) for entry in entries), default=0)
    parts = max((text_width(percent(entry.fraction), face) for entry in entries), default=0)
    descriptions = max((text_width(entry.description, face) for entry in entries), default=0)
    return names, parts, descriptions


def _columns(entries: Sequence[Entry], width: int) -> int:
    if not entries:
        return 1
    entry_width = _SWATCH + sum(_widths(entries)) + 3 * _PAD + 4
    return max(1, min(len(entries), (width + _BETWEEN) // (entry_width + _BETWEEN)))
