"""Pictures of focal planes to learn from, simulated when they are needed, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import torch
from torch.utils.data import DataLoader

from skysieve.core.training.feed import begin_worker
from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.levels import measure_levels, normalise_picture
from skysieve.ghosts.predict.decide import CELL, CENTRE_STRIDE
from skysieve.ghosts.simulate import Layout, simulate_focal_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from skysieve.core.training.shuffled_stream import Order
    from skysieve.ghosts.simulate import GhostRecipe
    from skysieve.ghosts.train.real_ghosts import RealGhosts

__all__ = ["GhostBatch", "GhostPictures", "GhostStream", "ShownPicture", "collate", "picture_batches"]

BUFFER = 64
"""Pictures among which a worker draws the next."""


class ShownPicture(NamedTuple):
    """A picture to learn from.

    Attributes
    ----------
    pixels
        ``(1, H, W)`` float32, in units of the noise above the sky.
    kinds
        Class of each ghost ``(G,)`` int64.
    middles
        Row and column of the centre of each ghost's visible part, in pixels ``(G, 2)`` float32.
    masks
        Part of each cell that belongs to each ghost ``(G, H / 4, W / 4)`` float32.
    """

    pixels: NDArray[np.float32]
    kinds: NDArray[np.int64]
    middles: NDArray[np.float32]
    masks: NDArray[np.float32]


class GhostBatch(NamedTuple):
    """Pictures ``(N, 1, H, W)``, and the ghosts of all of them, one after another.

    Attributes
    ----------
    pixels
        ``(N, 1, H, W)``.
    pictures
        Which picture each ghost is in ``(G,)``.
    kinds, middles, masks
        As of :class:`ShownPicture`, of all pictures.
    """

    pixels: Tensor
    pictures: Tensor
    kinds: Tensor
    middles: Tensor
    masks: Tensor


@dataclass(frozen=True)
class GhostPictures:
    """Pictures of a recipe, by number.

    Parameters
    ----------
    recipe
        What they are drawn from.
    layout
        Where the CCDs lie.
    seed
        With the number of a picture, the seed of all in it.
    real, share
        Real ghosts, if there are any, and the part of the pictures that get theirs from these.
    """

    recipe: GhostRecipe
    layout: Layout
    seed: int
    real: RealGhosts | None = None
    share: float = 0.0

    @cached_property
    def _cell_shape(self) -> tuple[int, int, int, int]:
        height, width = self.layout.shape
        return height // CELL, CELL, width // CELL, CELL

    def picture(self, number: int) -> ShownPicture:
        """Return a picture."""
        rng = np.random.default_rng([self.seed, number])
        if self.real is not None and rng.uniform() < self.share:
            clean = simulate_focal_plane(self.layout, rng, replace(self.recipe, ghosted=0.0))
            pixels, ghosts = self.real.put_into(clean.pixels, clean.live, rng)
        else:
            drawn = simulate_focal_plane(self.layout, rng, self.recipe)
            pixels = drawn.pixels
            ghosts = [(instance.class_name, instance.mask) for instance in drawn.instances]
        return self.shown(
            pixels, [CLASS_NAMES.index(name) for name, _ in ghosts], [mask for _, mask in ghosts]
        )

    def shown(
        self, pixels: NDArray[np.uint8], kinds: Sequence[int], masks: Sequence[NDArray[np.bool_]]
    ) -> ShownPicture:
        """Return a picture ``(H, W)`` with its ghosts, each a class and a mask ``(H, W)``."""
        rows, down, columns, right = self._cell_shape
        middles = [np.argwhere(mask).mean(axis=0) for mask in masks]
        cells = [mask.reshape(rows, down, columns, right).mean(axis=(1, 3)) for mask in masks]
        return ShownPicture(
            normalise_picture(pixels, measure_levels(pixels, self.layout.ccd_map > 0))[None],
            np.array(kinds, np.int64),
            np.array(middles, np.float32).reshape(-1, 2),
            np.array(cells, np.float32).reshape(-1, rows, columns),
        )


class GhostStream(ShuffledStream[ShownPicture, ShownPicture]):
    """Endless pictures, mirrored left to right and up to down: DECam looks the same then, but for dead CCDs.

    Parameters
    ----------
    source
        Where pictures come from.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: GhostPictures, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def _room(self, _turn: int) -> int:
        return BUFFER

    def _make(self, number: int, _rng: Generator) -> list[ShownPicture]:
        return [self.source.picture(number)]

    def _show(self, made: ShownPicture, rng: Generator) -> ShownPicture:
        return _mirrored(made, left_right=bool(rng.integers(2)), up_down=bool(rng.integers(2)))


def collate(pictures: Sequence[ShownPicture]) -> GhostBatch:
    """Return pictures as a batch."""
    owners = np.repeat(np.arange(len(pictures)), [len(shown.kinds) for shown in pictures])
    kinds, middles, masks = (
        torch.from_numpy(np.concatenate(parts))
        for parts in zip(*((shown.kinds, shown.middles, shown.masks) for shown in pictures), strict=True)
    )
    pixels = torch.from_numpy(np.stack([shown.pixels for shown in pictures]))
    return GhostBatch(pixels, torch.from_numpy(owners), kinds, middles, masks)


def picture_batches(
    stream: GhostStream | Sequence[ShownPicture], *, batch: int, workers: int = 0
) -> DataLoader[ShownPicture]:
    """Return the batches of a stream, or of a list."""
    return DataLoader(
        stream,  # type: ignore[arg-type]  # a sequence will do
        batch_size=batch,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=begin_worker,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _mirrored(shown: ShownPicture, *, left_right: bool, up_down: bool) -> ShownPicture:
    pixels, middles, masks = shown.pixels, shown.middles.copy(), shown.masks
    for mirror, axis in ((up_down, 1), (left_right, 2)):
        if mirror:
            pixels, masks = np.flip(pixels, axis), np.flip(masks, axis)
            middles[:, axis - 1] = pixels.shape[axis] - 1 - middles[:, axis - 1]
    return ShownPicture(np.ascontiguousarray(pixels), shown.kinds, middles, np.ascontiguousarray(masks))


def places_of(middles: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return row and column of the places that hold centres of ghosts ``(G, 2)``, on a grid of this shape."""
    places = torch.floor((middles + 0.5) / CENTRE_STRIDE).long()
    return torch.minimum(places.clamp_min(0), torch.tensor(shape, device=middles.device) - 1)
