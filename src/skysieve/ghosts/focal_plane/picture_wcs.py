"""Fit one WCS to the whole picture of a focal plane: a tangential projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.geometry import SkyMap

__all__ = ["picture_wcs"]

MIN_CCDS = 3
"""Minimum CCDs with a WCS.  Three CCDs determine scale, rotation and parity of the picture."""


def picture_wcs(camera: Camera, sky: SkyMap) -> WCS | None:
    """Fit the WCS of the whole picture to the corners of all CCDs.

    The fit is a tangential projection with one matrix.  It is accurate to about one pixel of the picture,
    because it ignores the distortion of the field.  Use :class:`SkyMap` for exact positions.

    Parameters
    ----------
    camera
        The camera.
    sky
        Mapping between picture and sky.

    Returns
    -------
    astropy.wcs.WCS or None
        The WCS; None if fewer than three CCDs have one.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import fit_wcs_from_points

    if len(sky.numbers) < MIN_CCDS:
        return None
    positions, directions = [], []
    for number in sky.numbers:
        box = camera.by_number[number].picture_box
        for x, y in ((box.x0, box.y0), (box.x1 - 1, box.y0), (box.x0, box.y1 - 1), (box.x1 - 1, box.y1 - 1)):
            direction = sky.sky(x, y)
            if direction is not None:
                positions.append((x, y))
                directions.append(direction)
    x, y = np.array(positions, float).T
    ra, dec = np.array(directions).T * units.deg
    return fit_wcs_from_points((x, y), SkyCoord(ra, dec), projection="TAN")
