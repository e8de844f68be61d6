"""Patches of skies to learn clusters from, cut when they are needed, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, tangent_axes, unit_vectors
from skysieve.clusters.train.labels import RadiusRule, SkyDiscs, draw_labels
from skysieve.clusters.train.skies import Places
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.maps.patches import PatchGrid
    from skysieve.clusters.maps.split import Role, SkySplit
    from skysieve.clusters.train.skies import LearnedSky
    from skysieve.core.training.patch_settings import LabelSettings, PatchSettings

__all__ = ["ClusterPatches", "Place", "ShownPatch"]

ATTEMPTS = 40
"""Shifts and rotations that are tried around an object, and objects that are tried for a patch."""

LEAST_COVERED = 0.5
"""Part of a patch that maps must cover."""

LARGEST_RADIUS = 15.0
"""Of a label, in arcminutes."""

SIDE_OF_BASE_PIXEL = 58.6
"""Degrees: the root of the area of a HEALPix pixel at nside 1."""

FINE = 0.6
"""Random places are drawn in HEALPix pixels of this part of a patch's width at most."""

ORDER, COPIES = 1, 2
"""Of the streams of random numbers beside those of patches, which have two numbers each."""


class Place(NamedTuple):
    """Where a patch is cut: number of the sky, centre in Galactic degrees, rotation in degrees."""

    sky: int
    lon: float
    lat: float
    rotation: float


