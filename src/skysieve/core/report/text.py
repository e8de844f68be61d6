"""Text in pictures: one typeface, its sizes, and the colours of a page."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from PIL import ImageFont

if TYPE_CHECKING:
    from PIL import ImageDraw

__all__ = ["BACKGROUND", "BRIGHT", "DIM", "FAINT", "draw_text", "font", "shorten", "text_width"]

BACKGROUND = "#14171c"
BRIGHT = "#f2f4f7"
DIM = "#b4bcc7"
FAINT = "#7d8794"

HALO = 2
"""Pixels around letters, where they are drawn over a picture."""

_ELLIPSIS = "…"


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the typeface that comes with Pillow, at a size in pixels."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))


def text_width(text: str, typeface: ImageFont.FreeTypeFont) -> int:
    """Return the width of a text in pixels."""
    return round(typeface.getlength(_drawable(text)))


def shorten(text: str, typeface: ImageFont.FreeTypeFont, room: int) -> str:
    """Return the text, with its middle left out if it is wider than the room.

    The ends are what tells file names apart: the folder at one, the HDU at the other.
    """
    text = _drawable(text)
    if text_width(text, typeface) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = kept // 3
        shorter = f"{text[:head]}{_ELLIPSIS}{text[head - kept :]}"
        if text_width(shorter, typeface) <= room:
            return shorter
    return _ELLIPSIS


def draw_text(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    *,
    size: int,
    colour: str,
    anchor: str = "lm",
    halo: str | None = None,
) -> None:
    """Draw one line of text with its middle at a height; `anchor` is Pillow's, `halo` a colour around it."""
    width = 0 if halo is None else HALO
    draw.text(
        place,
        _drawable(text),
        font=font(size),
        fill=colour,
        anchor=anchor,
        stroke_width=width,
        stroke_fill=halo,
    )


def _drawable(text: str) -> str:
    # The typeface has little beyond ASCII, and draws boxes for the rest.
    plain = text.replace(_ELLIPSIS, "\0").encode("ascii", "replace").decode("ascii")
    plain = "".join(c if c.isprintable() or c == "\0" else " " for c in plain)
    return plain.replace("\0", _ELLIPSIS)
