"""Tiling of the sky: units of work, and patches of each unit, which cover each output pixel once.

Units are HEALPix pixels of NSIDE 8 in Galactic coordinates and NESTED order, numbered from 0.  The pixels
that a unit owns are contiguous in a NESTED map of any higher resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.clusters.maps.patches import PatchGrid

__all__ = ["MIN_MARGIN", "UNITS", "UNIT_NSIDE", "OwnedPatch", "cover_unit", "unit_pixels"]

UNIT_NSIDE = 8
UNITS = 12 * UNIT_NSIDE**2
"""Number of units of the sky, each of 54 square degrees."""

MIN_MARGIN = 6
"""Margin in pixels at the edges of patches, from which nothing is taken: networks lack context there."""

_MAX_NSIDE = 512
_STEPS = 4
# A square is the same after a rotation by 90 degrees
_ROTATIONS = np.arange(0.0, 90.0, 5.0)


@dataclass(frozen=True, eq=False)
class OwnedPatch:
    """A patch, and the pixels of the output map that are taken from it.

    Attributes
    ----------
    lon, lat, rotation
        Galactic coordinates of the centre, and rotation, in degrees; see
        :class:`skysieve.clusters.maps.patches.PatchGrid`.
    pixels : ndarray of int64, shape (P,)
        Numbers of the pixels in the output map, NESTED.
    row, column : ndarray of float64, shape (P,)
        Positions of these pixels in the patch.
    """

    lon: float
    lat: float
    rotation: float
    pixels: NDArray[np.int64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]


def unit_pixels(unit: int, nside: int) -> NDArray[np.int64]:
    """Return the pixels that a unit owns.

    Parameters
    ----------
    unit
        Number of the unit, from 0.
    nside
        NSIDE of the output map: a power of two, 8 or more.

    Returns
    -------
    ndarray of int64, shape (P,)
        Numbers of the pixels, NESTED, increasing.

    Raises
    ------
    ConfigError
        If the unit or NSIDE is not valid.
    """
    if nside < UNIT_NSIDE or nside.bit_count() != 1:
        raise ConfigError(f"a map of nside {nside}: expected a power of two, {UNIT_NSIDE} or more")
    if not 0 <= unit < UNITS:
        raise ConfigError(f"unit {unit} of the sky does not exist; they are counted from 0 to {UNITS - 1}")
    each = (nside // UNIT_NSIDE) ** 2
    return np.arange(unit * each, (unit + 1) * each, dtype=np.int64)


def cover_unit(unit: int, nside: int, grid: PatchGrid, *, margin: float = MIN_MARGIN) -> list[OwnedPatch]:
    """Return patches that cover a unit; each pixel is taken from one of them.

    Each patch covers one HEALPix pixel, of the lowest NSIDE at which the whole pixel lies inside of the
    margin.  Its centre and rotation are chosen to fit this pixel best.  Patches of 64 pixels of 1.7 arcmin
    cover pixels of NSIDE 64.

    Parameters
    ----------
    unit, nside
        See :func:`unit_pixels`.
    grid
        Pixel grid of the patches.
    margin
        Minimum distance, in pixels of the patch, from the outermost pixels to any pixel that is taken.

    Returns
    -------
    list of OwnedPatch
        The patches with their pixels.

    Raises
    ------
    ConfigError
        If the unit or NSIDE is not valid, or patches are too small for the margin.
    """
    pixels = unit_pixels(unit, nside)
    if not 0 <= margin < (grid.side - 1) / 2:
        raise ConfigError(
            f"a margin of {margin:g} pixels leaves nothing of patches of {grid.side}; give less, 0 at least"
        )
    import healpy

    vectors = np.stack(healpy.pix2vec(nside, pixels, nest=True), axis=-1)
    lon, lat = lon_lat(vectors)
    patches = []
    for level, owners, centres in _centres(unit, grid, margin):
        # If patches are denser than the output map, each of its pixels belongs to the patch at its centre
        owner = healpy.vec2pix(level, *vectors.T, nest=True)
        for number, (centre_lon, centre_lat, rotation) in zip(owners, centres.T.tolist(), strict=True):
            mine = owner == number
            if mine.any():
                row, column = grid.pixels_of(lon[mine], lat[mine], centre_lon, centre_lat, rotation)
                patches.append(OwnedPatch(centre_lon, centre_lat, rotation, pixels[mine], row, column))
    return patches


def _centres(
    unit: int, grid: PatchGrid, margin: float
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield NSIDE, pixels ``(K,)``, and centres and rotations ``(3, K)`` of the patches that cover them."""
    width = math.radians((grid.side - 1 - 2 * margin) * grid.resolution / 60)
    level, owners = UNIT_NSIDE, np.array([unit], np.int64)
    while owners.size and level <= _MAX_NSIDE:
        fits = np.zeros(owners.size, bool)
        # A square with a smaller area than the pixel cannot contain it
        if math.sqrt(math.pi / 3) / level <= width:
            centres, left = _fit(owners, level, grid)
            fits = left >= margin
            yield level, owners[fits], centres[:, fits]
        # Divide the other pixels into four
        owners = (4 * owners[~fits, None] + np.arange(4)).ravel()
        level *= 2
    if owners.size:
        raise ConfigError(
            f"patches of {grid.side} pixels of {grid.resolution:g} arcmin are too small for a margin of "
            f"{margin:g} pixels; give less"
        )


def _fit(
    owners: NDArray[np.int64], level: int, grid: PatchGrid
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and rotation ``(3, K)`` of the best patch of each pixel, and its margin ``(K,)``."""
    import healpy

    lon, lat = lon_lat(healpy.boundaries(level, owners, step=_STEPS, nest=True).transpose(0, 2, 1))
    centre = np.stack(healpy.pix2ang(level, owners, nest=True, lonlat=True))
    corners = _extent(lon[:, None], lat[:, None], centre[..., None, None], _ROTATIONS[:, None], grid)
    best = (corners[1] - corners[0]).max(axis=0).argmin(axis=1)
    rotation = _ROTATIONS[best]
    row, column = np.take_along_axis(corners.mean(axis=0), best[None, :, None], axis=2)[..., 0]
    # The centre of the outline differs from that of the pixel, most of all near the poles
    centre = np.stack(grid.sky_of(row, column, centre[0], centre[1], rotation))
    low, high = _extent(lon, lat, centre[..., None], rotation[:, None], grid)
    left = np.minimum(low, grid.side - 1 - high).min(axis=0)
    return np.stack([*centre, rotation]), left


def _extent(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    centre: NDArray[np.float64],
    rotation: NDArray[np.float64],
    grid: PatchGrid,
) -> NDArray[np.float64]:
    """Return the minimum and maximum row and column ``(2, 2, ...)`` of outlines ``(..., S)``."""
    positions = np.stack(grid.pixels_of(lon, lat, centre[0], centre[1], rotation))
    return np.stack([positions.min(axis=-1), positions.max(axis=-1)])
