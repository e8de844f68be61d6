"""Background subtraction of a pipeline, and the residual that it leaves of extended light.

A pipeline measures the sky in a mesh of cells, smooths it with a median filter of 3 x 3 cells, and subtracts
it.  This removes the inside of a wide ghost, keeps its rim, and leaves dark bands beside bright streaks.  No
cell extends across a gap to the next CCD, so residuals end at the edge of a CCD.

References
----------
Bertin & Arnouts 1996, A&AS 117, 393, section 5 (background map).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.layout import CcdBox, Layout

__all__ = ["subtract_background"]

MAX_SKY_LEVEL = 400.0
"""Maximum sky level: the mesh clips brighter light to this many grey levels."""


def subtract_background(light: NDArray[np.float32], layout: Layout, *, cell: float) -> NDArray[np.float32]:
    """Subtract the background of each CCD.

    Parameters
    ----------
    light
        ``(H, W)`` float32, in grey levels.
    layout
        Positions of the CCDs.
    cell
        Side of a mesh cell, in pixels.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Residual in grey levels; 0 outside the CCDs.
    """
    residual = np.zeros_like(light)
    by_shape: dict[tuple[int, int], list[CcdBox]] = {}
    for ccd in layout.ccds:
        if light[ccd.rows, ccd.columns].any():
            by_shape.setdefault(ccd.shape, []).append(ccd)
    for (height, width), ccds in by_shape.items():
        stack = np.stack([light[ccd.rows, ccd.columns] for ccd in ccds])
        mean_y, interpolate_y = _mesh(height, max(2, round(height / cell)))
        mean_x, interpolate_x = _mesh(width, max(2, round(width / cell)))
        mesh = mean_y @ np.minimum(stack, np.float32(MAX_SKY_LEVEL)) @ mean_x.T
        background = ndimage.median_filter(mesh, size=(1, 3, 3), mode="nearest")
        stack -= interpolate_y @ background @ interpolate_x.T
        for ccd, residual_ccd in zip(ccds, stack, strict=True):
            residual[ccd.rows, ccd.columns] = residual_ccd
    return residual


@cache
def _mesh(size: int, cells: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the matrices of cell means ``(cells, size)`` and of linear interpolation ``(size, cells)``."""
    edges = np.linspace(0, size, cells + 1)
    pixel = np.arange(size)
    share = np.clip(np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel), 0, 1)
    means = share / share.sum(axis=1, keepdims=True)
    position = np.clip((pixel + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = np.minimum(position.astype(np.intp), cells - 2)
    interpolate = np.zeros((size, cells))
    interpolate[pixel, low] = 1 - (position - low)
    interpolate[pixel, low + 1] = position - low
    return means.astype(np.float32), interpolate.astype(np.float32)
