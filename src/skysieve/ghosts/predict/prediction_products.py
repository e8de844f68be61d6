"""Products of the prediction: a table of ghosts, a table of CCDs, and a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor, ImageDraw
from scipy.ndimage import binary_erosion

from skysieve.core.atomic import atomic_write
from skysieve.core.report.legend import Entry, draw_legend, legend_height
from skysieve.core.report.text import BACKGROUND, BRIGHT, DIM, draw_text, font, shorten
from skysieve.core.tables.result_table import write_table
from skysieve.ghosts.classes import CLASSES, find_class
from skysieve.ghosts.focal_plane.decam import decam

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import QTable
    from numpy.typing import NDArray

    from skysieve.ghosts.classes import GhostClass
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.prediction import Pointing, PredictedGhost
    from skysieve.ghosts.predict.settings import PredictionProducts

__all__ = [
    "draw_prediction",
    "predicted_ccd_table",
    "predicted_ghost_table",
    "write_prediction",
]

PREDICTED = tuple(one for one in CLASSES if one.name != "Rays")
"""Classes that can be predicted."""

_TIMES = 2
_MARGIN, _HEADER, _GAP = 28, 76, 20
_GREY, _OUTLINE, _TOUCHED = (34, 38, 44), "#6d7885", "#f2f4f7"
_FILL = 0.25


def write_prediction(
    ghosts: Sequence[PredictedGhost],
    pointing: Pointing,
    products: PredictionProducts,
    *,
    title: str,
    overwrite: bool,
) -> None:
    """Write the files of a prediction.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing level.
    pointing
        Field centre.
    products
        The files.
    title
        Title of the preview.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        If a file exists and may not be replaced, or cannot be written.
    """
    if products.table is not None:
        write_table(predicted_ghost_table(ghosts, pointing), products.table, overwrite=overwrite)
    if products.ccds is not None:
        write_table(predicted_ccd_table(ghosts, decam(), pointing), products.ccds, overwrite=overwrite)
    if products.preview is not None:
        with atomic_write(products.preview, overwrite=overwrite) as temporary:
            draw_prediction(ghosts, decam(), title=title).save(temporary, format="PNG")


def predicted_ghost_table(ghosts: Sequence[PredictedGhost], pointing: Pointing) -> QTable:
    """Return the table of predicted ghosts.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing level.
    pointing
        Field centre.

    Returns
    -------
    QTable
        One row per ghost.  ``x`` and ``y`` are pixels of the picture from 1, row 1 at the top; ``ccds`` has
        the covered fraction of each CCD, such as ``31:0.52 32:0.08``.
    """
    from astropy import units
    from astropy.table import QTable

    table = QTable(meta={"ra": pointing.ra, "dec": pointing.dec})
    table["ghost"] = np.arange(1, len(ghosts) + 1)
    table["class"] = _text([ghost.class_name for ghost in ghosts])
    table["star"] = _text([ghost.star for ghost in ghosts])
    table["magnitude"] = [ghost.magnitude for ghost in ghosts] * units.mag
    table["angle"] = [ghost.angle for ghost in ghosts] * units.deg
    table["angle"].info.description = "of the star from the field's centre"
    table["path"] = _text([ghost.path for ghost in ghosts])
    table[
        "path"
    ].info.description = "surfaces that reflect, the first first; several where they look like one"
    table["level"] = [ghost.level for ghost in ghosts] * units.dimensionless_unscaled
    table["level"].info.description = "light relative to the sky's"
    table["x"] = [ghost.centre[0] + 1 for ghost in ghosts] * units.pix
    table["y"] = [ghost.centre[1] + 1 for ghost in ghosts] * units.pix
    table["radius"] = [ghost.radius for ghost in ghosts] * units.pix
    table["ccds"] = _text([" ".join(f"{n}:{part:.3f}" for n, part in g.ccds.items()) for g in ghosts])
    table["ccds"].info.description = "number of each CCD, and the part of it that is covered"
    return table


def predicted_ccd_table(ghosts: Sequence[PredictedGhost], camera: Camera, pointing: Pointing) -> QTable:
    """Return the table of CCDs that predicted ghosts touch, for exclusion lists.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing level.
    camera
        The camera.
    pointing
        Field centre.

    Returns
    -------
    QTable
        One row per touched CCD.
    """
    from astropy import units
    from astropy.table import QTable

    touched = sorted({number for ghost in ghosts for number in ghost.ccds})
    here = [[(n, g) for n, g in enumerate(ghosts, 1) if ccd in g.ccds] for ccd in touched]
    table = QTable(meta={"ra": pointing.ra, "dec": pointing.dec})
    table["ccd"] = np.array(touched, int)
    table["name"] = _text([camera.by_number[ccd].name for ccd in touched])
    table["level"] = [max(g.level for _, g in those) for those in here] * units.dimensionless_unscaled
    table["level"].info.description = "of the brightest ghost on it, relative to the sky"
    for one in PREDICTED:
        parts = [
            max((g.ccds[ccd] for _, g in those if g.class_name == one.name), default=0.0)
            for ccd, those in zip(touched, here, strict=True)
        ]
        column = one.name.lower()
        table[column] = parts * units.dimensionless_unscaled
        table[column].info.description = f"largest part of the CCD that one ghost of class {one.name} covers"
    table["ghosts"] = _text([" ".join(str(n) for n, _ in those) for those in here])
    table["ghosts"].info.description = "their numbers in the table of ghosts"
    return table


def draw_prediction(ghosts: Sequence[PredictedGhost], camera: Camera, *, title: str) -> Image.Image:
    """Draw the predicted ghosts on an empty focal plane, with a legend below.

    Touched CCDs have a brighter outline.  Each ghost has the colour of its class, and its number at its
    centre if that is within the picture.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing level; the first is drawn on top.
    camera
        The camera.
    title
        Title.

    Returns
    -------
    PIL.Image.Image
        The preview.
    """
    height, width = camera.picture_shape
    shown = np.zeros((height, width, 3), np.float32)
    shown[camera.ccd_map > 0] = _GREY
    for ghost in reversed(ghosts):
        colour = np.array(ImageColor.getrgb(find_class(ghost.class_name).colour)[:3], np.float32)
        shown[ghost.mask] = (1 - _FILL) * shown[ghost.mask] + _FILL * colour
        shown[ghost.mask & ~binary_erosion(ghost.mask)] = colour
    large = np.repeat(np.repeat(np.rint(shown).astype(np.uint8), _TIMES, 0), _TIMES, 1)
    panel = Image.fromarray(large)
    draw = ImageDraw.Draw(panel)
    touched = {number for ghost in ghosts for number in ghost.ccds}
    for ccd in sorted(camera.ccds, key=lambda ccd: ccd.number in touched):
        colour_of = _TOUCHED if ccd.number in touched else _OUTLINE
        corners = (
            ccd.picture_box.x0,
            ccd.picture_box.y0,
            ccd.picture_box.x1 - 1 / _TIMES,
            ccd.picture_box.y1 - 1 / _TIMES,
        )
        draw.rectangle(tuple(round(_TIMES * corner) for corner in corners), outline=colour_of)
        corner = (_TIMES * max(ccd.picture_box.x0, 0) + 5, _TIMES * max(ccd.picture_box.y0, 0) + 10)
        draw_text(draw, corner, str(ccd.number), size=13, colour=colour_of)
    for number, ghost in enumerate(ghosts, 1):
        x, y = (round(_TIMES * (value + 0.5)) for value in ghost.centre)
        if 0 <= x < _TIMES * width and 0 <= y < _TIMES * height:
            colour_of = find_class(ghost.class_name).colour
            draw_text(draw, (x, y), str(number), size=13, colour=colour_of, anchor="mm")
    entries = [_entry(one, ghosts, height * width) for one in PREDICTED]
    inner = _TIMES * width
    top = _HEADER
    size = (inner + 2 * _MARGIN, top + _TIMES * height + _GAP + legend_height(entries, inner) + _MARGIN)
    picture = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw_text(draw, (_MARGIN, 34), shorten(title, font(22), inner), size=22, colour=BRIGHT)
    count = "1 reflection" if len(ghosts) == 1 else f"{len(ghosts) or 'no'} reflections"
    draw_text(draw, (_MARGIN, 62), f"{camera.name}, {count} foretold", size=14, colour=DIM)
    picture.paste(panel, (_MARGIN, top))
    draw_legend(draw, entries, (_MARGIN, top + _TIMES * height + _GAP), inner)
    return picture


def _entry(one: GhostClass, ghosts: Sequence[PredictedGhost], pixels: int) -> Entry:
    masks = [ghost.mask for ghost in ghosts if ghost.class_name == one.name]
    covered = int(np.count_nonzero(np.any(masks, axis=0))) if masks else 0
    return Entry(one.name, one.colour, one.description, covered / pixels)


def _text(values: Sequence[str]) -> NDArray[np.str_]:
    """Return a text column; it has a text type even if it is empty."""
    return np.array(values, str) if values else np.empty(0, "U1")
