"""Contact sheets: many frames in one picture, each beside the same frame with its mask in colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from skysieve.core.errors import ConfigError
from skysieve.core.report.legend import Entry, draw_legend, legend_height
from skysieve.core.report.panels import Layer, overlay_layers, shrink_bits, shrink_frame
from skysieve.core.report.text import BACKGROUND, BRIGHT, DIM, FAINT, draw_text, font, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysieve.core.report.preview import PreviewPlane

__all__ = ["SheetFrame", "render_contact_sheet"]

_MARGIN = 28
_GAP = 24
_BETWEEN = 4  # between a frame and its mask
_TITLE_SIZE = 22
_CAPTION_SIZE = 13
_CAPTION_LINE = 18
_HEADER = 76
_MIN_WIDTH = 760
_MIN_SIZE = 64
_BORDER = "#3a414b"


@dataclass(frozen=True)
class SheetFrame:
    """A frame of a contact sheet.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32 in any unit; NaN where there is no data.
    bits
        Mask ``(H, W)``; None for a frame without a mask.
    caption
        Text above the frame; one or more lines.
    """

    pixels: NDArray[np.float32]
    bits: NDArray[np.integer] | None
    caption: str


@dataclass(frozen=True)
class _Cell:
    """A frame ready to draw: one or two panels and the caption."""

    panels: tuple[NDArray[np.uint8], ...]
    times: int
    caption: tuple[str, ...]


def render_contact_sheet(
    frames: Iterable[SheetFrame],
    planes: Sequence[PreviewPlane] = (),
    *,
    title: str,
    size: int = 340,
    width: int = 2200,
) -> Image.Image:
    """Draw frames side by side, with one legend for all masks below.

    Frames are drawn as in previews: in grey, with zscale and asinh, the first pixel at the lower left.

    Parameters
    ----------
    frames
        One or more frames; an iterator keeps only one in memory at a time.
    planes
        Planes of the masks; the first in the list is on top.
    title
        Title above the frames.
    size
        Longer side of a frame in the picture, in pixels; smaller frames are enlarged by an integer factor, at
        most to this size.
    width
        Approximate width of the picture, in pixels.

    Returns
    -------
    Image
        The picture.

    Raises
    ------
    ConfigError
        If there is no frame, or the size is below 64.
    ValueError
        If a frame is not two-dimensional or empty, or its mask has another shape.
    """
    if size < _MIN_SIZE:
        raise ConfigError(
            f"frames of {size} pixels in a contact sheet are too small; give at least {_MIN_SIZE}"
        )
    covered = dict.fromkeys((plane.name for plane in planes), 0.0)
    cells = [_cell(frame, planes, size, covered) for frame in frames]
    if not cells:
        raise ConfigError("a contact sheet needs one frame at least")
    parts = {name: total / len(cells) for name, total in covered.items()}
    entries = [Entry(p.name, p.colour, p.description, parts[p.name]) for p in planes]

    cell_width = max(_width(cell) for cell in cells)
    columns = max(1, min(len(cells), (width - 2 * _MARGIN + _GAP) // (cell_width + _GAP)))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [max(_height(cell) for cell in row) for row in rows]
    inner = max(columns * (cell_width + _GAP) - _GAP, _MIN_WIDTH)
    legend_top = _HEADER + sum(heights) + len(rows) * _GAP
    bottom = legend_height(entries, inner) if any(parts.values()) else 0
    picture = Image.new("RGB", (inner + 2 * _MARGIN, legend_top + bottom + _MARGIN // 2), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw_text(draw, (_MARGIN, 34), shorten(title, font(_TITLE_SIZE), inner), size=_TITLE_SIZE, colour=BRIGHT)
    count = f"{len(cells)} frame{'s' if len(cells) > 1 else ''}; zscale, asinh"
    draw_text(draw, (_MARGIN, 62), count, size=_CAPTION_SIZE, colour=FAINT)
    top = _HEADER
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            _draw_cell(picture, draw, cell, (_MARGIN + column * (cell_width + _GAP), top), cell_width)
        top += height + _GAP
    if bottom:
        draw_legend(draw, entries, (_MARGIN, legend_top), inner)
    return picture


def _cell(frame: SheetFrame, planes: Sequence[PreviewPlane], size: int, covered: dict[str, float]) -> _Cell:
    """Return a frame ready to draw, and add the fractions that its planes cover to `covered`."""
    pixels, bits = frame.pixels, frame.bits
    if pixels.ndim != 2 or not pixels.size or (bits is not None and bits.shape != pixels.shape):
        found = "no mask" if bits is None else f"a mask of {bits.shape}"
        raise ValueError(f"no frame and mask of one shape: {pixels.shape}, {found}")
    height, width = pixels.shape
    scale = size / max(height, width)
    times = max(1, int(scale))
    shrunk = (max(1, round(width * min(scale, 1))), max(1, round(height * min(scale, 1))))
    grey = shrink_frame(pixels, ~np.isfinite(pixels), shrunk).rgb
    caption = tuple(frame.caption.splitlines())
    if bits is None:
        return _Cell((grey,), times, caption)
    # Values of planes may exceed the range of the mask's type
    bits = bits.astype(np.int32) if bits.dtype.itemsize < 4 else bits
    layers = []
    for plane in planes:
        part = int(np.count_nonzero(bits & plane.value)) / bits.size
        covered[plane.name] += part
        red, green, blue = ImageColor.getrgb(plane.colour)[:3]
        layers.append(Layer(plane.value, (red, green, blue), part))
    return _Cell((grey, overlay_layers(grey, shrink_bits(bits, shrunk), layers)), times, caption)


def _width(cell: _Cell) -> int:
    panel: int = cell.panels[0].shape[1] * cell.times
    return len(cell.panels) * (panel + _BETWEEN) - _BETWEEN


def _height(cell: _Cell) -> int:
    panel: int = cell.panels[0].shape[0] * cell.times
    return panel + _CAPTION_LINE * len(cell.caption)


def _draw_cell(
    picture: Image.Image, draw: ImageDraw.ImageDraw, cell: _Cell, corner: tuple[int, int], room: int
) -> None:
    """Draw a frame, its mask and its caption, with the upper left corner at `corner`."""
    x, y = corner
    for number, line in enumerate(cell.caption):
        text = shorten(line, font(_CAPTION_SIZE), room)
        centre = y + number * _CAPTION_LINE + _CAPTION_LINE // 2 - 1
        draw_text(draw, (x, centre), text, size=_CAPTION_SIZE, colour=DIM if number else BRIGHT)
    y += _CAPTION_LINE * len(cell.caption)
    for panel in cell.panels:
        high, wide = panel.shape[0] * cell.times, panel.shape[1] * cell.times
        # The first row of a picture is at the top, that of a frame at the bottom
        shown = Image.fromarray(np.ascontiguousarray(panel[::-1])).resize(
            (wide, high), Image.Resampling.NEAREST
        )
        draw.rectangle((x - 1, y - 1, x + wide, y + high), outline=_BORDER)
        picture.paste(shown, (x, y))
        x += wide + _BETWEEN