class ShownPatch(NamedTuple):
    """A patch to learn from.

    Attributes
    ----------
    pixels
        ``(B, H, W)`` float32, as the network takes them.
    targets
        ``(C, H, W)`` float32, clusters and, if asked for, sources: 1 in their discs.
    counted
        ``(1, H, W)`` float32, 0 where there are no data or a cluster is left open.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    counted: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClusterPatches:
    """Patches of one role, by number: around clusters, around other sources, and where nothing is.

    Parameters
    ----------
    skies
        Where they are cut.
    grid
        Their pixels.
    split
        Which part of the sky has which role.
    role
        Theirs.  Their corners and a buffer around them lie in its tiles.
    preprocessing
        What makes pixels into a network's input.
    patches, labels
        How they are chosen, and what is labelled.
    seed
        With the number of a patch, the seed of all in it.
    """

    skies: Sequence[LearnedSky]
    grid: PatchGrid
    split: SkySplit
    role: Role
    preprocessing: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    patches: PatchSettings
    labels: LabelSettings
    seed: int

    def patch(self, number: int) -> ShownPatch:
        """Return a patch.

        Raises
        ------
        ConfigError
            If no place for it is found.
        """
        rng = np.random.default_rng([self.seed, number])
        for place in self._places(number, rng):
            shown = self.shown(place, rng)
            if shown is not None:
                return shown
        raise ConfigError(self._nowhere)

    @property
    def _nowhere(self) -> str:
        return (
            f"no patch of {self.grid.width:.2g} degrees fits into the tiles for {self.role} where there are "
            "data; give maps of more of the sky, or other tiles in split of the recipe"
        )

    def shown(self, place: Place, rng: Generator) -> ShownPatch | None:
        """Return the patch at a place; None if maps cover less than half of it."""
        sky = self.skies[place.sky]
        pixels = sky.stack.cut(place.lon, place.lat, self.grid, place.rotation)
        covered = np.isfinite(pixels).all(axis=0)
        if covered.mean() < LEAST_COVERED:
            return None
        rule = RadiusRule(self.labels.radius, self.labels.arcmin, max(self.labels.arcmin, LARGEST_RADIUS))
        clusters, left_open = (
            SkyDiscs(near.lon, near.lat, rule.radii(near.size, rng))
            for near in (self._near(objects, place) for objects in (sky.clusters, sky.left_open))
        )
        sources = self._near(sky.sources, place)
        false = SkyDiscs(sources.lon, sources.lat, np.full(len(sources), self.labels.arcmin))
        drawn = draw_labels(self.grid, place.lon, place.lat, place.rotation, clusters, false, left_open)
        targets = drawn[: 2 if self.labels.sources else 1]
        counted = covered & ((drawn[2] == 0) | (drawn[0] > 0))
        return ShownPatch(self.preprocessing(pixels), targets, counted[None].astype(np.float32))

    def _near(self, objects: Places, place: Place) -> Places:
        reach = self.grid.reach + LARGEST_RADIUS / 60
        return objects[objects.within(place.lon, place.lat, reach)]

    def covering(self) -> list[Place]:
        """Return places that cover the tiles of this role, next to each other and hardly overlapping."""
        numbers, lon, lat = self._pixels(_finest_nside(self.grid.width))
        return [Place(int(n), float(x), float(y), 0.0) for n, x, y in zip(numbers, lon, lat, strict=True)]

    def anywhere(self, count: int) -> list[Place]:
        """Return random places of this role where there are data, whatever they show.

        Raises
        ------
        ConfigError
            If there is none.
        """
        numbers, lon, lat = self._anywhere
        if not len(numbers):
            raise ConfigError(self._nowhere)
        rng = np.random.default_rng(self.seed)
        chosen = rng.integers(len(numbers), size=count)
        return [Place(int(numbers[n]), float(lon[n]), float(lat[n]), rng.uniform(0, 360)) for n in chosen]

    def _places(self, number: int, rng: Generator) -> Iterator[Place]:
        """Yield places that a patch may have, the first one first."""
        kind = rng.uniform()
        if kind < self.patches.sources and len(self._sources.sky):
            for _ in range(ATTEMPTS):
                yield from self._around(self._sources, int(rng.integers(len(self._sources.sky))), rng)
        elif kind >= self.patches.sources + self.patches.empty and len(self._clusters.sky):
            turn, within = divmod(number, len(self._clusters.sky))
            chosen = int(self._order(turn)[within])
            again = rng
            if self.patches.loops:
                again = np.random.default_rng([self.seed, COPIES, chosen, turn % self.patches.loops])
            yield from self._around(self._clusters, chosen, again)
            for _ in range(ATTEMPTS):
                yield from self._around(self._clusters, int(rng.integers(len(self._clusters.sky))), rng)
        for _ in range(ATTEMPTS):
            yield from self._empty(rng)

    def _around(self, objects: _Objects, chosen: int, rng: Generator) -> Iterator[Place]:
        """Yield a place that shows an object anywhere but at its edge, if its surroundings allow one."""
        half = self.grid.side / 2 - self.patches.edge
        middle = (self.grid.side - 1) / 2
        lon, lat = objects.places.lon[chosen], objects.places.lat[chosen]
        for _ in range(ATTEMPTS):
            shift, rotation = rng.uniform(-half, half, 2), rng.uniform(0, 360)
            centre = _shifted(lon, lat, shift * self.grid.resolution / 60)
            row, column = self.grid.pixels_of(lon, lat, *centre, rotation)
            shows = max(abs(row - middle), abs(column - middle)) <= half
            if shows and self._allowed(*centre).all():
                yield Place(int(objects.sky[chosen]), *centre, rotation)
                return

    def _empty(self, rng: Generator) -> Iterator[Place]:
        """Yield a place that shows no labelled cluster, if one is found."""
        numbers, lon, lat = self._anywhere
        half = SIDE_OF_BASE_PIXEL / self._fine / 2
        for _ in range(ATTEMPTS if len(numbers) else 0):
            chosen = int(rng.integers(len(numbers)))
            centre = _shifted(lon[chosen], lat[chosen], rng.uniform(-half, half, 2))
            place = Place(int(numbers[chosen]), *centre, rng.uniform(0, 360))
            if self._allowed(*centre).all() and not self._shows_cluster(place):
                yield place
                return

    def _allowed(self, lon: ArrayLike, lat: ArrayLike, nearer: float = 0.0) -> NDArray[np.bool_]:
        """Tell about which directions patches may be cut, or may be after a shift by some degrees."""
        far_enough = np.abs(lat) >= self.patches.latitude - nearer
        reach = max(0.0, self.grid.reach - nearer)
        return self.split.allowed_centres(self.role, lon, lat, reach) & far_enough

    def _shows_cluster(self, place: Place) -> bool:
        clusters = self.skies[place.sky].clusters
        near = clusters[clusters.within(place.lon, place.lat, self.grid.reach)]
        if not len(near):
            return False
        row, column = self.grid.pixels_of(near.lon, near.lat, place.lon, place.lat, place.rotation)
        last = self.grid.side - 0.5
        return bool(((row > -0.5) & (row < last) & (column > -0.5) & (column < last)).any())

    def _order(self, turn: int) -> NDArray[np.intp]:
        """Return in which order clusters come, another one each time that all have come."""
        rng = np.random.default_rng([self.seed, ORDER, turn])
        return rng.permutation(len(self._clusters.sky))

    @cached_property
    def _clusters(self) -> _Objects:
        return self._objects([sky.clusters for sky in self.skies])

    @cached_property
    def _sources(self) -> _Objects:
        return self._objects([sky.sources for sky in self.skies])

    def _objects(self, of_skies: Sequence[Places]) -> _Objects:
        """Return the objects of all skies that a patch of this role may be cut around."""
        # Where a shift away from the border could make it allowed
        shift = (self.grid.side / 2 - self.patches.edge) * self.grid.resolution / 60
        kept = [places[self._allowed(places.lon, places.lat, nearer=shift)] for places in of_skies]
        numbers = np.repeat(np.arange(len(kept)), [len(places) for places in kept])
        return _Objects(numbers, Places.together(kept))

    @cached_property
    def _anywhere(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        return self._pixels(self._fine)

    @cached_property
    def _fine(self) -> int:
        return 2 * _finest_nside(FINE * self.grid.width)

    def _pixels(self, nside: int) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return sky, longitude and latitude of HEALPix pixels with data that a patch may be cut about."""
        import healpy

        lon, lat = healpy.pix2ang(nside, np.arange(12 * nside**2), lonlat=True)
        allowed = self._allowed(lon, lat)
        lon, lat = lon[allowed], lat[allowed]
        vectors = unit_vectors(lon, lat)
        covered = [np.flatnonzero(np.isfinite(sky.stack.at(vectors)).all(axis=0)) for sky in self.skies]
        numbers = np.repeat(np.arange(len(covered)), [len(which) for which in covered])
        which = np.concatenate(covered)
        return numbers, lon[which], lat[which]


class _Objects(NamedTuple):
    """Objects of several skies: the number of the sky of each ``(N,)``, and where they are."""

    sky: NDArray[np.intp]
    places: Places


def _finest_nside(width: float) -> int:
    """Return the largest nside whose HEALPix pixels are not narrower than some degrees."""
    nside = 1
    while 2 * nside * width <= SIDE_OF_BASE_PIXEL:
        nside *= 2
    return nside


def _shifted(lon: float, lat: float, shift: NDArray[np.float64]) -> tuple[float, float]:
    """Return the direction that lies a shift toward growing longitude and latitude away, in degrees.

    Along a great circle: the same distance at every latitude, which degrees of longitude are not.
    """
    distance = np.radians(np.hypot(*shift))
    if distance == 0:
        return float(lon), float(lat)
    east, north = tangent_axes(lon, lat)
    toward = (shift[0] * east + shift[1] * north) / np.hypot(*shift)
    moved_lon, moved_lat = lon_lat(np.cos(distance) * unit_vectors(lon, lat) + np.sin(distance) * toward)
    return float(moved_lon), float(moved_lat)
