"""Training patches: positions on the sky, pixels cut from the maps, and label channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, tangent_axes, unit_vectors
from skysieve.clusters.train.labels import RadiusRule, SkyDiscs, draw_labels
from skysieve.clusters.train.skies import SkyObjects
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.maps.patches import PatchGrid
    from skysieve.clusters.maps.split import Role, SkySplit
    from skysieve.clusters.train.skies import LabelledSky
    from skysieve.core.training.patch_settings import LabelSettings, PatchSettings

__all__ = ["ClusterPatches", "LabelledPatch", "PatchPosition"]

ATTEMPTS = 40
"""Maximum number of shifts and rotations tried around an object, and of objects tried for a patch."""

MIN_COVERAGE = 0.5
"""Minimum fraction of a patch's pixels that have data in all bands."""

MAX_RADIUS = 15.0
"""Maximum radius of a label, in arcminutes."""

BASE_PIXEL_WIDTH = 58.6
"""Square root of the area of a HEALPix pixel at nside 1, in degrees."""

FINE_PIXEL = 0.6
"""Maximum width of the HEALPix pixels in which random positions are drawn, in patch widths."""

ORDER_STREAM, COPY_STREAM = 1, 2
"""Identifiers of further random streams; the stream of a patch is identified by seed and number alone."""


class PatchPosition(NamedTuple):
    """Position of a patch: index of the sky, Galactic centre in degrees, rotation in degrees."""

    sky: int
    lon: float
    lat: float
    rotation: float


