"""Previews: a frame beside the same frame with its mask in colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.report.legend import Entry, draw_legend, legend_height
from skysieve.core.report.panels import Layer, overlay_layers, shrink_bits, shrink_frame
from skysieve.core.report.text import BACKGROUND, BRIGHT, DIM, FAINT, draw_text, font, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PreviewPlane", "render_preview"]

_MARGIN = 28
_GAP = 20
_TITLE_SIZE = 22
_CAPTION_SIZE = 14
_HEADER = 76
_CAPTION = 30
_MIN_WIDTH = 760
_MIN_SIZE = 400
# Small frames are enlarged to about this size, whatever the available space
_ENLARGED = 640
_BORDER = "#3a414b"

# The panels of frames with a larger aspect ratio are stacked, which makes them larger
_WIDE_FRAME = 1.6


@dataclass(frozen=True)
class PreviewPlane:
    """A plane of a mask in a preview.

    Attributes
    ----------
    name
        Abbreviation.
    value
        Bits of the mask for this plane.
    colour
        ``#rrggbb``.
    description
        Meaning in a few words.

    Raises
    ------
    ConfigError
        If the colour is not valid.
    """

    name: str
    value: int
    colour: str
    description: str

    def __post_init__(self) -> None:
        try:
            ImageColor.getcolor(self.colour, "RGB")
        except ValueError as error:
            raise ConfigError(
                f"plane {self.name!r}: {self.colour!r} is no colour; write it as #rrggbb"
            ) from error


def render_preview(
    pixels: NDArray[np.float32],
    nodata: NDArray[np.bool_],
    bits: NDArray[np.integer],
    planes: Sequence[PreviewPlane],
    path: Path | None = None,
    *,
    title: str,
    max_size: int = 1600,
    no_sky: NDArray[np.bool_] | None = None,
) -> Image.Image:
    """Draw the frame and its mask side by side, with a legend below.

    The frame is shown in grey with zscale and asinh; its first pixel is at the lower left. The pixels of a
    large frame are averaged, and its mask is reduced so that every marked pixel remains visible. A small
    frame is enlarged by an integer factor.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        The frame, in any unit.
    nodata : ndarray of bool, shape (H, W)
        True where there is no data.
    bits : ndarray of int, shape (H, W)
        The mask.
    planes
        Planes to show. The first in the list is on top, so planes that cover a large fraction should come
        last; they are also more transparent.
    path
        PNG file to write; the picture is only returned if None. To keep an old file until the new one is
        complete, pass the path that :func:`skysieve.core.atomic.atomic_write` yields.
    title
        Title above the panels.
    max_size
        Longest side of the picture, in its pixels.
    no_sky : ndarray of bool, shape (H, W)
        True for pixels that are shown but not used for the grey levels.

    Returns
    -------
    Image
        The picture.

    Raises
    ------
    ConfigError
        If `max_size` is below 400.
    OutputError
        If the file cannot be written.
    ValueError
        If the three arrays differ in shape or are empty.
    """
    if pixels.ndim != 2 or not pixels.size or not pixels.shape == nodata.shape == bits.shape:
        raise ValueError(f"no three images of one shape: {pixels.shape}, {nodata.shape}, {bits.shape}")
    if max_size < _MIN_SIZE:
        raise ConfigError(f"a preview of {max_size} pixels is too small; give at least {_MIN_SIZE}")
    # Values of planes may exceed the range of the mask's type
    bits = bits.astype(np.int32) if bits.dtype.itemsize < 4 else bits
    fractions = [_fraction(bits, plane.value) for plane in planes]
    entries = [
        Entry(plane.name, plane.colour, plane.description, part)
        for plane, part in zip(planes, fractions, strict=True)
    ]
    layers = [
        Layer(plane.value, _rgb(plane.colour), part) for plane, part in zip(planes, fractions, strict=True)
    ]
    height, width = pixels.shape
    layout = _Layout.of(width, height, entries, max_size)
    grey = shrink_frame(pixels, nodata, layout.shrunk, no_sky=no_sky)
    masked = overlay_layers(grey.rgb, shrink_bits(bits, layout.shrunk), layers)
    captions = (
        f"frame: zscale {_number(grey.low)} to {_number(grey.high)}, asinh",
        "mask" if any(fractions) else "mask: empty",
    )
    picture = _compose((grey.rgb, masked), captions, layout)
    draw = ImageDraw.Draw(picture)
    _draw_title(draw, title, f"{width} x {height} pixels, {layout.scale_words(width)}", layout.inner)
    draw_legend(draw, entries, (_MARGIN, layout.legend_top), layout.inner)
    if path is not None:
        _write(picture, path)
    return picture


@dataclass(frozen=True)
class _Layout:
    """Layout of the picture, in its pixels.

    ``shrunk`` is the width and height of the arrays of the panels, ``times`` the factor by which they are
    enlarged, and ``inner`` the width between the margins.
    """

    shrunk: tuple[int, int]
    times: int
    stacked: bool
    inner: int
    legend_top: int
    height: int

    @classmethod
    def of(cls, width: int, height: int, entries: Sequence[Entry], max_size: int) -> _Layout:
        stacked = width > _WIDE_FRAME * height
        across, down = (1, 2) if stacked else (2, 1)
        widest = max_size - 2 * _MARGIN
        narrowest = min(_MIN_WIDTH, widest)
        around = _HEADER + down * _CAPTION + down * _GAP + _MARGIN
        room_across = (widest - (across - 1) * _GAP) // across
        # A long legend may make a small picture higher than requested; otherwise the panels would vanish
        room_down = max((max_size - around - legend_height(entries, narrowest)) // down, max_size // 8)
        scale = min(room_across / width, room_down / height)
        times = max(1, min(int(scale), -(-_ENLARGED // max(width, height))))
        shrunk = (width, height)
        if scale < 1:
            shrunk = (max(1, int(width * scale)), max(1, int(height * scale)))
        inner = max(across * shrunk[0] * times + (across - 1) * _GAP, narrowest)
        legend_top = around - _MARGIN + down * shrunk[1] * times
        return cls(
            shrunk,
            times,
            stacked=stacked,
            inner=inner,
            legend_top=legend_top,
            height=legend_top + legend_height(entries, inner) + _MARGIN,
        )

    @property
    def panel(self) -> tuple[int, int]:
        return self.shrunk[0] * self.times, self.shrunk[1] * self.times

    def scale_words(self, width: int) -> str:
        if self.times > 1:
            return f"enlarged {self.times} times"
        return (
            "shown one to one" if self.shrunk[0] == width else f"reduced {width / self.shrunk[0]:.3g} times"
        )


def _compose(
    panels: tuple[NDArray[np.uint8], NDArray[np.uint8]], captions: tuple[str, str], layout: _Layout
) -> Image.Image:
    picture = Image.new("RGB", (layout.inner + 2 * _MARGIN, layout.height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    wide, high = layout.panel
    across = 1 if layout.stacked else 2
    left = _MARGIN + (layout.inner - across * wide - (across - 1) * _GAP) // 2
    for number, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        x = left if layout.stacked else left + number * (wide + _GAP)
        y = _HEADER + _CAPTION + (number * (high + _GAP + _CAPTION) if layout.stacked else 0)
        text = shorten(caption, font(_CAPTION_SIZE), wide)
        draw_text(draw, (x, y - _CAPTION // 2 - 2), text, size=_CAPTION_SIZE, colour=DIM)
        draw.rectangle((x - 1, y - 1, x + wide, y + high), outline=_BORDER)
        # The first row of a picture is at the top, that of a frame at the bottom
        shown = Image.fromarray(np.ascontiguousarray(panel[::-1]))
        picture.paste(shown.resize(layout.panel, Image.Resampling.NEAREST), (x, y))
    return picture


def _draw_title(draw: ImageDraw.ImageDraw, title: str, subtitle: str, room: int) -> None:
    text = shorten(title, font(_TITLE_SIZE), room)
    draw_text(draw, (_MARGIN, 34), text, size=_TITLE_SIZE, colour=BRIGHT)
    draw_text(draw, (_MARGIN, 62), subtitle, size=_CAPTION_SIZE, colour=FAINT)


def _fraction(bits: NDArray[np.integer], value: int) -> float:
    return int(np.count_nonzero(bits & value)) / bits.size


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def _number(value: float) -> str:
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _write(picture: Image.Image, path: Path) -> None:
    try:
        picture.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
