"""Skies to learn clusters from: maps, and what is known to be in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.maps.sky_directions import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.maps.patches import MapStack
    from skysieve.clusters.physics.bands import Band

__all__ = ["LearnedSky", "Places"]


@dataclass(frozen=True, eq=False)
class Places:
    """Objects on the sky.

    Attributes
    ----------
    lon, lat
        Galactic degrees ``(N,)``.
    size
        What each has as T500, in arcminutes ``(N,)``; NaN where that is not known.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    size: NDArray[np.float64]

    def __len__(self) -> int:
        """Return their number."""
        return len(self.lon)

    def __getitem__(self, which: Any) -> Places:
        """Return some of them, by a mask or numbers."""
        return Places(self.lon[which], self.lat[which], self.size[which])

    @classmethod
    def none(cls) -> Places:
        """Return no objects."""
        return cls(*np.zeros((3, 0)))

    @classmethod
    def together(cls, parts: Sequence[Places]) -> Places:
        """Return the objects of several lists as one."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("lon", "lat", "size")))

    def within(self, lon: float, lat: float, degrees: float) -> NDArray[np.intp]:
        """Return the numbers of those that lie around a direction, in rising order."""
        if not len(self):
            return np.zeros(0, np.intp)
        chord = 2 * np.sin(np.radians(degrees) / 2)
        return np.array(sorted(self._tree.query_ball_point(unit_vectors(lon, lat), chord)), np.intp)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(unit_vectors(self.lon, self.lat))


@dataclass(frozen=True, eq=False)
class LearnedSky:
    """A sky whose clusters are known.

    Attributes
    ----------
    name
        For messages.
    stack, bands
        Its maps, one a band, and what these are.
    clusters
        Those that are labelled.
    left_open
        Fainter ones, whose pixels do not count.
    sources
        Other objects that may be taken for clusters.
    """

    name: str
    stack: MapStack
    bands: Sequence[Band]
    clusters: Places
    left_open: Places = field(default_factory=Places.none)
    sources: Places = field(default_factory=Places.none)

    @cached_property
    def digest(self) -> str:
        """A checksum of what is learnt from: where it lies does not matter."""
        digest = hashlib.blake2b(digest_size=16)
        for band, one in zip(self.bands, self.stack.maps, strict=True):
            digest.update(f"{band.name} {one.nside} {one.nested} {one.frame} {one.unit}".encode())
            digest.update(np.ascontiguousarray(one.values).data)
        for places in (self.clusters, self.left_open, self.sources):
            values = np.array([places.lon, places.lat, places.size], np.float64)
            digest.update(values.data)
        return digest.hexdigest()
