"""The searched part of the sky: pixels with data, outside of the Galactic plane and inside the mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.healpix_maps import read_healpix_map
from skysieve.clusters.maps.sky_directions import from_galactic, lon_lat
from skysieve.clusters.maps.tiling import UNIT_NSIDE, UNITS, unit_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.maps.healpix_maps import HealpixMap
    from skysieve.clusters.maps.map_sets import MapSet
    from skysieve.clusters.maps.patches import MapStack

__all__ = ["SearchedSky", "read_mask"]

_MASK_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class SearchedSky:
    """The searched part of the sky.

    Attributes
    ----------
    maps
        Maps to search, where all of them have data.
    nside
        NSIDE of the output maps.
    galactic_cut
        Minimum absolute Galactic latitude, in degrees.
    mask
        Map whose pixels above one half are searched; None for all.
    """

    maps: MapSet
    nside: int
    galactic_cut: float = 0.0
    mask: HealpixMap | None = None

    def valid(self, unit: int) -> NDArray[np.bool_]:
        """Return which pixels of a unit are searched.

        Parameters
        ----------
        unit
            Number of the unit.

        Returns
        -------
        ndarray of bool, shape (P,)
            True for the pixels that are searched, in the order of
            :func:`skysieve.clusters.maps.tiling.unit_pixels`.
        """
        import healpy

        vectors = np.stack(healpy.pix2vec(self.nside, unit_pixels(unit, self.nside), nest=True), axis=-1)
        searched = np.abs(lon_lat(vectors)[1]) >= self.galactic_cut
        if self._footprint is not None:
            searched &= self._footprint[_pixels(self.maps.stack, vectors)]
        if self.mask is not None:
            searched &= self.mask.values[_pixels(self.mask, vectors)] > _MASK_THRESHOLD
        return np.asarray(searched)

    def units(self) -> list[int]:
        """Return the units with any pixel that is searched.

        Returns
        -------
        list of int
            Numbers of the units.
        """
        import healpy

        corners = healpy.boundaries(UNIT_NSIDE, np.arange(UNITS), step=8, nest=True).transpose(0, 2, 1)
        highest = np.abs(lon_lat(corners)[1]).max(axis=1)
        units = [int(unit) for unit in np.flatnonzero(highest >= self.galactic_cut)]
        whole = self._footprint is None and self.mask is None
        return units if whole else [unit for unit in units if self.valid(unit).any()]

    @cached_property
    def _footprint(self) -> NDArray[np.bool_] | None:
        """Pixels in which all maps have data; None if that is everywhere."""
        footprint = self.maps.footprint()
        return None if footprint.all() else footprint


def read_mask(path: Path, *, frame: str | None = None) -> HealpixMap:
    """Read a mask: 1 in pixels to search, 0 elsewhere.

    Parameters
    ----------
    path
        HEALPix FITS file.
    frame
        Coordinate frame, if the file does not state it.

    Returns
    -------
    HealpixMap
        The mask.

    Raises
    ------
    SourceError
        If the file cannot be read, or neither states nor is given a frame.
    """
    return read_healpix_map(path, frame=frame, unit="1")


def _pixels(one: HealpixMap | MapStack, vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the pixels of a map at Galactic unit vectors ``(P, 3)``."""
    import healpy

    if one.frame != "G":
        vectors = vectors @ from_galactic(one.frame).T
    return np.asarray(healpy.vec2pix(one.nside, *vectors.T, nest=one.nested))
