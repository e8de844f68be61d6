"""Positions of the CCDs in a picture of a focal plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.errors import ConfigError
from skysieve.ghosts.simulate.path_table import decam_paths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.ghosts.simulate.path_table import PathTable

__all__ = ["DECAM_MM_PER_PIXEL", "CcdBox", "Layout"]

DECAM_MM_PER_PIXEL = 1.0575
"""Size of a pixel of a 400 x 400 picture of DECam's focal plane, in mm: 70.5 CCD pixels of 15 um."""

WIDEST_GAP = 6
"""Gaps between CCDs up to about this many pixels are part of the focal plane."""


@dataclass(frozen=True)
class CcdBox:
    """A CCD in the picture.

    Attributes
    ----------
    number
        Number of the CCD.
    rows, columns
        Its pixels.
    """

    number: int
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass(frozen=True, eq=False)
class Layout:
    """Layout of the CCDs of a camera in a picture of its focal plane, with the field centre in the centre.

    Attributes
    ----------
    ccd_map
        Number of the CCD at each pixel, ``(H, W)`` uint8; 0 in gaps and outside.
    mm_per_pixel
        Size of a pixel on the focal plane.
    paths
        Table of the ghosts of the camera; DECam's if None.

    Raises
    ------
    ConfigError
        If the map is not two-dimensional or contains no CCD, or the scale is not positive.
    """

    ccd_map: NDArray[np.uint8]
    mm_per_pixel: float = DECAM_MM_PER_PIXEL
    paths: PathTable | None = None

    def __post_init__(self) -> None:
        """Check the map and the scale."""
        if self.ccd_map.ndim != 2 or not self.ccd_map.any():
            raise ConfigError(
                f"layout: expected a map (H, W) of CCD numbers, found shape {self.ccd_map.shape}"
            )
        if not self.mm_per_pixel > 0:
            raise ConfigError(f"layout: mm per pixel must be positive, found {self.mm_per_pixel}")

    @property
    def optics(self) -> PathTable:
        """Table of the ghosts of the camera."""
        return decam_paths() if self.paths is None else self.paths

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture, in pixels."""
        height, width = self.ccd_map.shape
        return height, width

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the field centre."""
        height, width = self.ccd_map.shape
        return (height - 1) / 2, (width - 1) / 2

    @cached_property
    def ccds(self) -> tuple[CcdBox, ...]:
        """The CCDs, by number."""
        boxes = ndimage.find_objects(self.ccd_map.astype(np.intp))
        return tuple(CcdBox(n + 1, *box) for n, box in enumerate(boxes) if box is not None)

    @cached_property
    def plane(self) -> NDArray[np.bool_]:
        """The focal plane, including the gaps between its CCDs, ``(H, W)``."""
        padded = np.pad(self.ccd_map > 0, WIDEST_GAP, mode="edge")
        closed = ndimage.binary_closing(padded, np.ones((WIDEST_GAP, WIDEST_GAP), bool))
        plane: NDArray[np.bool_] = closed[WIDEST_GAP:-WIDEST_GAP, WIDEST_GAP:-WIDEST_GAP]
        return plane
