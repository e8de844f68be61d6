"""From the boxes of a network that finds objects one by one, as Mask R-CNN does, to ghosts.

Such a network says of each object its class, how likely it is, a box around it, and for each cell of a grid
over the box how likely the object covers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.ndimage import map_coordinates

from skysieve.core.errors import ModelError
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import LEAST_AREA, MOST, Ghost, without_twins
from skysieve.ghosts.predict.screening import WEAKEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Detections"]

BEFORE_GRID = 6
"""Values of an object before those of its grid: class, score, and the four sides of the box."""


@dataclass(frozen=True)
class Detections:
    """What such a network says of one picture ``(H, W)``.

    Attributes
    ----------
    shape
        Of the picture.
    kinds
        Class of each object, by its place in the registry ``(D,)`` intp.
    scores
        How likely each is ``(D,)`` float32.
    boxes
        Left, upper, right and lower side of each, in pixels from the picture's corner ``(D, 4)`` float32.
    grids
        Probabilities in the cells of each box ``(D, S, S)`` float32.
    """

    shape: tuple[int, int]
    kinds: NDArray[np.intp]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    grids: NDArray[np.float32]

    @classmethod
    def unpack(cls, array: NDArray[np.float32], shape: tuple[int, int]) -> Self:
        """Return the objects that the graph packs into one array ``(D, 6 + S * S)``.

        Raises
        ------
        ModelError
            If the array has no such form, or names a class that there is not.
        """
        side = math.isqrt(max(0, array.shape[1] - BEFORE_GRID))
        kinds = array[:, 0].astype(np.intp)
        if side == 0 or side * side != array.shape[1] - BEFORE_GRID:
            raise ModelError(
                f"the graph gives {array.shape[1]} values of an object: expected 6 and those of a square grid"
            )
        if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(CLASS_NAMES):
            raise ModelError(f"the graph gives classes {kinds.min()} to {kinds.max()}: there are 0 to 2")
        grids = array[:, BEFORE_GRID:].reshape(-1, side, side)
        return cls(shape, kinds, array[:, 1], array[:, 2:BEFORE_GRID], grids)

    @property
    def classes(self) -> None:
        """Such a network has no map of classes."""
        return

    @property
    def probability(self) -> float:
        """That there is any ghost, as if objects were independent; dozens of weak ones say nothing."""
        scores = np.clip(self.scores[self.scores >= WEAKEST], 0, 1).astype(np.float64)
        return float(1 - np.prod(1 - scores))

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Return the ghosts, the likeliest first.

        Parameters
        ----------
        thresholds
            Least score of each class.
        """
        found = []
        for number in np.argsort(-self.scores, kind="stable")[:MOST]:
            name, score = CLASS_NAMES[self.kinds[number]], float(self.scores[number])
            if score < thresholds[name]:
                continue
            mask = paste(self.grids[number], self.boxes[number], self.shape)
            if np.count_nonzero(mask) >= LEAST_AREA:
                found.append(Ghost(name, score, mask))
        return without_twins(found)


def paste(grid: NDArray[np.float32], box: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels of a picture where the grid of a box is above one half, linear between its cells.

    Parameters
    ----------
    grid
        ``(S, S)`` probabilities; beyond it they are zero.
    box
        Left, upper, right and lower side.
    shape
        Of the picture.

    Examples
    --------
    >>> mask = paste(np.ones((4, 4), np.float32), np.array([2.0, 1.0, 6.0, 5.0]), (6, 8))
    >>> np.argwhere(mask).min(axis=0).tolist(), np.argwhere(mask).max(axis=0).tolist()
    ([1, 2], [4, 5])
    """
    mask = np.zeros(shape, bool)
    left, upper, right, lower = (float(side) for side in box)
    if right <= left or lower <= upper:
        return mask
    height, width = shape
    rows = np.arange(max(0, math.floor(upper) - 1), min(height, math.ceil(lower) + 1))
    columns = np.arange(max(0, math.floor(left) - 1), min(width, math.ceil(right) + 1))
    if not (rows.size and columns.size):
        return mask
    side = len(grid)
    # the middle of the first cell is half a cell from the side of the box
    y = (rows + 0.5 - upper) * side / (lower - upper) - 0.5
    x = (columns + 0.5 - left) * side / (right - left) - 0.5
    padded = np.pad(grid, 1)  # fades to zero within one cell, as the outermost cells are half outside
    places = np.meshgrid(y + 1, x + 1, indexing="ij")
    part = map_coordinates(padded, places, order=1, mode="constant", cval=0.0)
    mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = part >= 0.5
    return mask
