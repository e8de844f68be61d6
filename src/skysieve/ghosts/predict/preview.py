"""Draw previews of focal planes with their ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor, ImageDraw
from scipy.ndimage import binary_erosion

from skysieve.core.report.legend import Entry, draw_legend, legend_height
from skysieve.core.report.text import BACKGROUND, BRIGHT, DIM, FAINT, draw_text, font, shorten
from skysieve.ghosts.classes import CLASSES, find_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.sources import Source
    from skysieve.ghosts.predict.finder import FoundGhosts
    from skysieve.ghosts.predict.positions import LocatedGhost

__all__ = ["draw_preview", "draw_probabilities", "overlay_ghosts"]

TIMES = 2
"""Magnification of the preview: its pixels per pixel of the picture along each axis."""

_MARGIN, _GAP, _HEADER, _CAPTION = 28, 20, 76, 30
_OUTLINE, _TOUCHED, _BLANK = "#6d7885", "#f2f4f7", "#33383f"
_NAME = "#a9b3bf"
_FILL = 0.3
_NUMBER_SIZE = 13
_SMALL = 14.0


def draw_preview(
    source: Source, found: FoundGhosts, ghosts: Sequence[LocatedGhost], camera: Camera, *, title: str
) -> Image.Image:
    """Draw the picture without and with its ghosts, side by side, with a legend below.

    CCDs have outlines and numbers; those that a ghost touches are brighter.  Each ghost has the colour of its
    class, and its number and score at its centre.

    Parameters
    ----------
    source
        The picture.
    found, ghosts
        The ghosts that were found, and the same ghosts with positions.
    camera
        The camera.
    title
        Title.

    Returns
    -------
    PIL.Image.Image
        The preview.
    """
    height, width = source.picture.shape
    grey = np.repeat(np.repeat(source.picture, TIMES, 0), TIMES, 1)
    bare = np.stack([grey] * 3, axis=-1)
    enlarged = ((one.class_name, np.repeat(np.repeat(one.mask, TIMES, 0), TIMES, 1)) for one in found.ghosts)
    panels = [Image.fromarray(bare), Image.fromarray(overlay_ghosts(bare, enlarged, rim=TIMES, fill=_FILL))]
    touched = {number for ghost in ghosts for number in ghost.ccds}
    _draw_ccds(ImageDraw.Draw(panels[1]), camera, touched, set(source.ccds))
    for ghost in ghosts:
        x, y = (round(TIMES * (value + 0.5)) for value in ghost.centre)
        radius = (ghost.area / np.pi) ** 0.5
        if radius < _SMALL:  # the text would cover a small ghost: write it below
            y += round(TIMES * radius) + _NUMBER_SIZE
        text = f"{ghost.number}  {ghost.score:.2f}"
        draw_text(
            ImageDraw.Draw(panels[1]),
            (x, y),
            text,
            size=_NUMBER_SIZE,
            colour=BRIGHT,
            anchor="mm",
            halo=BACKGROUND,
        )
    entries = _entries(found, source.picture.size)
    wide, high = TIMES * width, TIMES * height
    inner = 2 * wide + _GAP
    top = _HEADER + _CAPTION
    picture = Image.new(
        "RGB",
        (inner + 2 * _MARGIN, top + high + _GAP + legend_height(entries, inner) + _MARGIN),
        BACKGROUND,
    )
    draw = ImageDraw.Draw(picture)
    draw_text(draw, (_MARGIN, 34), shorten(title, font(22), inner), size=22, colour=BRIGHT)
    words = f"{camera.name}, {len(source.ccds)} of {len(camera.ccds)} CCDs with data"
    draw_text(draw, (_MARGIN, 62), words, size=14, colour=FAINT)
    count = "1 ghost" if len(ghosts) == 1 else f"{len(ghosts) or 'no'} ghosts"
    captions = ("focal plane", f"{count}; that there is any: probability {found.probability:.2f}")
    for number, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        left = _MARGIN + number * (wide + _GAP)
        draw_text(draw, (left, top - _CAPTION // 2 - 2), caption, size=14, colour=DIM)
        picture.paste(panel, (left, top))
    draw_legend(draw, entries, (_MARGIN, top + high + _GAP), inner)
    return picture


def draw_probabilities(
    source: Source, classes: NDArray[np.float32], camera: Camera, *, title: str
) -> Image.Image:
    """Draw the class map: one panel per class, coloured by probability.

    Parameters
    ----------
    source
        The picture.
    classes
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32.
    camera
        The camera.
    title
        Title.

    Returns
    -------
    PIL.Image.Image
        The panels.
    """
    height, width = source.picture.shape
    wide, high, top = TIMES * width, TIMES * height, _HEADER + _CAPTION
    inner = len(CLASSES) * (wide + _GAP) - _GAP
    picture = Image.new("RGB", (inner + 2 * _MARGIN, top + high + _MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw_text(draw, (_MARGIN, 34), shorten(title, font(22), inner), size=22, colour=BRIGHT)
    words = f"{camera.name}: probability of each class at each place"
    draw_text(draw, (_MARGIN, 62), words, size=14, colour=FAINT)
    grey = 0.5 * source.picture.astype(np.float32)[..., None]
    for number, (one, values) in enumerate(zip(CLASSES, classes, strict=True)):
        side = height // values.shape[0]
        part = np.kron(values, np.ones((side, side), np.float32))[..., None]
        colour = np.array(ImageColor.getrgb(one.colour)[:3], np.float32)
        shown = np.rint((1 - part) * grey + part * colour).astype(np.uint8)
        left = _MARGIN + number * (wide + _GAP)
        words = f"{one.name}: up to {values.max():.2f}"
        draw_text(draw, (left, top - _CAPTION // 2 - 2), words, size=14, colour=DIM)
        picture.paste(Image.fromarray(np.repeat(np.repeat(shown, TIMES, 0), TIMES, 1)), (left, top))
    return picture


def overlay_ghosts(
    picture: NDArray[np.uint8], ghosts: Iterable[tuple[str, NDArray[np.bool_]]], *, rim: int, fill: float
) -> NDArray[np.uint8]:
    """Overlay ghosts on a picture in the colours of their classes.

    Parameters
    ----------
    picture
        Picture ``(H, W, 3)`` uint8.
    ghosts
        Class and mask ``(H, W)`` bool of each ghost; the first is on top.
    rim
        Width of the opaque rims in pixels.
    fill
        Opacity inside the rims, 0 to 1.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        The picture with ghosts.
    """
    shown = picture.astype(np.float32)
    for name, mask in reversed(list(ghosts)):
        colour = np.array(ImageColor.getrgb(find_class(name).colour)[:3], np.float32)
        shown[mask] = (1 - fill) * shown[mask] + fill * colour
        shown[mask & ~binary_erosion(mask, iterations=rim)] = colour
    coloured: NDArray[np.uint8] = np.rint(shown).astype(np.uint8)
    return coloured


def _draw_ccds(draw: ImageDraw.ImageDraw, camera: Camera, touched: set[int], with_data: set[int]) -> None:
    """Draw the outlines and numbers of CCDs; touched CCDs are drawn last, on top."""
    for ccd in sorted(camera.ccds, key=lambda ccd: ccd.number in touched):
        colour = _TOUCHED if ccd.number in touched else _OUTLINE if ccd.number in with_data else _BLANK
        x, y = TIMES * max(ccd.picture_box.x0, 0), TIMES * max(ccd.picture_box.y0, 0)
        end = (TIMES * ccd.picture_box.x1 - 1, TIMES * ccd.picture_box.y1 - 1)
        draw.rectangle((TIMES * ccd.picture_box.x0, TIMES * ccd.picture_box.y0, *end), outline=colour)
        name = _NAME if colour == _OUTLINE else colour
        draw_text(draw, (x + 5, y + 10), str(ccd.number), size=_NUMBER_SIZE, colour=name)


def _entries(found: FoundGhosts, pixels: int) -> list[Entry]:
    entries = []
    for one in CLASSES:
        masks = [ghost.mask for ghost in found.ghosts if ghost.class_name == one.name]
        covered = int(np.count_nonzero(np.any(masks, axis=0))) if masks else 0
        entries.append(Entry(one.name, one.colour, one.description, covered / pixels))
    return entries
