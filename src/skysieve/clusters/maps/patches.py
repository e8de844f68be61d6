"""Cut flat patches of the sky from HEALPix maps of several bands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.sky_directions import from_galactic, lon_lat, tangent_axes, unit_vectors
from skysieve.core.errors import ConfigError, FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.maps.healpix_maps import HealpixMap

__all__ = ["MapStack", "PatchGrid"]

_MIN_COSINE = 1e-6
_MAX_WIDTH = 90.0


@dataclass(frozen=True)
class PatchGrid:
    """Pixel grid of a square patch in gnomonic (tangent plane) projection.

    Without rotation, Galactic longitude increases with the column and Galactic latitude with the row.  The
    centre of the patch is at pixel ``side / 2 - 0.5``, so between pixels if `side` is even.

    Attributes
    ----------
    side
        Number of pixels along an edge, H and W.
    resolution
        Arcminutes per pixel at the centre.

    Raises
    ------
    ConfigError
        If the patch has no pixel, or is wider than 90 degrees.

    References
    ----------
    Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3 (TAN).
    """

    side: int = 64
    resolution: float = 1.7

    def __post_init__(self) -> None:
        """Check the size."""
        if self.side < 1:
            raise ConfigError(f"a patch of {self.side} pixels is none; give a side of 1 or more")
        if not self.resolution > 0 or not self.width <= _MAX_WIDTH:
            raise ConfigError(
                f"a patch of {self.side} pixels of {self.resolution} arcmin is {self.width:g} degrees wide;"
                f" a flat one is at most {_MAX_WIDTH:g}"
            )

    @property
    def width(self) -> float:
        """Width in degrees, at the scale of the centre."""
        return self.side * self.resolution / 60

    @property
    def reach(self) -> float:
        """Angle in degrees from the centre to the outermost corner of the patch."""
        return math.degrees(math.atan(math.radians(self.width) / math.sqrt(2)))

    def vectors(self, lon: ArrayLike, lat: ArrayLike, rotation: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Compute unit vectors of the centres of all pixels.

        Parameters
        ----------
        lon, lat : array_like, shape (...)
            Galactic coordinates of the centres of patches, in degrees.
        rotation : array_like, shape (...)
            Angle in degrees from increasing longitude toward increasing latitude of the column axis.

        Returns
        -------
        ndarray of float64, shape (..., H, W, 3)
            Galactic unit vectors.
        """
        lon, lat, rotation = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (lon, lat, rotation)))
        right, up = self._axes(lon, lat, rotation)
        offsets = np.radians((np.arange(self.side) - (self.side - 1) / 2) * self.resolution / 60)
        vectors = (
            unit_vectors(lon, lat)[..., None, None, :]
            + offsets[:, None] * right[..., None, None, :]
            + offsets[:, None, None] * up[..., None, None, :]
        )
        vectors /= np.sqrt(1 + offsets[:, None] ** 2 + offsets**2)[..., None]
        return vectors

    def directions(
        self, lon: ArrayLike, lat: ArrayLike, rotation: ArrayLike = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the coordinates of the centres of all pixels.

        Parameters
        ----------
        lon, lat, rotation
            See :meth:`vectors`.

        Returns
        -------
        lon, lat : ndarray of float64, shape (..., H, W)
            Galactic coordinates in degrees.
        """
        return lon_lat(self.vectors(lon, lat, rotation))

    def pixels_of(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        centre_lon: ArrayLike,
        centre_lat: ArrayLike,
        rotation: ArrayLike = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Convert sky coordinates to pixel coordinates of a patch.

        Parameters
        ----------
        lon, lat : array_like, shape (...)
            Galactic coordinates in degrees, inside or outside of the patch.
        centre_lon, centre_lat, rotation : array_like, shape (...)
            Centre and rotation of the patch in degrees, or of several patches; see :meth:`vectors`.

        Returns
        -------
        row, column : ndarray of float64, shape (...)
            Integers are the centres of pixels.  NaN at 90 degrees or more from the centre, where the
            projection is not defined.
        """
        directions = unit_vectors(lon, lat)
        centre_lon, centre_lat, rotation = np.broadcast_arrays(
            *(np.asarray(x, np.float64) for x in (centre_lon, centre_lat, rotation))
        )
        right, up = self._axes(centre_lon, centre_lat, rotation)
        cosine = np.sum(directions * unit_vectors(centre_lon, centre_lat), axis=-1)
        scale = 1 / (np.where(cosine > _MIN_COSINE, cosine, np.nan) * math.radians(self.resolution / 60))
        centre = (self.side - 1) / 2
        row = np.sum(directions * up, axis=-1) * scale + centre
        column = np.sum(directions * right, axis=-1) * scale + centre
        return np.asarray(row), np.asarray(column)

    def sky_of(
        self,
        row: ArrayLike,
        column: ArrayLike,
        centre_lon: ArrayLike,
        centre_lat: ArrayLike,
        rotation: ArrayLike = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Convert pixel coordinates of a patch to sky coordinates; the inverse of :meth:`pixels_of`.

        Parameters
        ----------
        row, column : array_like, shape (...)
            Pixel coordinates, inside or outside of the patch.
        centre_lon, centre_lat, rotation
            See :meth:`pixels_of`.

        Returns
        -------
        lon, lat : ndarray of float64, shape (...)
            Galactic coordinates in degrees.
        """
        centre_lon, centre_lat, rotation = np.broadcast_arrays(
            *(np.asarray(x, np.float64) for x in (centre_lon, centre_lat, rotation))
        )
        right, up = self._axes(centre_lon, centre_lat, rotation)
        along, across = (
            (np.asarray(x, np.float64) - (self.side - 1) / 2) * math.radians(self.resolution / 60)
            for x in (column, row)
        )
        centre = unit_vectors(centre_lon, centre_lat)
        return lon_lat(centre + along[..., None] * right + across[..., None] * up)

    @staticmethod
    def _axes(
        lon: NDArray[np.float64], lat: NDArray[np.float64], rotation: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return unit vectors toward the next column and toward the next row."""
        east, north = tangent_axes(lon, lat)
        angle = np.radians(rotation)[..., None]
        return (
            np.cos(angle) * east + np.sin(angle) * north,
            np.cos(angle) * north - np.sin(angle) * east,
        )


class MapStack:
    """Maps of several bands with a common resolution, order and frame, from which patches are cut.

    The values of the maps are not copied.

    Parameters
    ----------
    maps
        One map per band, in the order of the channels of patches.

    Raises
    ------
    FrameError
        If there are no maps, or they differ in NSIDE, order or frame.
    """

    def __init__(self, maps: Sequence[HealpixMap]) -> None:
        if not maps:
            raise FrameError("no map was given; give one a band")
        self.maps = tuple(maps)
        first = self.maps[0]
        self.nside, self.nested, self.frame = first.nside, first.nested, first.frame
        for other in self.maps[1:]:
            for what, mine, its in (
                ("NSIDE", first.nside, other.nside),
                ("ORDERING", _order(first), _order(other)),
                ("COORDSYS", first.frame, other.frame),
            ):
                if mine != its:
                    raise FrameError(
                        f"{other.path}: {what} is {its}, and {mine} in {first.path}; bring the maps to one"
                    )

    def __len__(self) -> int:
        """Return the number of bands, B."""
        return len(self.maps)

    def select(self, numbers: Sequence[int]) -> MapStack:
        """Select some of the maps.

        Parameters
        ----------
        numbers
            Indices of the maps, in the order of the result.

        Returns
        -------
        MapStack
            Stack of the selected maps.
        """
        return MapStack([self.maps[number] for number in numbers])

    def cut(self, lon: float, lat: float, grid: PatchGrid, rotation: float = 0.0) -> NDArray[np.float32]:
        """Cut one patch.

        Parameters
        ----------
        lon, lat
            Galactic coordinates of the centre in degrees.
        grid
            Pixel grid of the patch.
        rotation
            See :meth:`PatchGrid.vectors`.

        Returns
        -------
        ndarray of float32, shape (B, H, W)
            Patch in the units of the maps; see :meth:`at`.
        """
        return self.at(grid.vectors(lon, lat, rotation))

    def cut_many(
        self, lon: ArrayLike, lat: ArrayLike, grid: PatchGrid, rotation: ArrayLike = 0.0
    ) -> NDArray[np.float32]:
        """Cut several patches.

        Parameters
        ----------
        lon, lat : array_like, shape (N,)
            Galactic coordinates of the centres in degrees.
        grid
            Pixel grid of the patches.
        rotation : array_like, shape () or (N,)
            See :meth:`PatchGrid.vectors`.

        Returns
        -------
        ndarray of float32, shape (N, B, H, W)
            Patches in the units of the maps; see :meth:`at`.
        """
        lon, lat, rotation = np.broadcast_arrays(*(np.atleast_1d(x) for x in (lon, lat, rotation)))
        patches = np.empty((lon.size, len(self), grid.side, grid.side), np.float32)
        for patch, *centre in zip(patches, lon, lat, rotation, strict=True):
            patch[:] = self.at(grid.vectors(*centre))
        return patches

    def at(self, vectors: NDArray[np.float64]) -> NDArray[np.float32]:
        """Interpolate the maps in given directions.

        The interpolation is bilinear between the rings above and below, as in the HEALPix library.

        Parameters
        ----------
        vectors : ndarray of float64, shape (..., 3)
            Galactic unit vectors.

        Returns
        -------
        ndarray of float32, shape (B, ...)
            Interpolated values; NaN if one of the four nearest pixels has no data.

        References
        ----------
        Gorski et al. 2005, ApJ 622, 759 (HEALPix).
        """
        import healpy

        if self.frame != "G":
            vectors = vectors @ from_galactic(self.frame).T
        x, y, z = (vectors[..., axis].ravel() for axis in range(3))
        colatitude, longitude = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
        pixels, weights = healpy.get_interp_weights(self.nside, colatitude, longitude, nest=self.nested)
        weights = weights.astype(np.float32)
        values = np.empty((len(self), x.size), np.float32)
        for band, one in zip(values, self.maps, strict=True):
            np.einsum("ij,ij->j", one.values[pixels], weights, out=band)
        return values.reshape(len(self), *vectors.shape[:-1])


def _order(one: HealpixMap) -> str:
    return "NESTED" if one.nested else "RING"
