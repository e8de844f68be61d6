"""Sky coordinates of a frame on a coarse grid, which pages interpolate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SkyGrid", "sky_grid"]

NODES = 21
"""Nodes of the grid along each axis.  Between them distortions are close to linear."""

_SMALLEST = 1e-9
"""Extent of a frame in radians below which its header has lost the scale."""

_FURTHEST = np.cos(np.radians(75))


@dataclass(frozen=True)
class SkyGrid:
    """Sky coordinates at the nodes of a grid over a frame, in the tangent plane about its centre.

    The first node of each axis is at the outer edge of the first pixel (FITS coordinate 0.5), the last at
    that of the last pixel.

    Attributes
    ----------
    centre
        Right ascension and declination of the tangent point (ICRS), in degrees.
    east, north
        ``(NODES, NODES)`` float64: standard coordinates of the nodes, in radians; axes y, x.
    corners
        Right ascension and declination of the four corners, counter-clockwise in pixels, in degrees.
    """

    centre: tuple[float, float]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    corners: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, object]:
        """Return the grid as values for JSON."""
        return {
            "centre": [round(angle, 9) for angle in self.centre],
            "nodes": len(self.east),
            "east": [float(f"{value:.9g}") for value in self.east.ravel()],
            "north": [float(f"{value:.9g}") for value in self.north.ravel()],
        }


def sky_grid(wcs: Any, shape: tuple[int, int]) -> SkyGrid | None:
    """Return the sky coordinates of a frame.

    Parameters
    ----------
    wcs
        World coordinates of the frame, as :class:`astropy.wcs.WCS`; None if there are none.
    shape
        Height and width of the frame in pixels.

    Returns
    -------
    SkyGrid or None
        None if the header has no usable world coordinates, or the frame covers too much of the sky.

    References
    ----------
    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3 (gnomonic projection).
    """
    if wcs is None:
        return None
    height, width = shape
    x, y = np.meshgrid(np.linspace(-0.5, width - 0.5, NODES), np.linspace(-0.5, height - 0.5, NODES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about keywords that astropy corrects
            sky = wcs.celestial.pixel_to_world(x, y).icrs
            ra, dec = np.radians(sky.ra.deg), np.radians(sky.dec.deg)
    except Exception:  # noqa: BLE001 (wcslib's errors have no common base class)
        return None
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        return None
    middle = NODES // 2
    ra0, dec0 = float(ra[middle, middle]), float(dec[middle, middle])
    cosine = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(ra - ra0)
    if cosine.min() < _FURTHEST:
        return None
    east = np.cos(dec) * np.sin(ra - ra0) / cosine
    north = (np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(ra - ra0)) / cosine
    if np.ptp(east) + np.ptp(north) < _SMALLEST:
        return None
    corners = tuple(
        (round(float(np.degrees(ra[row, column])), 7), round(float(np.degrees(dec[row, column])), 7))
        for row, column in ((0, 0), (0, -1), (-1, -1), (-1, 0))
    )
    return SkyGrid((float(np.degrees(ra0)), float(np.degrees(dec0))), east, north, corners)
