"""Compare simulated ghosts with outlined ones: their number, size, position and orientation."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
from results import Cell, Result, Table
from study_pictures import SPLIT, study_annotations, test_names

from skysieve.ghosts.annotations.outlines import Circle
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.simulate import Layout, read_ghost_recipe, simulate_focal_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.annotated_images import AnnotatedImage
    from skysieve.ghosts.simulate import GhostPicture

__all__ = ["measure"]

PICTURES = 600
SEED = 900_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MIN_PIXELS = 10
"""Minimum number of pixels of an outline for its orientation to be defined."""

WIDTHS = (("the two sides of C5", "C5_exit>C5_entrance", 11, 20), ("detector and C4", "D>C4_exit", 70, 84))
"""Reflections whose size hardly depends on the star: path, and the range of radii of their circles."""

MAX_DISTANCE = 8.0
"""Maximum distance, in pixels, between the centres of two concentric ghosts."""

MEASURES = {
    "area, px": 0,
    "distance of its middle from the field's centre, px": 1,
    "length, px": 2,
    "width, px": 3,
    "angle between its long axis and the direction to the centre, degrees": 4,
}


def measure() -> Result:
    """Measure outlined and simulated ghosts."""
    excluded = set(test_names())
    images = [image for image in study_annotations().images if image.name not in excluded]
    outlined = [(g.class_name, g.outline.mask(image.shape)) for image in images for g in image.ghosts]
    recipe = dataclasses.replace(read_ghost_recipe(), ghosted=1.0)
    layout = Layout(decam().ccd_map.astype(np.uint8))
    drawn = [simulate_focal_plane(layout, SEED + number, recipe) for number in range(PICTURES)]
    simulated = [(g.class_name, g.mask) for picture in drawn for g in picture.instances]
    tables = []
    for name in CLASS_NAMES:
        rows: list[tuple[Cell, ...]] = []
        both = {
            "outlined": (_measured(outlined, name), len(images)),
            "simulated": (_measured(simulated, name), PICTURES),
        }
        for what, (values, count) in both.items():
            for title, index in MEASURES.items():
                quantiles = map(float, np.quantile(values[:, index], QUANTILES))
                rows.append((what, title, len(values) / count, *quantiles))
        columns = (
            ("", ""),
            ("measure", ""),
            ("ghosts a picture", ".2f"),
            *((f"{100 * q:.0f} %", ".1f") for q in QUANTILES),
        )
        tables.append(Table(name, columns, sorted(rows, key=lambda row: list(MEASURES).index(str(row[1])))))
    # from the optics alone, without the changes of the truth rule to outlines
    plain = dataclasses.replace(recipe, truth=dataclasses.replace(recipe.truth, margin=0.0, concentric=0.0))
    optics = [simulate_focal_plane(layout, SEED + number, plain) for number in range(PICTURES)]
    tables += [_widths(images, optics), _concentric(images, optics, drawn)]
    return Result(
        "Simulated ghosts compared with outlined ones",
        f"Outlines of the study's annotators on {len(images)} pictures, and of {PICTURES} simulated pictures "
        "that have ghosts: quantiles over ghosts. Length and width are four standard deviations of the "
        f"pixels along and across the long axis. {SPLIT} Outlines of these 15 are left out here, too.",
        tables=tables,
    )


def _widths(images: Sequence[AnnotatedImage], optics: Sequence[GhostPicture]) -> Table:
    """Return the radii of circles that people draw around reflections, and those of the optics."""
    rows: list[tuple[Cell, ...]] = []
    for name, path, low, high in WIDTHS:
        people = [
            ghost.outline.r
            for image in images
            for ghost in image.ghosts
            if isinstance(ghost.outline, Circle)
            and ghost.class_name != "Rays"
            and low < ghost.outline.r < high
        ]
        ours = [
            math.sqrt(np.count_nonzero(ghost.mask) / math.pi)
            for picture in optics
            for ghost in picture.instances
            if ghost.path == path
        ]
        widths = float(np.median(people)), float(np.median(ours))
        rows.append((name, len(people), len(ours), *widths, widths[0] - widths[1]))
    columns = (
        ("reflections of", ""),
        ("circles of people", "d"),
        ("simulated", "d"),
        ("median radius, people, px", ".1f"),
        ("optics", ".1f"),
        ("difference", ".1f"),
    )
    return Table("Radii of outlines", columns, rows, "The truth rule adds the difference: `truth.margin`.")


def _concentric(
    images: Sequence[AnnotatedImage], optics: Sequence[GhostPicture], drawn: Sequence[GhostPicture]
) -> Table:
    """Return the number of concentric pairs of reflections of a class, in each kind of picture."""
    sets = {
        "outlined": [[(g.class_name, g.outline.mask(i.shape)) for g in i.ghosts] for i in images],
        "simulated, without the truth rule": [[(g.class_name, g.mask) for g in p.instances] for p in optics],
        "simulated, with the truth rule": [[(g.class_name, g.mask) for g in p.instances] for p in drawn],
    }
    rows: list[tuple[Cell, ...]] = [
        (
            what,
            *(sum(_pairs(ghosts, name) for ghosts in pictures) / len(pictures) for name in CLASS_NAMES[1:]),
        )
        for what, pictures in sets.items()
    ]
    columns = (("", ""), *((f"{name}, pairs a picture", ".3f") for name in CLASS_NAMES[1:]))
    text = (
        f"Centres less than {MAX_DISTANCE:g} px apart. People outline fewer such pairs than simulated "
        "pictures show; which of the two they leave out was not measured. The truth rule gives both a common "
        "outline."
    )
    return Table("Concentric reflections of a class", columns, rows, text)


def _pairs(ghosts: Sequence[tuple[str, NDArray[np.bool_]]], name: str) -> int:
    centres = [
        np.argwhere(mask).mean(axis=0) for kind, mask in ghosts if kind == name and mask.sum() >= MIN_PIXELS
    ]
    return sum(
        math.dist(first, second) < MAX_DISTANCE
        for number, first in enumerate(centres)
        for second in centres[:number]
    )


def _measured(ghosts: list[tuple[str, NDArray[np.bool_]]], name: str) -> NDArray[np.float64]:
    """Return the measures of the ghosts of a class, ``(N, 5)``."""
    found = []
    for kind, mask in ghosts:
        y, x = np.nonzero(mask)
        if kind != name or len(y) < MIN_PIXELS:
            continue
        height, width = mask.shape
        offset = np.array([x.mean() - (width - 1) / 2, y.mean() - (height - 1) / 2])
        variances, axes = np.linalg.eigh(np.cov(np.stack([x, y])))
        distance = float(np.hypot(*offset))
        along = abs(float(axes[:, 1] @ offset)) / max(distance, 1e-9)
        spread = 4 * np.sqrt(np.maximum(variances, 0))
        found.append((len(y), distance, spread[1], spread[0], np.degrees(np.arccos(min(1.0, along)))))
    return np.array(found)
