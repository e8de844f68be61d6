"""Text in pictures: the typeface and the colours of a page."""

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
"""Width in pixels of the outline of letters on a picture."""

_ELLIPSIS = "…"


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the typeface that comes with Pillow.

    Parameters
    ----------
    size
        Size in pixels.

    Returns
    -------
    FreeTypeFont
        The same object for the same size.
    """
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))


def text_width(text: str, typeface: ImageFont.FreeTypeFont) -> int:
    """Return the width of a text.

    Parameters
    ----------
    text
        Text as given to :func:`draw_text`.
    typeface
        Typeface of :func:`font`.

    Returns
    -------
    int
        Width in pixels.
    """
    return round(typeface.getlength(_drawable(text)))


def shorten(text: str, typeface: ImageFont.FreeTypeFont, room: int) -> str:
    """Shorten a text to a width by removing its middle.

    Both ends remain because they distinguish file names: one has the folder, the other the HDU.

    Parameters
    ----------
    text
        Text to shorten.
    typeface
        Typeface of :func:`font`.
    room
        Available width in pixels.

    Returns
    -------
    str
        The text, or its ends with an ellipsis between them.
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
    position: tuple[int, int],
    text: str,
    *,
    size: int,
    colour: str,
    anchor: str = "lm",
    halo: str | None = None,
) -> None:
    """Draw one line of text.

    Parameters
    ----------
    draw
        Picture to draw on.
    position
        ``(x, y)`` of the anchor, in pixels.
    text
        Text; characters that the typeface lacks become question marks.
    size
        Size in pixels.
    colour
        Colour of the letters.
    anchor
        Anchor as in Pillow; by default the left end at half height.
    halo
        Colour of the outline; no outline if None.
    """
    width = 0 if halo is None else HALO
    draw.text(
        position,
        _drawable(text),
        font=font(size),
        fill=colour,
        anchor=anchor,
        stroke_width=width,
        stroke_fill=halo,
    )


def _drawable(text: str) -> str:
    # The typeface has few characters beyond ASCII and draws boxes for the others
    plain = text.replace(_ELLIPSIS, "\0").encode("ascii", "replace").decode("ascii")
    plain = "".join(c if c.isprintable() or c == "\0" else " " for c in plain)
    return plain.replace("\0", _ELLIPSIS)
