"""What the pixels of a HEALPix map do to small structure: each holds the mean over its area."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.simulate.harmonics import multipoles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pixel_window"]

_SHAPE_NSIDE = 16
"""Resolution at which the shapes of pixels over the sphere are sampled; they are the same at any other."""

_MAX_SCALED = 4.0
_STEPS = 81
_ANGLES = 24


def pixel_window(nside: int, lmax: int) -> NDArray[np.float64]:
    """Return the window of the pixels by degree, averaged over all pixels and directions.

    Pixels are taken as parallelograms in the plane, each with the shape it has on the sphere.  Fields of one
    degree that are averaged over pixels of nside 32 lose the same within a part in a thousand, up to degree
    3 nside. (healpy's tables of it do not come with healpy: it fetches them from the net.)

    Parameters
    ----------
    nside
        Of the map.
    lmax
        Highest degree, 4 nside at most.

    Returns
    -------
    ndarray, shape (lmax + 1,)
        What the amplitude of a field is multiplied with.

    References
    ----------
    Górski et al. 2005, ApJ 622, 759, section 5: shapes of the pixels.
    """
    scaled, squares = _squared_window()
    return np.sqrt(np.interp((multipoles(lmax) + 0.5) / nside, scaled, squares))


@lru_cache(maxsize=1)
def _squared_window() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return degrees as a ratio to nside, and the mean squared window there."""
    import healpy

    # By symmetry one pixel of the northern and one of the equatorial base pixels stand for all twelve
    polar, equatorial = np.arange(_SHAPE_NSIDE**2), np.arange(_SHAPE_NSIDE**2) + 4 * _SHAPE_NSIDE**2
    weights = np.repeat([8.0, 4.0], _SHAPE_NSIDE**2) / (12 * _SHAPE_NSIDE**2)
    corners = healpy.boundaries(_SHAPE_NSIDE, np.concatenate([polar, equatorial]), nest=True)
    first, second = _flat_sides(np.moveaxis(corners, 2, 1))
    scaled = np.linspace(0, _MAX_SCALED, _STEPS)
    angle = (np.arange(_ANGLES) + 0.5) / _ANGLES * np.pi
    waves = np.stack([np.cos(angle), np.sin(angle)])
    # A parallelogram's transform is a product of two sinc functions, along its sides
    along, across = (side @ waves * _SHAPE_NSIDE / (2 * np.pi) for side in (first, second))
    squares = [
        float(weights @ np.mean((np.sinc(one * along) * np.sinc(one * across)) ** 2, axis=1))
        for one in scaled
    ]
    return scaled, np.array(squares)


def _flat_sides(
    corners: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two sides of each pixel in its tangent plane, ``(pixels, 2)`` each, from its four corners."""
    centre = corners.mean(axis=1)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    east = np.cross([0.0, 0.0, 1.0], centre)
    east /= np.linalg.norm(east, axis=1, keepdims=True)
    plane = np.stack([east, np.cross(centre, east)], axis=2)
    flat = corners @ plane
    return (flat[:, 0] - flat[:, 1] + flat[:, 3] - flat[:, 2]) / 2, (
        flat[:, 1] - flat[:, 2] + flat[:, 0] - flat[:, 3]
    ) / 2
