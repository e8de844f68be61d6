"""Stream of training tiles: frames are cut into tiles, rotated and mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, Unpack

import numpy as np
import torch

from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.optics import PsfBank
from skysieve.frames.simulate.truth_bits import truth_bits

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from skysieve.core.training.shuffled_stream import Order
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.normalised_frames import NormalisedFrames

__all__ = ["SimulatedFrames", "TileStream", "targets_of"]

BUFFER, REPEATED_BUFFER = 256, 8
"""Number of tiles in a worker's shuffle buffer, so that tiles of a frame do not follow one another.

Frames that are repeated are cut anew each time, so that a small buffer mixes them enough.
"""

Tile: TypeAlias = "tuple[NDArray[np.float32], NDArray[np.int16]]"
"""Pixels ``(S, S)`` float32 in units of the noise, and bits ``(S, S)`` int16."""


@dataclass(frozen=True)
class SimulatedFrames:
    """Simulated frames of a recipe.

    Parameters
    ----------
    recipe
        Recipe of the simulation.
    size
        Pixels on a side of a frame.
    seed
        Seed of the simulation; each frame uses it together with its number.
    """

    recipe: Recipe
    size: int
    seed: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics)

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """See :meth:`skysieve.frames.train.normalised_frames.FrameSource.frame`."""
        rng = np.random.default_rng([self.seed, number])
        frame = simulate_frame((self.size, self.size), seed=rng, recipe=self.recipe, bank=self._bank)
        return frame.pixels, truth_bits(frame.truth)


def targets_of(bits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the targets of the network, and the valid pixels.

    Parameters
    ----------
    bits
        ``(N, H, W)`` int16, codes of the classes, and of NODATA.

    Returns
    -------
    targets
        ``(N, C, H, W)`` float32, 1 for pixels of the class.
    valid
        ``(N, 1, H, W)`` float32, 1 for pixels with data.
    """
    planes = [(bits & c.code) != 0 if c.code else (bits & (NODATA.code - 1)) == 0 for c in CLASSES]
    return torch.stack(planes, 1).float(), ((bits & NODATA.code) == 0).float()[:, None]


class TileStream(ShuffledStream[Tile, tuple["Tensor", "Tensor"]]):
    """Endless stream of tiles, rotated and mirrored at random.

    An example is pixels ``(1, S, S)`` float32 in units of the noise, and bits ``(S, S)`` int16.

    Parameters
    ----------
    frames
        Frames to cut.
    tile
        Pixels on a side of a tile.
    distinct
        Number of different frames, which are repeated; 0 for new frames without end.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(
        self, frames: NormalisedFrames, *, tile: int, distinct: int = 0, **order: Unpack[Order]
    ) -> None:
        super().__init__(**order)
        self.frames, self.tile, self.distinct = frames, tile, distinct

    def _room(self, _turn: int) -> int:
        return REPEATED_BUFFER if self.distinct else BUFFER

    def _make(self, number: int, rng: Generator) -> list[Tile]:
        """Return the tiles of a frame; none if the frame has no noise."""
        frame = self.frames.frame(number % self.distinct if self.distinct else number)
        if frame is None:
            return []
        pixels, bits = frame
        side = self.tile
        corners = [
            (y, x) for y in _starts(pixels.shape[0], side, rng) for x in _starts(pixels.shape[1], side, rng)
        ]
        return [
            (pixels[y : y + side, x : x + side].copy(), bits[y : y + side, x : x + side].copy())
            for y, x in corners
        ]

    def _show(self, made: Tile, rng: Generator) -> tuple[Tensor, Tensor]:
        quarter_turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        pixels, bits = (_rotated(image, quarter_turns, mirrored=mirrored) for image in made)
        return pixels[None], bits


def _starts(length: int, side: int, rng: Generator) -> list[int]:
    """Return the first pixels of contiguous tiles along an axis, at a random offset."""
    count = length // side
    offset = int(rng.integers(length - count * side + 1))
    return [offset + side * k for k in range(count)]


def _rotated(image: NDArray[np.generic], quarter_turns: int, *, mirrored: bool) -> Tensor:
    """Return the image, mirrored along x if asked for, then rotated by multiples of 90 degrees."""
    source = image[:, ::-1] if mirrored else image
    return torch.from_numpy(np.ascontiguousarray(np.rot90(source, quarter_turns)))
