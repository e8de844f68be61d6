"""Files beside simulated focal planes: a table of parameters, annotations, and a contact sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.atomic import atomic_write
from skysieve.core.execution.simulation_files import SeriesFiles
from skysieve.core.fits.header_table import Column, file_table
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.core.report.preview import PreviewPlane
from skysieve.ghosts.annotations.annotated_images import AnnotatedImage, Annotations, OutlinedGhost
from skysieve.ghosts.annotations.coco import to_coco
from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import CLASSES
from skysieve.ghosts.simulate.job import TRUTH_BITS
from skysieve.ghosts.simulate.recipe import GhostRecipe, read_ghost_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from astropy.table import QTable
    from PIL import Image

    from skysieve.ghosts.simulate.job import SimulatedGhosts

__all__ = ["GHOSTS_FILES", "described", "parameter_table", "truth_sheet", "write_annotations"]

ANNOTATIONS = "annotations.json"

COLUMNS = (
    Column("ghosts", "GHOSTS", "ghosts that can be seen", missing=-1),
    Column("hidden", "HIDDEN", "ghosts that cannot be seen", missing=-1),
    Column("kind", "KIND", "rays, reflections, both or none", missing=""),
    Column("stars", "STARS", "bright stars that are reflected", missing=-1),
    Column("sky", "SKY", "level of the sky"),
    Column("noise", "NOISE", "scatter of the sky"),
    Column("mesh", "MESH", "cells of the background", "pix"),
    Column("recipe", "SIMRECIP", "recipe", missing=""),
    Column("seed", "SIMSEED", "seed of the picture", missing=-1),
)


def described(record: SimulatedGhosts) -> str:
    """Summarise a picture in a few words.

    Parameters
    ----------
    record
        The picture.

    Returns
    -------
    str
        The number of ghosts of each class.
    """
    counts = {one.name: sum(ghost.class_name == one.name for ghost in record.ghosts) for one in CLASSES}
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "no ghosts"


def parameter_table(records: Sequence[SimulatedGhosts]) -> QTable:
    """Return a table of the parameters of pictures.

    Parameters
    ----------
    records
        The pictures.

    Returns
    -------
    QTable
        One row per picture.
    """
    return file_table(records, COLUMNS, what="picture")


def write_annotations(records: Sequence[SimulatedGhosts], folder: Path) -> None:
    """Write the annotations of all pictures as COCO, replacing an existing file.

    Parameters
    ----------
    records
        The pictures.
    folder
        Folder of the pictures.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    images = tuple(
        AnnotatedImage(
            record.path.name,
            (int(record.header["NAXIS2"]), int(record.header["NAXIS1"])),
            tuple(OutlinedGhost(ghost.class_name, trace(ghost.mask)) for ghost in record.ghosts),
        )
        for record in records
    )
    document = to_coco(Annotations(ANNOTATIONS, "coco", images))
    with atomic_write(folder / ANNOTATIONS, overwrite=True) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def truth_sheet(records: Sequence[SimulatedGhosts], title: str) -> Image.Image:
    """Draw a contact sheet of pictures and their truth.

    Parameters
    ----------
    records
        The pictures.
    title
        Title of the sheet.

    Returns
    -------
    PIL.Image.Image
        The sheet.
    """
    planes = [PreviewPlane(c.name, TRUTH_BITS[c.name], c.colour, c.description) for c in CLASSES]
    return render_contact_sheet(_sheet_frames(records), planes, title=title)


def _sheet_frames(records: Sequence[SimulatedGhosts]) -> Iterator[SheetFrame]:
    """Yield the pictures flipped: a sheet starts with the bottom row, a picture with the top row."""
    for record in records:
        with fits.open(record.path) as hdus:
            pixels, bits = hdus[0].data[::-1].astype(np.float32), hdus["TRUTH"].data[::-1].copy()
        yield SheetFrame(pixels, bits, f"{record.path.stem}\n{described(record)}")


GHOSTS_FILES: SeriesFiles[GhostRecipe, SimulatedGhosts] = SeriesFiles(
    verb="ghosts",
    read_recipe=read_ghost_recipe,
    summary=described,
    table=parameter_table,
    sheet=truth_sheet,
    write_more=write_annotations,
)
"""What stands beside the frames of a series."""
