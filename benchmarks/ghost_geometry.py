"""Simulated ghosts beside those that people outlined: how many, how large, where, and which way they lie."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from judged import SPLIT, judged_names, study_annotations
from results import Cell, Result, Table

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.decam import decam
from skysieve.simulate.ghosts import Layout, read_ghost_recipe, simulate_focal_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["measure"]

PICTURES = 600
SEED = 900_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FEWEST = 10
"""Pixels below which an outline has no direction."""

MEASURES = {
    "area, px": 0,
    "distance of its middle from the field's centre, px": 1,
    "length, px": 2,
    "width, px": 3,
    "angle between its long axis and the direction to the centre, degrees": 4,
}


def measure() -> Result:
    """Measure outlines of both kinds."""
    kept_back = set(judged_names())
    images = [image for image in study_annotations().images if image.name not in kept_back]
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
            for title, place in MEASURES.items():
                quantiles = map(float, np.quantile(values[:, place], QUANTILES))
                rows.append((what, title, len(values) / count, *quantiles))
        columns = (
            ("", ""),
            ("measure", ""),
            ("ghosts a picture", ".2f"),
            *((f"{100 * q:.0f} %", ".1f") for q in QUANTILES),
        )
        tables.append(Table(name, columns, sorted(rows, key=lambda row: list(MEASURES).index(str(row[1])))))
    return Result(
        "Simulated ghosts beside outlined ones",
        f"Outlines of the study's annotators on {len(images)} pictures, and of {PICTURES} simulated pictures "
        "that have ghosts: quantiles over ghosts. Length and width are four standard deviations of the "
        f"pixels along and across the long axis. {SPLIT} Outlines of these 15 are left out here, too.",
        tables=tables,
    )


def _measured(ghosts: list[tuple[str, NDArray[np.bool_]]], name: str) -> NDArray[np.float64]:
    """Return the measures of the ghosts of a class, ``(N, 5)``."""
    found = []
    for kind, mask in ghosts:
        y, x = np.nonzero(mask)
        if kind != name or len(y) < FEWEST:
            continue
        height, width = mask.shape
        place = np.array([x.mean() - (width - 1) / 2, y.mean() - (height - 1) / 2])
        variances, axes = np.linalg.eigh(np.cov(np.stack([x, y])))
        distance = float(np.hypot(*place))
        along = abs(float(axes[:, 1] @ place)) / max(distance, 1e-9)
        spread = 4 * np.sqrt(np.maximum(variances, 0))
        found.append((len(y), distance, spread[1], spread[0], np.degrees(np.arccos(min(1.0, along)))))
    return np.array(found)
