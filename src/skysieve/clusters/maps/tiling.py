"""The sky in units of work, and each unit in patches: every pixel of the output map once.

Units are the pixels of HEALPix at nside 8 in Galactic coordinates and NESTED order, counted from 0, so that
what a unit owns lies together in a NESTED map of any higher resolution.
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

__all__ = ["LEAST_MARGIN", "UNITS", "UNIT_NSIDE", "OwnedPatch", "cover_unit", "unit_pixels"]

UNIT_NSIDE = 8
UNITS = 12 * UNIT_NSIDE**2
"""Units of the whole sky, each of 54 square degrees."""

LEAST_MARGIN = 6
"""Pixels between what is taken from a patch and its edge, where a network sees too little."""

_FINEST = 512
_STEPS = 4
# A square looks the same after a quarter of a turn
_ROTATIONS = np.arange(0.0, 90.0, 5.0)


@dataclass(frozen=True, eq=False)
class OwnedPatch:
    """A patch, and the pixels of the output map that are taken from it.

    Attributes
    ----------
    lon, lat, rotation
        Its centre, Galactic degrees, and how it is turned; see
        :class:`skysieve.clusters.maps.patches.PatchGrid`.
    pixels : ndarray, shape (P,)
        Numbers in the output map, NESTED.
    row, column : ndarray, shape (P,)
        Where these lie in the patch.
    """

    lon: float
    lat: float
    rotation: float
    pixels: NDArray[np.int64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]


def unit_pixels(unit: int, nside: int) -> NDArray[np.int64]:
    """Return the numbers of the pixels that a unit owns, NESTED, rising.

    Parameters
    ----------
    unit
        From 0.
    nside
        Of the output map, 8 or a larger power of two.

    Raises
    ------
    ConfigError
        If there is no such unit or map.
    """
    if nside < UNIT_NSIDE or nside.bit_count() != 1:
        raise ConfigError(f"a map of nside {nside}: expected a power of two, {UNIT_NSIDE} or more")
    if not 0 <= unit < UNITS:
        raise ConfigError(f"unit {unit} of the sky does not exist; they are counted from 0 to {UNITS - 1}")
    each = (nside // UNIT_NSIDE) ** 2
    return np.arange(unit * each, (unit + 1) * each, dtype=np.int64)


def cover_unit(unit: int, nside: int, grid: PatchGrid, *, margin: float = LEAST_MARGIN) -> list[OwnedPatch]:
    """Return the patches from which the pixels of a unit are taken, each pixel from one of them.

    Patches show pixels of HEALPix, those of the lowest nside at which all of the pixel lies so far inside;
    each is centred and turned so that its pixel fits it best.  Those of 64 pixels of 1.7 arcmin show pixels
    of nside 64.

    Parameters
    ----------
    unit, nside
        See :func:`unit_pixels`.
    grid
        The pixels of a patch.
    margin
        Least distance, in pixels of the patch, of whatever is taken from it to its outermost pixels.

    Raises
    ------
    ConfigError
        If there is no such unit or map, or patches are too small for the margin.
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
    for level, owners, places in _centres(unit, grid, margin):
        # Where patches are denser than the map, a pixel goes to the one that its centre is in
        owner = healpy.vec2pix(level, *vectors.T, nest=True)
        for number, (centre_lon, centre_lat, rotation) in zip(owners, places.T.tolist(), strict=True):
            mine = owner == number
            if mine.any():
                row, column = grid.pixels_of(lon[mine], lat[mine], centre_lon, centre_lat, rotation)
                patches.append(OwnedPatch(centre_lon, centre_lat, rotation, pixels[mine], row, column))
    return patches


def _centres(
    unit: int, grid: PatchGrid, margin: float
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield by nside which pixels patches are centred on, and the places ``(3, K)`` of these patches."""
    width = math.radians((grid.side - 1 - 2 * margin) * grid.resolution / 60)
    level, owners = UNIT_NSIDE, np.array([unit], np.int64)
    while owners.size and level <= _FINEST:
        fits = np.zeros(owners.size, bool)
        # No square that is smaller than a pixel of this level holds it
        if math.sqrt(math.pi / 3) / level <= width:
            places, left = _fit(owners, level, grid)
            fits = left >= margin
            yield level, owners[fits], places[:, fits]
        # The others in quarters
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
    """Return centre and rotation ``(3, K)`` of the patches that fit pixels best, and the pixels left then."""
    import healpy

    lon, lat = lon_lat(healpy.boundaries(level, owners, step=_STEPS, nest=True).transpose(0, 2, 1))
    centre = np.stack(healpy.pix2ang(level, owners, nest=True, lonlat=True))
    corners = _extent(lon[:, None], lat[:, None], centre[..., None, None], _ROTATIONS[:, None], grid)
    best = (corners[1] - corners[0]).max(axis=0).argmin(axis=1)
    rotation = _ROTATIONS[best]
    row, column = np.take_along_axis(corners.mean(axis=0), best[None, :, None], axis=2)[..., 0]
    # The middle of the outline is not where the pixel's centre is, least of all near the poles
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
    """Return the first and last row and column ``(2, 2, ...)`` that outlines ``(..., S)`` reach."""
    places = np.stack(grid.pixels_of(lon, lat, centre[0], centre[1], rotation))
    return np.stack([places.min(axis=-1), places.max(axis=-1)])
