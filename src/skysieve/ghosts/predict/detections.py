"""Convert the output of an object detection network, such as Mask R-CNN, to ghosts.

For each object, such a network returns the class, the score, a bounding box, and mask probabilities on a grid
over the box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.ndimage import map_coordinates

from skysieve.core.errors import ModelError
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import MAX_GHOSTS, MIN_AREA, Ghost, suppress_duplicates
from skysieve.ghosts.predict.screening import MIN_SCORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Detections"]

BEFORE_GRID = 6
"""Number of values of an object before its grid: class, score, and the four sides of the box."""


@dataclass(frozen=True)
class Detections:
    """The output of an object detection network for one picture.

    Attributes
    ----------
    shape
        Rows and columns of the picture.
    kinds
        Class of each object ``(D,)`` intp, as index of :data:`skysieve.ghosts.classes.CLASSES`.
    scores
        Score of each object ``(D,)`` float32.
    boxes
        Left, upper, right and lower side ``(D, 4)`` float32, in pixels from the corner of the picture.
    grids
        Mask probabilities in the cells of each box ``(D, S, S)`` float32.
    """

    shape: tuple[int, int]
    kinds: NDArray[np.intp]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    grids: NDArray[np.float32]

    @classmethod
    def unpack(cls, array: NDArray[np.float32], shape: tuple[int, int]) -> Self:
        """Unpack the array that a graph returns.

        Parameters
        ----------
        array
            Packed objects ``(D, 6 + S * S)`` float32.
        shape
            Rows and columns of the picture.

        Returns
        -------
        Detections
            The objects.

        Raises
        ------
        ModelError
            If the array has another form, or a class is unknown.
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
        """None: the network has no class map."""
        return

    @property
    def probability(self) -> float:
        """Probability of any ghost, as if objects were independent; very low scores are ignored."""
        scores = np.clip(self.scores[self.scores >= MIN_SCORE], 0, 1).astype(np.float64)
        return float(1 - np.prod(1 - scores))

    def ghosts(self, thresholds: Mapping[str, float]) -> list[Ghost]:
        """Return the ghosts with a sufficient score.

        Parameters
        ----------
        thresholds
            Minimum score of each class.

        Returns
        -------
        list of Ghost
            Ghosts, sorted by decreasing score.
        """
        found = []
        for number in np.argsort(-self.scores, kind="stable")[:MAX_GHOSTS]:
            name, score = CLASS_NAMES[self.kinds[number]], float(self.scores[number])
            if score < thresholds[name]:
                continue
            mask = paste(self.grids[number], self.boxes[number], self.shape)
            if np.count_nonzero(mask) >= MIN_AREA:
                found.append(Ghost(name, score, mask))
        return suppress_duplicates(found)


def paste(grid: NDArray[np.float32], box: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw the mask of an object in the picture, with linear interpolation between the cells of its grid.

    Parameters
    ----------
    grid
        Mask probabilities ``(S, S)`` float32; they are zero outside the grid.
    box
        Left, upper, right and lower side ``(4,)``, in pixels from the corner of the picture.
    shape
        Rows and columns of the picture.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True where the interpolated probability is at least 0.5.

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
    # the centre of the first cell is half a cell from the side of the box
    y = (rows + 0.5 - upper) * side / (lower - upper) - 0.5
    x = (columns + 0.5 - left) * side / (right - left) - 0.5
    # beyond the outermost cell centres, probabilities decrease to zero within one cell
    padded = np.pad(grid, 1)
    positions = np.meshgrid(y + 1, x + 1, indexing="ij")
    probabilities = map_coordinates(padded, positions, order=1, mode="constant", cval=0.0)
    mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = probabilities >= 0.5
    return mask
