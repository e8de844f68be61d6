"""The result of :func:`skysieve.find_ghosts`."""

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
    from skysieve.ghosts.predict.positions import LocatedGhost, TouchedCcd

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
        Masks of the ghosts in the picture ``(N, H, W)`` bool; ghosts may overlap.
    class_map
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32; None if the model has no class map.
    picture
        The binned focal plane ``(H, W)`` uint8; row 0 is at the top.
    ccds, missing
        Numbers of the CCDs with data, and of those without.
    camera
        The camera.
    label
        Name of the exposure.
    """

    probability: float
    ghosts: tuple[LocatedGhost, ...]
    masks: NDArray[np.bool_]
    class_map: NDArray[np.float32] | None
    picture: NDArray[np.uint8]
    ccds: tuple[int, ...]
    missing: tuple[int, ...]
    camera: Camera = field(repr=False)
    label: str = ""

    @property
    def labels(self) -> NDArray[np.int16]:
        """Number of the ghost with the highest score at each pixel ``(H, W)`` int16; 0 for none."""
        numbered = np.zeros(self.picture.shape, np.int16)
        for number in range(len(self.ghosts), 0, -1):
            numbered[self.masks[number - 1]] = number
        return numbered

    @property
    def touched(self) -> list[TouchedCcd]:
        """The CCDs that ghosts touch, by number."""
        return touched_ccds(self.ghosts)

    def boolean(self, class_name: str) -> NDArray[np.bool_]:
        """Return the union of the ghosts of a class.

        Parameters
        ----------
        class_name
            ``Rays``, ``Bright`` or ``Faint``.

        Returns
        -------
        ndarray of bool, shape (H, W)
            Pixels of the picture in any ghost of this class.

        Raises
        ------
        ConfigError
            If there is no such class.
        """
        name = find_class(class_name).name
        chosen = [ghost.class_name == name for ghost in self.ghosts]
        return np.asarray(self.masks[np.array(chosen, np.bool_)].any(axis=0))

    def to_table(self) -> QTable:
        """Return the table of ghosts.

        Returns
        -------
        QTable
            One row per ghost; see :func:`skysieve.ghosts.predict.tables.ghost_table`.
        """
        return ghost_table({self.label: self})

    def to_ccd_table(self) -> QTable:
        """Return the table of touched CCDs.

        Returns
        -------
        QTable
            One row per touched CCD; see :func:`skysieve.ghosts.predict.tables.ccd_table`.
        """
        return ccd_table({self.label: self}, self.camera)
