"""A contact sheet of misses: true ghosts beside detected ones, and the reasons of the differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from skysieve.core.report.text import BACKGROUND, BRIGHT, DIM, FAINT, draw_text, font, shorten
from skysieve.ghosts.classes import CLASSES, find_class
from skysieve.ghosts.predict.preview import overlay_ghosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.evaluate.misses import Miss

__all__ = ["MissPanel", "draw_miss_sheet"]

COLUMNS = 3

_MARGIN, _GAP, _BETWEEN, _HEADER, _LINE = 24, 20, 4, 64, 17
_BRIGHTER = 1.5
_FILL = 0.25


@dataclass(frozen=True, eq=False)
class MissPanel:
    """One picture of the sheet.

    Attributes
    ----------
    name
        Name of its file.
    pixels
        ``(H, W)`` uint8.
    truth, found
        Class and mask ``(H, W)`` of each true and each detected ghost.
    misses
        Missed ghosts and wrong detections.
    """

    name: str
    pixels: NDArray[np.uint8]
    truth: Sequence[tuple[str, NDArray[np.bool_]]]
    found: Sequence[tuple[str, NDArray[np.bool_]]]
    misses: Sequence[Miss]


def draw_miss_sheet(panels: Sequence[MissPanel], *, title: str) -> Image.Image:
    """Draw each picture twice, with true and with detected ghosts, and the reasons of the differences below.

    Numbers mark missed ghosts in the left picture and wrong detections in the right one.

    Parameters
    ----------
    panels
        The pictures, all of one size; at least one.
    title
        Title of the sheet.

    Returns
    -------
    PIL.Image.Image
        RGB image.
    """
    height, width = panels[0].pixels.shape
    columns = min(COLUMNS, len(panels))
    panel_width = 2 * width + _BETWEEN
    lines = [panels[position : position + columns] for position in range(0, len(panels), columns)]
    panel_heights = [height + _LINE * (2 + max(len(panel.misses) for panel in line)) + _GAP for line in lines]
    inner = columns * panel_width + (columns - 1) * _GAP
    sheet = Image.new("RGB", (inner + 2 * _MARGIN, _HEADER + sum(panel_heights) + _MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw_text(draw, (_MARGIN, 24), shorten(title, font(20), inner), size=20, colour=BRIGHT)
    left = _MARGIN
    for ghost_class in CLASSES:
        draw_text(draw, (left, 50), ghost_class.name, size=14, colour=ghost_class.colour)
        left += 70
    words = "left what is there, right what was found; missed ghosts and wrong detections have numbers"
    draw_text(draw, (left, 50), words, size=14, colour=FAINT)
    top = _HEADER
    for line, panel_height in zip(lines, panel_heights, strict=True):
        for column, panel in enumerate(line):
            _draw_panel(sheet, panel, (_MARGIN + column * (panel_width + _GAP), top), panel_width)
        top += panel_height
    return sheet


def _draw_panel(sheet: Image.Image, panel: MissPanel, position: tuple[int, int], panel_width: int) -> None:
    draw, (left, top) = ImageDraw.Draw(sheet), position
    draw_text(draw, (left, top + _LINE // 2), panel.name, size=13, colour=BRIGHT)
    height, width = panel.pixels.shape
    brighter = np.clip(panel.pixels.astype(np.float32) * _BRIGHTER, 0, 255).astype(np.uint8)
    bare = np.stack([brighter] * 3, axis=-1)
    for ghosts, x in ((panel.truth, left), (panel.found, left + width + _BETWEEN)):
        sheet.paste(Image.fromarray(overlay_ghosts(bare, ghosts, rim=1, fill=_FILL)), (x, top + _LINE))
    for number, miss in enumerate(panel.misses, 1):
        row, column = miss.position
        x = left + column + (0 if miss.missed else width + _BETWEEN)
        colour = find_class(miss.class_name).colour
        draw_text(
            draw, (round(x), round(top + _LINE + row)), str(number), size=15, colour=colour, anchor="mm"
        )
        what = "missed" if miss.missed else f"wrong ({miss.score:.2f})"
        text = f"{number} {what} {miss.class_name}, radius {miss.radius:.0f} px: {miss.why}"
        below = top + _LINE + height + round((number + 0.5) * _LINE) - _LINE // 2
        draw_text(draw, (left, below), shorten(text, font(13), panel_width), size=13, colour=DIM)
