"""The ghosts of one exposure, as Python code uses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.classes import find_class
from skysieve.ghosts.predict.positions import touched_ccds
from skysieve.ghosts.predict.tables import ccd_table, ghost_table

if TYPE_CHECKING:
    from astropy.table import QTable
    from numpy.typing import NDArray

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.positions import PlacedGhost, TouchedCcd

__all__ = ["GhostResult"]


@dataclass(frozen=True, eq=False)
class GhostResult:
    """Ghosts and scattered light on one focal plane.

    Attributes
    ----------
    probability
        Probability that there is any ghost.
    ghosts
        Class, score, centre, position on the sky and CCDs of each ghost, the most likely first.
    masks
        ``(N, H, W)`` bool, the pixels of each of them in the picture; ghosts overlap.
    class_map
        Probability of each class ``(C, H / 4, W / 4)`` float32; None if the model has no such output.
    picture
        ``(H, W)`` uint8, the binned focal plane that was examined; row 0 is at the top.
    ccds, missing
        Numbers of the CCDs with data, and of those without.
    camera
        The camera.
    label
        Name of the exposure.
    """

    probability: float
    ghosts: tuple[PlacedGhost, ...]
    masks: NDArray[np.bool_]
    class_map: NDArray[np.float32] | None
    picture: NDArray[np.uint8]
    ccds: tuple[int, ...]
    missing: tuple[int, ...]
    camera: Camera = field(repr=False)
    label: str = ""

    @property
    def labels(self) -> NDArray[np.int16]:
        """``(H, W)`` int16: number of the most likely ghost at each pixel of the picture, 0 for none."""
        numbered = np.zeros(self.picture.shape, np.int16)
        for number in range(len(self.ghosts), 0, -1):
            numbered[self.masks[number - 1]] = number
        return numbered

    @property
    def touched(self) -> list[TouchedCcd]:
        """The CCDs that ghosts touch, by number."""
        return touched_ccds(self.ghosts)

    def boolean(self, class_name: str) -> NDArray[np.bool_]:
        """Return the pixels of the picture in any ghost of a class.

        Parameters
        ----------
        class_name
            ``Rays``, ``Bright`` or ``Faint``.

        Returns
        -------
        ndarray
            ``(H, W)`` bool.

        Raises
        ------
        ConfigError
            If there is no such class.
        """
        name = find_class(class_name).name
        chosen = [ghost.class_name == name for ghost in self.ghosts]
        return np.asarray(self.masks[np.array(chosen, np.bool_)].any(axis=0))

    def to_table(self) -> QTable:
        """Return a table with one row a ghost; see :func:`skysieve.ghosts.predict.tables.ghost_table`."""
        return ghost_table({self.label: self})

    def to_ccd_table(self) -> QTable:
        """Return a table with one row a touched CCD; see :func:`skysieve.ghosts.predict.tables.ccd_table`."""
        return ccd_table({self.label: self}, self.camera)
