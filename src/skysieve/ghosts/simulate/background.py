"""The background that a pipeline takes off each CCD, and what it leaves of wide light.

A pipeline measures the sky in a mesh of cells, smooths it with a median of 3 x 3 cells, and subtracts it.  So
the inside of a wide ghost comes out near the level of the sky, its rim stays, and beside bright streaks there
are dark ones.  No cell reaches across the gap to the next CCD: what is left breaks off there.

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

BRIGHTEST = 400.0
"""Light above this many levels is no sky: the mesh counts it as that much."""


def subtract_background(light: NDArray[np.float32], layout: Layout, *, cell: float) -> NDArray[np.float32]:
    """Return light without the background of each CCD, ``(H, W)`` float32; 0 off the CCDs.

    Parameters
    ----------
    light
        ``(H, W)`` float32, in grey levels.
    layout
        Where the CCDs lie.
    cell
        Side of a cell of the mesh, in pixels.
    """
    residual = np.zeros_like(light)
    by_shape: dict[tuple[int, int], list[CcdBox]] = {}
    for ccd in layout.ccds:
        if light[ccd.rows, ccd.columns].any():
            by_shape.setdefault(ccd.shape, []).append(ccd)
    for (height, width), ccds in by_shape.items():
        stack = np.stack([light[ccd.rows, ccd.columns] for ccd in ccds])
        mean_y, spread_y = _mesh(height, max(2, round(height / cell)))
        mean_x, spread_x = _mesh(width, max(2, round(width / cell)))
        mesh = mean_y @ np.minimum(stack, np.float32(BRIGHTEST)) @ mean_x.T
        smooth = ndimage.median_filter(mesh, size=(1, 3, 3), mode="nearest")
        stack -= spread_y @ smooth @ spread_x.T
        for ccd, left in zip(ccds, stack, strict=True):
            residual[ccd.rows, ccd.columns] = left
    return residual


@cache
def _mesh(size: int, cells: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what takes the means of cells, ``(cells, size)``, and what spreads cells linearly on pixels."""
    edges = np.linspace(0, size, cells + 1)
    pixel = np.arange(size)
    share = np.clip(np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel), 0, 1)
    means = share / share.sum(axis=1, keepdims=True)
    place = np.clip((pixel + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = np.minimum(place.astype(np.intp), cells - 2)
    spread = np.zeros((size, cells))
    spread[pixel, low] = 1 - (place - low)
    spread[pixel, low + 1] = place - low
    return means.astype(np.float32), spread.astype(np.float32)
