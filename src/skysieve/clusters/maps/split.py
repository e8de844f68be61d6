"""Which parts of the sky a network learns from, and which it is judged on."""

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
"""Tiles of the sky: the pixels of HEALPix at nside 2, each of 859 square degrees."""

_NSIDE = 2
# Points along an edge of a tile: 0.06 degrees apart.
_STEPS = 512


@dataclass(frozen=True)
class SkySplit:
    """The sky in 48 tiles, each for training, for validation or for testing.

    Tiles are the pixels of HEALPix at nside 2 in Galactic coordinates and RING order, counted from 1, as
    in the study of Bonjean (2020): tile 7 is for testing, tiles 10, 26, 39 and 42 are for validation.

    Attributes
    ----------
    test, validation
        Numbers of tiles, 1 to 48; all others are for training.
    buffer
        Degrees that a patch keeps from tiles of another role, beyond its own corners. None stands for what
        makes its *centre* keep the width of a patch, 0.53 degrees for 64 pixels of 1.7 arcmin. It must
        exceed the two pixels of the maps that interpolation reaches beyond the corners.

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
        """Refuse tiles that do not exist or have two roles."""
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
        """Return the numbers of the tiles of a role."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[role]

    def tile_of(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int64]:
        """Return the number of the tile, from 1, that each direction lies in; Galactic degrees."""
        import healpy

        return np.asarray(healpy.ang2pix(_NSIDE, lon, lat, lonlat=True)) + 1

    def role_of(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.str_]:
        """Return ``train``, ``validation`` or ``test`` for each direction; Galactic degrees."""
        roles = np.full(TILES + 1, "train", dtype="<U10")
        roles[list(self.validation)] = "validation"
        roles[list(self.test)] = "test"
        return np.asarray(roles[self.tile_of(lon, lat)])

    def allowed_centres(self, role: Role, lon: ArrayLike, lat: ArrayLike, reach: float) -> NDArray[np.bool_]:
        """Tell about which directions a patch may be cut for a role.

        Such a patch, whatever its rotation, shares no pixel of the maps with one that is allowed for
        another role.

        Parameters
        ----------
        role
            What the patch is for.
        lon, lat
            Galactic degrees of its centre.
        reach
            Degrees from the centre to its corners, :attr:`skysieve.clusters.maps.patches.PatchGrid.reach`.

        Returns
        -------
        ndarray of bool
            True where the whole disc of `reach` and the buffer lies in tiles of that role.
        """
        lon, lat = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        keep = math.sqrt(2) * reach if self.buffer is None else reach + self.buffer
        allowed = np.asarray(self.role_of(lon, lat) == role)
        allowed[allowed] = self.distance_to_others(role, lon[allowed], lat[allowed]) > keep
        return allowed

    def distance_to_others(self, role: Role, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
        """Return how far directions in tiles of a role are from the borders of all other tiles.

        Returns
        -------
        ndarray
            Degrees, never too large and too small by 0.05 at most; infinite if the role has all tiles.
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
        """Return 48 splits, in each of which another tile is the one for testing.

        Validation keeps its tiles; where one of them is tested, the first test tile of this split stands
        in for it. So each tile is tested once, by a network that has neither learnt from it nor been
        chosen by it.
        """
        stand_in = self.test[:1]
        folds = []
        for tile in range(1, TILES + 1):
            validation = tuple(other for other in self.validation if other != tile)
            if tile in self.validation:
                validation += stand_in
            folds.append(replace(self, test=(tile,), validation=validation))
        return tuple(folds)

    def to_card(self) -> dict[str, Any]:
        """Return the split as a model's card states it."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> SkySplit:
        """Return the split that a model's card states.

        Raises
        ------
        ConfigError
            If the card states none that is valid.
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
    """Return points along the borders of tiles, and how far in degrees a border may be from the nearest."""
    import healpy
    from scipy.spatial import cKDTree

    points = healpy.boundaries(_NSIDE, np.array(tiles) - 1, step=_STEPS).transpose(0, 2, 1)
    gaps = np.linalg.norm(points - np.roll(points, 1, axis=1), axis=-1)
    return cKDTree(points.reshape(-1, 3)), math.degrees(float(gaps.max()) / 2)
