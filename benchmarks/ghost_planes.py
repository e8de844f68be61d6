"""Real focal planes without ghosts, put together from CCDs on which nobody outlined any."""

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
LEAST_LIT = 0.9
"""Part of a CCD that must have data."""

AROUND = 28
"""Pixels around what anybody outlined, as many as a CCD is high: outlines end where light fades, not where
there is none."""

LIMITS = (
    "Planes without ghosts are put together from CCDs of the same pictures, at random, on which none of the "
    f"eight people outlined anything, nor within {AROUND} px of them, with sky and noise made equal. They "
    "have the stars, defects and JPEG of real pictures. But what nobody outlined may still be a ghost, as "
    "streaks at the edge of CCD 18 of D00259351 look to be, neighbours do not belong together, and light "
    "over many CCDs, as of clouds, is cut to pieces."
)


def clean_planes(
    pictures: Sequence[AnnotatedPicture], pixels: Sequence[NDArray[np.uint8]], count: int
) -> list[NDArray[np.uint8]]:
    """Return planes without ghosts.

    Parameters
    ----------
    pictures
        As people judged them.
    pixels
        Each ``(H, W)`` uint8.
    count
        How many planes.
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
            if not near[box].any() and (~levels.nodata[box]).mean() >= LEAST_LIT:
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
    """Return a picture with contrast and noise changed by a factor about its sky; gaps stay as they are."""
    levels = measure_levels(picture, decam().ccd_map > 0)
    changed = np.float32(levels.sky) + (picture.astype(np.float32) - np.float32(levels.sky)) * np.float32(
        factor
    )
    changed[levels.nodata] = picture[levels.nodata]
    shown: NDArray[np.uint8] = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return shown
