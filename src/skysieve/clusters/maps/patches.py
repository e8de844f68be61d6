"""Flat patches of the sky, cut from HEALPix maps of several bands."""

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

_LEAST_COSINE = 1e-6
_WIDEST = 90.0


@dataclass(frozen=True)
class PatchGrid:
    """The pixels of a patch: a square of the plane that touches the sky at the patch's centre.

    Columns grow with Galactic longitude and rows with Galactic latitude, if the patch is not rotated: what
    an image viewer shows with row 0 below and longitude growing to the right. The centre lies
    ``side / 2 - 0.5`` pixels from pixel 0, so between pixels where `side` is even. The projection is
    gnomonic.

    Attributes
    ----------
    side
        Pixels along an edge, H and W.
    resolution
        Arcminutes a pixel, at the centre.

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
        """Refuse patches that are none."""
        if self.side < 1:
            raise ConfigError(f"a patch of {self.side} pixels is none; give a side of 1 or more")
        if not self.resolution > 0 or not self.width <= _WIDEST:
            raise ConfigError(
                f"a patch of {self.side} pixels of {self.resolution} arcmin is {self.width:g} degrees wide;"
                f" a flat one is at most {_WIDEST:g}"
            )

    @property
    def width(self) -> float:
        """Degrees along an edge, at the scale of the centre."""
        return self.side * self.resolution / 60

    @property
    def reach(self) -> float:
        """Degrees from the centre to the outer corner of a corner pixel: nothing lies farther."""
        return math.degrees(math.atan(math.radians(self.width) / math.sqrt(2)))

    def vectors(self, lon: ArrayLike, lat: ArrayLike, rotation: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Return unit vectors of the pixels' centres.

        Parameters
        ----------
        lon, lat
            Centre of a patch, or of several, ``(...)``; degrees.
        rotation
            Degrees by which the columns' axis is turned from growing longitude toward growing latitude.

        Returns
        -------
        ndarray, shape (..., H, W, 3)
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
        """Return Galactic longitude and latitude, ``(..., H, W)`` degrees, of the pixels' centres.

        Parameters are those of :meth:`vectors`.
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
        """Return where directions fall in a patch, in it or not.

        Parameters
        ----------
        lon, lat
            Galactic degrees, ``(...)``.
        centre_lon, centre_lat, rotation
            The patch; several, if their shape broadcasts with the directions'.

        Returns
        -------
        row, column
            ``(...)`` float64; whole numbers are the centres of pixels. NaN a quarter of the sky from the
            centre and beyond, which the plane does not show.
        """
        where = unit_vectors(lon, lat)
        centre_lon, centre_lat, rotation = np.broadcast_arrays(
            *(np.asarray(x, np.float64) for x in (centre_lon, centre_lat, rotation))
        )
        right, up = self._axes(centre_lon, centre_lat, rotation)
        depth = np.sum(where * unit_vectors(centre_lon, centre_lat), axis=-1)
        scale = 1 / (np.where(depth > _LEAST_COSINE, depth, np.nan) * math.radians(self.resolution / 60))
        middle = (self.side - 1) / 2
        row = np.sum(where * up, axis=-1) * scale + middle
        column = np.sum(where * right, axis=-1) * scale + middle
        return np.asarray(row), np.asarray(column)

    def sky_of(
        self,
        row: ArrayLike,
        column: ArrayLike,
        centre_lon: ArrayLike,
        centre_lat: ArrayLike,
        rotation: ArrayLike = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the Galactic longitude and latitude, ``(...)`` degrees, of places in a patch.

        The way back from :meth:`pixels_of`; `row` and `column` may lie between pixels, and outside.
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
        """Return unit vectors along rows, toward the next column, and along columns, toward the next row."""
        east, north = tangent_axes(lon, lat)
        angle = np.radians(rotation)[..., None]
        return (
            np.cos(angle) * east + np.sin(angle) * north,
            np.cos(angle) * north - np.sin(angle) * east,
        )


class MapStack:
    """Maps of several bands, of one resolution, order and frame, that patches are cut from.

    Nothing is copied: the stack refers to the values of the maps.

    Parameters
    ----------
    maps
        One a band, in the order of the channels of patches.

    Raises
    ------
    FrameError
        If there is none, or they differ in nside, order or frame.
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
        """Return a stack of some of the maps."""
        return MapStack([self.maps[number] for number in numbers])

    def cut(self, lon: float, lat: float, grid: PatchGrid, rotation: float = 0.0) -> NDArray[np.float32]:
        """Return a patch, ``(B, H, W)``, in the units of the maps.

        Values are interpolated between the four nearest pixels, and are NaN where one of them has none.

        Parameters
        ----------
        lon, lat
            Galactic degrees of the centre.
        grid
            The pixels of the patch.
        rotation
            As in :meth:`PatchGrid.vectors`.
        """
        return self.at(grid.vectors(lon, lat, rotation))

    def cut_many(
        self, lon: ArrayLike, lat: ArrayLike, grid: PatchGrid, rotation: ArrayLike = 0.0
    ) -> NDArray[np.float32]:
        """Return patches about several centres, ``(N, B, H, W)``; see :meth:`cut`."""
        lon, lat, rotation = np.broadcast_arrays(*(np.atleast_1d(x) for x in (lon, lat, rotation)))
        patches = np.empty((lon.size, len(self), grid.side, grid.side), np.float32)
        for patch, *place in zip(patches, lon, lat, rotation, strict=True):
            patch[:] = self.at(grid.vectors(*place))
        return patches

    def at(self, vectors: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return interpolated values, ``(B, ...)``, in the directions of Galactic unit vectors, ``(..., 3)``.

        References
        ----------
        Gorski et al. 2005, ApJ 622, 759 (HEALPix); bilinear between the rings above and below, as in its
        library.
        """
        import healpy

        if self.frame != "G":
            vectors = vectors @ from_galactic(self.frame).T
        x, y, z = (vectors[..., axis].ravel() for axis in range(3))
        colatitude, longitude = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
        pixels, weights = healpy.get_interp_weights(self.nside, colatitude, longitude, nest=self.nested)
        shares = weights.astype(np.float32)
        values = np.empty((len(self), x.size), np.float32)
        for band, one in zip(values, self.maps, strict=True):
            np.einsum("ij,ij->j", one.values[pixels], shares, out=band)
        return values.reshape(len(self), *vectors.shape[:-1])


def _order(one: HealpixMap) -> str:
    return "NESTED" if one.nested else "RING"
