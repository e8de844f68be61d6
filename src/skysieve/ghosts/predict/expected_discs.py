"""Expected wide discs: where the optics put the widest reflections of the bright stars of a picture.

A star and the optical prescription determine the circles of its reflections.  A rim too weak to be the
strongest of the whole picture can still be found where one is expected.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects, label

from skysieve.ghosts.predict.wide_discs import WideDisc
from skysieve.ghosts.simulate.layout import DECAM_MM_PER_PIXEL
from skysieve.ghosts.simulate.path_table import MM_PER_DEGREE, decam_paths, fitted_light

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["expected_discs", "find_bright_stars"]

MIN_LEVEL = 8.0
"""Minimum level of the pixels of a bright star, in units of noise above the sky."""

MIN_PIXELS = 12
"""Minimum number of connected pixels of a bright star."""

MAX_STARS = 4
"""Maximum number of stars that are followed up, those with the most pixels."""

MIN_BRIGHTNESS = 1e-8
"""Minimum brightness of a reflection, as fraction of the star's light per mm2.  Wide reflections between
detector and glass have 2e-8 to 7e-8; those between two glass surfaces have a fifth of that."""

SAME_CENTRE, SAME_RADIUS = 4.0, 4.0
"""Differences in pixels below which two expected circles are one, as those of the two sides of a filter."""


def find_bright_stars(pixels: NDArray[np.float32], nodata: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Find the brightest stars of a picture, saturated ones included.

    A bright compact reflection counts as well; it lies beside its star.

    Parameters
    ----------
    pixels
        Picture ``(H, W)`` float32, in units of noise above the sky.
    nodata
        Pixels ``(H, W)`` bool without data.

    Returns
    -------
    list of tuple of float
        Row and column of each star, those with the most bright pixels first.
    """
    groups, _ = label((pixels > MIN_LEVEL) & ~nodata, np.ones((3, 3)))
    sizes = np.bincount(groups.ravel())
    sizes[0] = 0
    boxes = find_objects(groups)
    stars = []
    for number in np.argsort(-sizes, kind="stable")[:MAX_STARS]:
        if sizes[number] < MIN_PIXELS:
            break
        box = boxes[number - 1]
        rows, columns = np.nonzero(groups[box] == number)
        stars.append((float(rows.mean()) + box[0].start, float(columns.mean()) + box[1].start))
    return stars


def expected_discs(
    stars: list[tuple[float, float]], shape: tuple[int, int], radii: tuple[float, float]
) -> list[WideDisc]:
    """Return the circles where the optics of DECam put the widest reflections of stars.

    Parameters
    ----------
    stars
        Row and column of each star.
    shape
        Rows and columns of the picture; the field centre is its centre.
    radii
        Minimum and maximum radius in pixels.

    Returns
    -------
    list of WideDisc
        Circles of all filter positions, with strength 0.
    """
    table = decam_paths()
    in_mm = radii[0] * DECAM_MM_PER_PIXEL, radii[1] * DECAM_MM_PER_PIXEL
    middle = (shape[0] - 1) / 2, (shape[1] - 1) / 2
    found: list[WideDisc] = []
    for row, column in stars:
        away = math.hypot(row - middle[0], column - middle[1]) * DECAM_MM_PER_PIXEL
        angle = away / MM_PER_DEGREE
        if not 0 < angle <= float(table.angles[-1]):
            continue
        for position in table.filter_positions:
            for path in table.at(angle, filter_position=position, radii=in_mm):
                if path.brightness * fitted_light(path.name) < MIN_BRIGHTNESS:
                    continue
                part = path.centre / away
                disc = WideDisc(
                    middle[0] + part * (row - middle[0]),
                    middle[1] + part * (column - middle[1]),
                    path.radius / DECAM_MM_PER_PIXEL,
                    0.0,
                )
                if not any(_is_same(disc, other) for other in found):
                    found.append(disc)
    return found


def _is_same(one: WideDisc, other: WideDisc) -> bool:
    """Tell whether two circles agree within the accuracy of the search."""
    near = math.hypot(one.row - other.row, one.column - other.column) < SAME_CENTRE
    return near and abs(one.radius - other.radius) < SAME_RADIUS