class LabelledPatch(NamedTuple):
    """A patch with its label channels.

    Attributes
    ----------
    pixels
        Preprocessed network input, ``(B, H, W)`` float32.
    targets
        Labels ``(C, H, W)`` float32, 1 inside the discs: clusters and, if the recipe asks for them, sources.
    valid
        ``(1, H, W)`` float32; 0 where data are missing or a cluster is ignored, and 1 elsewhere.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    valid: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClusterPatches:
    """Numbered patches of one role of the split: around clusters, around other sources, and on empty sky.

    Parameters
    ----------
    skies
        Skies from which patches are cut.
    grid
        Pixel grid of a patch.
    split
        Assignment of the tiles of the sky to roles.
    role
        Role of these patches.  Their corners, and a buffer around them, lie in the tiles of this role.
    preprocessing
        Function from map pixels to the network's input.
    patches, labels
        Settings for the choice of positions, and for the labels.
    seed
        Seed; together with the number of a patch it determines that patch.
    """

    skies: Sequence[LabelledSky]
    grid: PatchGrid
    split: SkySplit
    role: Role
    preprocessing: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    patches: PatchSettings
    labels: LabelSettings
    seed: int

    def patch(self, number: int) -> LabelledPatch:
        """Return a patch by its number.

        Parameters
        ----------
        number
            Number of the patch, from 0.

        Returns
        -------
        LabelledPatch
            The same patch for the same number and seed.

        Raises
        ------
        ConfigError
            If no allowed position is found.
        """
        rng = np.random.default_rng([self.seed, number])
        for position in self._candidate_positions(number, rng):
            patch = self.cut(position, rng)
            if patch is not None:
                return patch
        raise ConfigError(self._no_position_message)

    @property
    def _no_position_message(self) -> str:
        return (
            f"no patch of {self.grid.width:.2g} degrees fits into the tiles for {self.role} where there are "
            "data; give maps of more of the sky, or other tiles in split of the recipe"
        )

    def cut(self, position: PatchPosition, rng: Generator) -> LabelledPatch | None:
        """Cut the patch at a position and draw its labels.

        Parameters
        ----------
        position
            Sky, centre and rotation.
        rng
            Random generator for the label radius ``published``.

        Returns
        -------
        LabelledPatch or None
            None if the maps cover less than :data:`MIN_COVERAGE` of the patch.
        """
        sky = self.skies[position.sky]
        pixels = sky.stack.cut(position.lon, position.lat, self.grid, position.rotation)
        covered = np.isfinite(pixels).all(axis=0)
        if covered.mean() < MIN_COVERAGE:
            return None
        rule = RadiusRule(self.labels.radius, self.labels.arcmin, max(self.labels.arcmin, MAX_RADIUS))
        clusters, ignored = (
            SkyDiscs(near.lon, near.lat, rule.radii(near.size, rng))
            for near in (self._objects_near(objects, position) for objects in (sky.clusters, sky.ignored))
        )
        sources = self._objects_near(sky.sources, position)
        source_discs = SkyDiscs(sources.lon, sources.lat, np.full(len(sources), self.labels.arcmin))
        channels = draw_labels(
            self.grid, position.lon, position.lat, position.rotation, clusters, source_discs, ignored
        )
        targets = channels[: 2 if self.labels.sources else 1]
        valid = covered & ((channels[2] == 0) | (channels[0] > 0))
        return LabelledPatch(self.preprocessing(pixels), targets, valid[None].astype(np.float32))

    def _objects_near(self, objects: SkyObjects, position: PatchPosition) -> SkyObjects:
        reach = self.grid.reach + MAX_RADIUS / 60
        return objects[objects.within(position.lon, position.lat, reach)]

    def covering_positions(self) -> list[PatchPosition]:
        """Return positions that cover the tiles of this role, side by side with hardly any overlap.

        Returns
        -------
        list of PatchPosition
            One for each HEALPix pixel about as wide as a patch, without rotation.
        """
        numbers, lon, lat = self._pixels_with_data(_finest_nside(self.grid.width))
        return [
            PatchPosition(int(n), float(x), float(y), 0.0) for n, x, y in zip(numbers, lon, lat, strict=True)
        ]

    def random_positions(self, count: int) -> list[PatchPosition]:
        """Return random positions with data in the tiles of this role, whatever objects they contain.

        Parameters
        ----------
        count
            Number of positions.

        Returns
        -------
        list of PatchPosition
            With random rotations.

        Raises
        ------
        ConfigError
            If no position has data.
        """
        numbers, lon, lat = self._data_pixels
        if not len(numbers):
            raise ConfigError(self._no_position_message)
        rng = np.random.default_rng(self.seed)
        chosen = rng.integers(len(numbers), size=count)
        return [
            PatchPosition(int(numbers[n]), float(lon[n]), float(lat[n]), rng.uniform(0, 360)) for n in chosen
        ]

    def _candidate_positions(self, number: int, rng: Generator) -> Iterator[PatchPosition]:
        """Yield candidate positions of a patch, in the order in which they are tried."""
        kind = rng.uniform()
        if kind < self.patches.sources and len(self._sources.sky):
            for _ in range(ATTEMPTS):
                yield from self._positions_around(
                    self._sources, int(rng.integers(len(self._sources.sky))), rng
                )
        elif kind >= self.patches.sources + self.patches.empty and len(self._clusters.sky):
            cycle, within = divmod(number, len(self._clusters.sky))
            chosen = int(self._cluster_order(cycle)[within])
            position_rng = rng
            if self.patches.loops:
                position_rng = np.random.default_rng(
                    [self.seed, COPY_STREAM, chosen, cycle % self.patches.loops]
                )
            yield from self._positions_around(self._clusters, chosen, position_rng)
            for _ in range(ATTEMPTS):
                yield from self._positions_around(
                    self._clusters, int(rng.integers(len(self._clusters.sky))), rng
                )
        for _ in range(ATTEMPTS):
            yield from self._empty_position(rng)

    def _positions_around(
        self, objects: _PooledObjects, chosen: int, rng: Generator
    ) -> Iterator[PatchPosition]:
        """Yield at most one allowed position with the object inside the patch, away from its edge."""
        half = self.grid.side / 2 - self.patches.edge
        centre_pixel = (self.grid.side - 1) / 2
        lon, lat = objects.objects.lon[chosen], objects.objects.lat[chosen]
        for _ in range(ATTEMPTS):
            shift, rotation = rng.uniform(-half, half, 2), rng.uniform(0, 360)
            centre = _shifted(lon, lat, shift * self.grid.resolution / 60)
            row, column = self.grid.pixels_of(lon, lat, *centre, rotation)
            shows = max(abs(row - centre_pixel), abs(column - centre_pixel)) <= half
            if shows and self._allowed(*centre).all():
                yield PatchPosition(int(objects.sky[chosen]), *centre, rotation)
                return

    def _empty_position(self, rng: Generator) -> Iterator[PatchPosition]:
        """Yield at most one allowed position without a labelled cluster."""
        numbers, lon, lat = self._data_pixels
        half = BASE_PIXEL_WIDTH / self._fine_nside / 2
        for _ in range(ATTEMPTS if len(numbers) else 0):
            chosen = int(rng.integers(len(numbers)))
            centre = _shifted(lon[chosen], lat[chosen], rng.uniform(-half, half, 2))
            position = PatchPosition(int(numbers[chosen]), *centre, rng.uniform(0, 360))
            if self._allowed(*centre).all() and not self._shows_cluster(position):
                yield position
                return

    def _allowed(self, lon: ArrayLike, lat: ArrayLike, nearer: float = 0.0) -> NDArray[np.bool_]:
        """Return whether patches may be centred on directions, or could be after a shift.

        `nearer` is the length of that shift in degrees.
        """
        far_enough = np.abs(lat) >= self.patches.latitude - nearer
        reach = max(0.0, self.grid.reach - nearer)
        return self.split.allowed_centres(self.role, lon, lat, reach) & far_enough

    def _shows_cluster(self, position: PatchPosition) -> bool:
        clusters = self.skies[position.sky].clusters
        near = clusters[clusters.within(position.lon, position.lat, self.grid.reach)]
        if not len(near):
            return False
        row, column = self.grid.pixels_of(near.lon, near.lat, position.lon, position.lat, position.rotation)
        last = self.grid.side - 0.5
        return bool(((row > -0.5) & (row < last) & (column > -0.5) & (column < last)).any())

    def _cluster_order(self, cycle: int) -> NDArray[np.intp]:
        """Return the random order of the clusters in one cycle through all of them."""
        rng = np.random.default_rng([self.seed, ORDER_STREAM, cycle])
        return rng.permutation(len(self._clusters.sky))

    @cached_property
    def _clusters(self) -> _PooledObjects:
        return self._usable_objects([sky.clusters for sky in self.skies])

    @cached_property
    def _sources(self) -> _PooledObjects:
        return self._usable_objects([sky.sources for sky in self.skies])

    def _usable_objects(self, of_skies: Sequence[SkyObjects]) -> _PooledObjects:
        """Return the objects of all skies around which a patch of this role can be cut."""
        # A shift away from the border can make a position allowed
        shift = (self.grid.side / 2 - self.patches.edge) * self.grid.resolution / 60
        kept = [objects[self._allowed(objects.lon, objects.lat, nearer=shift)] for objects in of_skies]
        numbers = np.repeat(np.arange(len(kept)), [len(objects) for objects in kept])
        return _PooledObjects(numbers, SkyObjects.concatenate(kept))

    @cached_property
    def _data_pixels(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        return self._pixels_with_data(self._fine_nside)

    @cached_property
    def _fine_nside(self) -> int:
        return 2 * _finest_nside(FINE_PIXEL * self.grid.width)

    def _pixels_with_data(
        self, nside: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return sky, longitude and latitude of HEALPix pixels that are allowed and have data."""
        import healpy

        lon, lat = healpy.pix2ang(nside, np.arange(12 * nside**2), lonlat=True)
        allowed = self._allowed(lon, lat)
        lon, lat = lon[allowed], lat[allowed]
        vectors = unit_vectors(lon, lat)
        covered = [np.flatnonzero(np.isfinite(sky.stack.at(vectors)).all(axis=0)) for sky in self.skies]
        numbers = np.repeat(np.arange(len(covered)), [len(which) for which in covered])
        which = np.concatenate(covered)
        return numbers, lon[which], lat[which]


class _PooledObjects(NamedTuple):
    """Objects of several skies, with the index of the sky of each ``(N,)``."""

    sky: NDArray[np.intp]
    objects: SkyObjects


def _finest_nside(width: float) -> int:
    """Return the largest nside whose HEALPix pixels are at least this many degrees wide."""
    nside = 1
    while 2 * nside * width <= BASE_PIXEL_WIDTH:
        nside *= 2
    return nside


def _shifted(lon: float, lat: float, shift: NDArray[np.float64]) -> tuple[float, float]:
    """Return the direction after a shift ``(east, north)`` in degrees.

    The shift follows a great circle, so that its length is the same at every latitude, unlike one in
    degrees of longitude.
    """
    distance = np.radians(np.hypot(*shift))
    if distance == 0:
        return float(lon), float(lat)
    east, north = tangent_axes(lon, lat)
    toward = (shift[0] * east + shift[1] * north) / np.hypot(*shift)
    moved_lon, moved_lat = lon_lat(np.cos(distance) * unit_vectors(lon, lat) + np.sin(distance) * toward)
    return float(moved_lon), float(moved_lat)
