"""Real focal planes without ghosts, assembled from CCDs on which nobody outlined a ghost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import distance_transform_edt

from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.levels import measure_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.evaluate.pictures import AnnotatedPicture

__all__ = ["LIMITS", "clean_planes", "stretched"]

SEED = 1_618_033
SKY, NOISE, GAP = 54.0, 13.0, 23
MIN_VALID = 0.9
"""Minimum fraction of a CCD that must have data."""

AROUND = 28
"""Margin around outlined ghosts in pixels, the height of a CCD: outlines end where the light fades, not where
it ends."""

LIMITS = (
    "Planes without ghosts are assembled at random from CCDs of the same pictures on which none of the eight "
    f"people outlined anything, nor within {AROUND} px of them; sky and noise are made equal. They have the "
    "stars, defects and JPEG artefacts of real pictures. Their limits: a CCD that nobody outlined may still "
    "show a ghost, as the streaks at the edge of CCD 18 of D00259351 seem to be; neighbouring CCDs come from "
    "different pictures; and light over many CCDs, as of clouds, is cut to pieces."
)


def clean_planes(
    pictures: Sequence[AnnotatedPicture], pixels: Sequence[NDArray[np.uint8]], count: int
) -> list[NDArray[np.uint8]]:
    """Return planes without ghosts.

    Parameters
    ----------
    pictures
        The annotated pictures.
    pixels
        Pixels of each picture, ``(H, W)`` uint8.
    count
        Number of planes.

    Returns
    -------
    list of numpy.ndarray
        Planes, ``(H, W)`` uint8.
    """
    camera, rng = decam(), np.random.default_rng(SEED)
    plane = camera.ccd_map > 0
    free: dict[int, list[NDArray[np.uint8]]] = {number: [] for number in camera.numbers}
    for one, picture in zip(pictures, pixels, strict=True):
        levels = measure_levels(picture, plane, label=one.name)
        outlined = np.zeros(picture.shape, bool)
        for person in one.people:
            for ghost in person.ghosts:
                outlined |= ghost.outline.mask(person.shape)
        even = SKY + (picture.astype(np.float32) - levels.sky) * NOISE / levels.noise
        shown = np.where(levels.nodata, GAP, np.clip(np.rint(even), 0, 255)).astype(np.uint8)
        near = distance_transform_edt(~outlined) <= AROUND if outlined.any() else outlined
        for ccd in camera.ccds:
            box = ccd.picture_box.inside(picture.shape)
            if not near[box].any() and (~levels.nodata[box]).mean() >= MIN_VALID:
                free[ccd.number].append(shown[box])
    planes = []
    for _ in range(count):
        made = np.full(camera.picture_shape, GAP, np.uint8)
        for number, cells in free.items():
            if cells:
                box = camera.by_number[number].picture_box.inside(camera.picture_shape)
                made[box] = cells[int(rng.integers(len(cells)))]
        planes.append(made)
    return planes


def stretched(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return a picture with contrast and noise scaled by a factor about its sky level; gaps stay the same."""
    levels = measure_levels(picture, decam().ccd_map > 0)
    changed = np.float32(levels.sky) + (picture.astype(np.float32) - np.float32(levels.sky)) * np.float32(
        factor
    )
    changed[levels.nodata] = picture[levels.nodata]
    shown: NDArray[np.uint8] = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return shown
