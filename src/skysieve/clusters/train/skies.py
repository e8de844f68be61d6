"""Skies with known objects, for training: maps and lists of clusters and sources."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skysieve.clusters.maps.sky_directions import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

    from skysieve.clusters.maps.patches import MapStack
    from skysieve.clusters.physics.bands import Band

    Selection: TypeAlias = NDArray[np.bool_] | NDArray[np.intp] | slice

__all__ = ["LabelledSky", "SkyObjects"]


@dataclass(frozen=True, eq=False)
class SkyObjects:
    """Objects on the sky.

    Attributes
    ----------
    lon, lat
        Galactic coordinates in degrees ``(N,)``.
    size
        T500 in arcminutes ``(N,)``; NaN where it is unknown.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    size: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.lon)

    def __getitem__(self, which: Selection) -> SkyObjects:
        """Return a selection of the objects, by mask, slice or indices."""
        return SkyObjects(self.lon[which], self.lat[which], self.size[which])

    @classmethod
    def empty(cls) -> SkyObjects:
        """Return a list without objects.

        Returns
        -------
        SkyObjects
            Of length 0.
        """
        return cls(*np.zeros((3, 0)))

    @classmethod
    def concatenate(cls, parts: Sequence[SkyObjects]) -> SkyObjects:
        """Join several lists into one.

        Parameters
        ----------
        parts
            Lists to join.

        Returns
        -------
        SkyObjects
            All objects, in the order of the lists.
        """
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("lon", "lat", "size")))

    def within(self, lon: float, lat: float, degrees: float) -> NDArray[np.intp]:
        """Return the objects within some distance of a direction.

        Parameters
        ----------
        lon, lat
            Galactic direction in degrees.
        degrees
            Maximum distance in degrees.

        Returns
        -------
        ndarray of int, shape (M,)
            Indices in ascending order.
        """
        if not len(self):
            return np.zeros(0, np.intp)
        chord = 2 * np.sin(np.radians(degrees) / 2)
        return np.array(sorted(self._tree.query_ball_point(unit_vectors(lon, lat), chord)), np.intp)

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(unit_vectors(self.lon, self.lat))


@dataclass(frozen=True, eq=False)
class LabelledSky:
    """A sky whose clusters are known.

    Attributes
    ----------
    name
        Name for messages.
    stack, bands
        Maps, one for each band, and their bands.
    clusters
        Labelled clusters.
    ignored
        Fainter clusters, whose pixels are excluded from loss and scores.
    sources
        Other objects that resemble clusters.
    """

    name: str
    stack: MapStack
    bands: Sequence[Band]
    clusters: SkyObjects
    ignored: SkyObjects = field(default_factory=SkyObjects.empty)
    sources: SkyObjects = field(default_factory=SkyObjects.empty)

    @cached_property
    def digest(self) -> str:
        """Checksum of maps and objects; it does not depend on where the files lie."""
        digest = hashlib.blake2b(digest_size=16)
        for band, one in zip(self.bands, self.stack.maps, strict=True):
            digest.update(f"{band.name} {one.nside} {one.nested} {one.frame} {one.unit}".encode())
            digest.update(np.ascontiguousarray(one.values).data)
        for objects in (self.clusters, self.ignored, self.sources):
            values = np.array([objects.lon, objects.lat, objects.size], np.float64)
            digest.update(values.data)
        return digest.hexdigest()
