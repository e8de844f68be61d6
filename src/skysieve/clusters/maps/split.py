"""Split of the sky into tiles for training, validation and testing."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray
    from scipy.spatial import cKDTree

__all__ = ["ROLES", "TILES", "Role", "SkySplit"]

Role: TypeAlias = Literal["train", "validation", "test"]

ROLES: tuple[Role, ...] = get_args(Role)

TILES = 48
"""Number of tiles of the sky: HEALPix pixels of NSIDE 2, each of 859 square degrees."""

_NSIDE = 2
# Points along an edge of a tile: 0.06 degrees apart
_STEPS = 512


@dataclass(frozen=True)
class SkySplit:
    """Split of the sky into 48 tiles, each with one role: training, validation or testing.

    Tiles are HEALPix pixels of NSIDE 2 in Galactic coordinates and RING order, numbered from 1, as in Bonjean
    (2020): tile 7 is for testing, and tiles 10, 26, 39 and 42 are for validation.

    Attributes
    ----------
    test, validation
        Numbers of tiles, 1 to 48; all others are for training.
    buffer
        Minimum distance in degrees between the corners of a patch and tiles of another role.  None requires
        that the *centre* is at least one width of the patch away: a buffer of 0.53 degrees for 64 pixels of
        1.7 arcmin.  It must exceed two pixels of the maps, which interpolation uses beyond the corners.

    Raises
    ------
    ConfigError
        If a tile does not exist or has two roles, no tile is left for training, or the buffer is negative.

    References
    ----------
    Bonjean 2020, A&A 634, A81; the README of xCluster, 2021.
    """

    test: tuple[int, ...] = (7,)
    validation: tuple[int, ...] = (10, 26, 39, 42)
    buffer: float | None = None

    def __post_init__(self) -> None:
        """Check that tiles exist and have one role."""
        held = (*self.test, *self.validation)
        for tile in held:
            if not 1 <= tile <= TILES:
                raise ConfigError(f"tile {tile} does not exist; tiles are counted from 1 to {TILES}")
            if held.count(tile) > 1:
                raise ConfigError(f"tile {tile} is named twice; give it one role, test or validation")
        if len(held) == TILES:
            raise ConfigError("all tiles are for testing and validation; leave some for training")
        if self.buffer is not None and not self.buffer >= 0:
            raise ConfigError(f"a buffer of {self.buffer} degrees is none; give 0 or more")

    @property
    def train(self) -> tuple[int, ...]:
        """Numbers of the tiles for training."""
        return tuple(sorted(set(range(1, TILES + 1)) - {*self.test, *self.validation}))

    def tiles(self, role: Role) -> tuple[int, ...]:
        """Return the tiles of a role.

        Parameters
        ----------
        role
            Role of the tiles.

        Returns
        -------
        tuple of int
            Numbers of the tiles.
        """
        return {"train": self.train, "validation": self.validation, "test": self.test}[role]

    def tile_of(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int64]:
        """Return the tile of each position.

        Parameters
        ----------
        lon, lat : array_like, shape (...)
            Galactic coordinates in degrees.

        Returns
        -------
        ndarray of int64, shape (...)
            Numbers of the tiles, from 1.
        """
        import healpy

        return np.asarray(healpy.ang2pix(_NSIDE, lon, lat, lonlat=True)) + 1

    def role_of(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.str_]:
        """Return the role of each position.

        Parameters
        ----------
        lon, lat : array_like, shape (...)
            Galactic coordinates in degrees.

        Returns
        -------
        ndarray of str, shape (...)
            ``train``, ``validation`` or ``test``.
        """
        roles = np.full(TILES + 1, "train", dtype="<U10")
        roles[list(self.validation)] = "validation"
        roles[list(self.test)] = "test"
        return np.asarray(roles[self.tile_of(lon, lat)])

    def allowed_centres(self, role: Role, lon: ArrayLike, lat: ArrayLike, reach: float) -> NDArray[np.bool_]:
        """Return which positions are allowed as centres of patches for a role.

        An allowed patch of any rotation shares no pixel of the maps with an allowed patch of another role.

        Parameters
        ----------
        role
            Role of the patches.
        lon, lat : array_like, shape (...)
            Galactic coordinates of the centres in degrees.
        reach
            Angle in degrees from the centre to the corners,
            :attr:`skysieve.clusters.maps.patches.PatchGrid.reach`.

        Returns
        -------
        ndarray of bool, shape (...)
            True if the disc of `reach` plus the buffer lies in tiles of this role.
        """
        lon, lat = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        min_distance = math.sqrt(2) * reach if self.buffer is None else reach + self.buffer
        allowed = np.asarray(self.role_of(lon, lat) == role)
        allowed[allowed] = self.distance_to_others(role, lon[allowed], lat[allowed]) > min_distance
        return allowed

    def distance_to_others(self, role: Role, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of positions in tiles of a role from the borders of tiles of other roles.

        Parameters
        ----------
        role
            Role of the tiles.
        lon, lat : array_like, shape (...)
            Galactic coordinates in degrees.

        Returns
        -------
        ndarray of float64, shape (...)
            Degrees: a lower limit, by at most 0.05 too small; infinite if the role has all tiles.
        """
        from skysieve.clusters.maps.sky_directions import unit_vectors

        others = tuple(sorted(set(range(1, TILES + 1)) - set(self.tiles(role))))
        vectors = unit_vectors(lon, lat)
        if not others:
            return np.full(vectors.shape[:-1], np.inf)
        tree, slack = _borders(others)
        chord, _ = tree.query(vectors)
        return np.asarray(np.degrees(2 * np.arcsin(np.minimum(np.asarray(chord) / 2, 1))) - slack)

    def folds(self) -> tuple[SkySplit, ...]:
        """Return the 48 splits of a cross-validation, each with another test tile.

        The validation tiles stay the same.  If one of them becomes the test tile, the first test tile of this
        split replaces it.  So each tile is tested once, by a network that used it neither for training nor
        for validation.

        Returns
        -------
        tuple of SkySplit
            One split per tile.
        """
        replacement = self.test[:1]
        folds = []
        for tile in range(1, TILES + 1):
            validation = tuple(other for other in self.validation if other != tile)
            if tile in self.validation:
                validation += replacement
            folds.append(replace(self, test=(tile,), validation=validation))
        return tuple(folds)

    def to_card(self) -> dict[str, object]:
        """Return the split in the form of a model card.

        Returns
        -------
        dict
            ``test``, ``validation`` and ``buffer``.
        """
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> SkySplit:
        """Read the split from a model card.

        Parameters
        ----------
        card
            Entry ``split`` of the card.

        Returns
        -------
        SkySplit
            The split.

        Raises
        ------
        ConfigError
            If the card has no valid split.
        """
        try:
            buffer = card["buffer"]
            return cls(
                tuple(int(tile) for tile in card["test"]),
                tuple(int(tile) for tile in card["validation"]),
                None if buffer is None else float(buffer),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the card of the model states no valid split of the sky: {card!r}") from error


@cache
def _borders(tiles: tuple[int, ...]) -> tuple[cKDTree, float]:
    """Return points along the borders of tiles, and the maximum distance of a border from them in degrees."""
    import healpy
    from scipy.spatial import cKDTree

    points = healpy.boundaries(_NSIDE, np.array(tiles) - 1, step=_STEPS).transpose(0, 2, 1)
    gaps = np.linalg.norm(points - np.roll(points, 1, axis=1), axis=-1)
    return cKDTree(points.reshape(-1, 3)), math.degrees(float(gaps.max()) / 2)
