"""World coordinates of the picture as a whole: one tangential projection through those of all CCDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.geometry import SkyMap

__all__ = ["picture_wcs"]

FEWEST = 3
"""CCDs with a known place that a fit needs: three hold a picture of any scale, turn and parity."""


def picture_wcs(camera: Camera, sky: SkyMap) -> WCS | None:
    """Return the world coordinates of the picture; None if the place of too few CCDs is known.

    A tangential projection with one matrix, fitted to the corners of all CCDs: good to about one pixel of
    the picture, whose distortion is that of the whole field.  Exact places are those of :class:`SkyMap`.

    Parameters
    ----------
    camera
        The camera.
    sky
        Where its CCDs are on the sky.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import fit_wcs_from_points

    if len(sky.numbers) < FEWEST:
        return None
    places, found = [], []
    for number in sky.numbers:
        box = camera.by_number[number].lit
        for x, y in ((box.x0, box.y0), (box.x1 - 1, box.y0), (box.x0, box.y1 - 1), (box.x1 - 1, box.y1 - 1)):
            sighted = sky.sky(x, y)
            if sighted is not None:
                places.append((x, y))
                found.append(sighted)
    x, y = np.array(places, float).T
    ra, dec = np.array(found).T * units.deg
    return fit_wcs_from_points((x, y), SkyCoord(ra, dec), projection="TAN")
