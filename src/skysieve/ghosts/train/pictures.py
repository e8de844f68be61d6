"""Training pictures of focal planes with their targets, simulated on demand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import torch

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

__all__ = ["GhostBatch", "GhostPictures", "GhostStream", "TrainingPicture", "collate"]

BUFFER = 64
"""Number of pictures in a worker's shuffle buffer."""


class TrainingPicture(NamedTuple):
    """A training picture with its targets.

    Attributes
    ----------
    pixels
        ``(1, H, W)`` float32, in units of the noise above the sky.
    labels
        Class index of each ghost ``(G,)`` int64.
    centres
        Row and column of the centroid of each ghost's mask, in pixels ``(G, 2)`` float32.
    masks
        Fraction of each 4 x 4 cell that belongs to each ghost ``(G, H / 4, W / 4)`` float32.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    centres: NDArray[np.float32]
    masks: NDArray[np.float32]


class GhostBatch(NamedTuple):
    """A batch of pictures, and the ghosts of all of them, concatenated.

    Attributes
    ----------
    pixels
        ``(N, 1, H, W)``.
    pictures
        Index of the picture of each ghost ``(G,)``.
    labels, centres, masks
        As in :class:`TrainingPicture`, for the ghosts of all pictures.
    """

    pixels: Tensor
    pictures: Tensor
    labels: Tensor
    centres: Tensor
    masks: Tensor


@dataclass(frozen=True)
class GhostPictures:
    """Simulated training pictures, by number.

    Parameters
    ----------
    recipe
        Recipe of the simulation.
    layout
        Positions of the CCDs.
    seed
        Seed; the random numbers of a picture depend on it and on the number of the picture.
    real, share
        Real ghosts, and the fraction of the pictures with real instead of simulated ghosts.
    """

    recipe: GhostRecipe
    layout: Layout
    seed: int
    real: RealGhosts | None = None
    share: float = 0.0

    def picture(self, number: int) -> TrainingPicture:
        """Simulate a picture.

        Parameters
        ----------
        number
            Number of the picture.

        Returns
        -------
        TrainingPicture
            The picture with its targets.
        """
        rng = np.random.default_rng([self.seed, number])
        if self.real is not None and rng.uniform() < self.share:
            clean = simulate_focal_plane(self.layout, rng, replace(self.recipe, ghosted=0.0))
            pixels, ghosts = self.real.paste_into(clean.pixels, clean.live, rng)
        else:
            simulated = simulate_focal_plane(self.layout, rng, self.recipe)
            pixels = simulated.pixels
            ghosts = [(instance.class_name, instance.mask) for instance in simulated.instances]
        height, width = self.layout.shape
        rows, columns = height // CELL, width // CELL
        centres = [np.argwhere(mask).mean(axis=0) for _, mask in ghosts]
        cells = [mask.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3)) for _, mask in ghosts]
        return TrainingPicture(
            normalise_picture(pixels, measure_levels(pixels, self.layout.ccd_map > 0))[None],
            np.array([CLASS_NAMES.index(name) for name, _ in ghosts], np.int64),
            np.array(centres, np.float32).reshape(-1, 2),
            np.array(cells, np.float32).reshape(-1, rows, columns),
        )


class GhostStream(ShuffledStream[TrainingPicture, TrainingPicture]):
    """Endless stream of pictures with random horizontal and vertical flips.

    Flips are valid augmentations because DECam is its own mirror image, except for dead CCDs.

    Parameters
    ----------
    source
        Source of the pictures.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: GhostPictures, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def collate(self, pictures: Sequence[TrainingPicture]) -> GhostBatch:
        """See :func:`collate`."""
        return collate(pictures)

    def _room(self, _turn: int) -> int:
        return BUFFER

    def _make(self, number: int, _rng: Generator) -> list[TrainingPicture]:
        return [self.source.picture(number)]

    def _show(self, made: TrainingPicture, rng: Generator) -> TrainingPicture:
        return _flip(made, left_right=bool(rng.integers(2)), up_down=bool(rng.integers(2)))


def collate(pictures: Sequence[TrainingPicture]) -> GhostBatch:
    """Collate pictures into a batch.

    Parameters
    ----------
    pictures
        Pictures of the same size.

    Returns
    -------
    GhostBatch
        The batch.
    """
    picture_index = np.repeat(np.arange(len(pictures)), [len(picture.labels) for picture in pictures])
    labels, centres, masks = (
        torch.from_numpy(np.concatenate(parts))
        for parts in zip(
            *((picture.labels, picture.centres, picture.masks) for picture in pictures), strict=True
        )
    )
    pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures]))
    return GhostBatch(pixels, torch.from_numpy(picture_index), labels, centres, masks)


def _flip(picture: TrainingPicture, *, left_right: bool, up_down: bool) -> TrainingPicture:
    pixels, centres, masks = picture.pixels, picture.centres.copy(), picture.masks
    for flip, axis in ((up_down, 1), (left_right, 2)):
        if flip:
            pixels, masks = np.flip(pixels, axis), np.flip(masks, axis)
            centres[:, axis - 1] = pixels.shape[axis] - 1 - centres[:, axis - 1]
    return TrainingPicture(np.ascontiguousarray(pixels), picture.labels, centres, np.ascontiguousarray(masks))


def grid_positions(centres: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the grid positions that contain the centres of ghosts.

    Parameters
    ----------
    centres
        Row and column of each centre, in pixels ``(G, 2)``.
    shape
        Rows and columns of the grid.

    Returns
    -------
    Tensor
        Row and column on the grid ``(G, 2)`` int64.
    """
    positions = torch.floor((centres + 0.5) / CENTRE_STRIDE).long()
    return torch.minimum(positions.clamp_min(0), torch.tensor(shape, device=centres.device) - 1)
