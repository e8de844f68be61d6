"""A stream of tiles to learn from: frames are simulated as they are needed, normalised, cut and turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias, Unpack

import numpy as np
import torch

from skysieve.core.errors import FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.frames.image.normalise import normalise
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

__all__ = ["FrameSource", "SimulatedFrames", "TileStream", "normalised", "targets_of"]

BUFFER = 256
"""Tiles among which a worker draws the next, so that those of a frame do not follow one another."""

MISSING = 0.06
"""Chance of a frame to have a rectangle without data, as gaps and masked amplifiers are."""


Tile: TypeAlias = "tuple[NDArray[np.float32], NDArray[np.int16]]"
"""Pixels ``(S, S)`` in units of the noise, and classes ``(S, S)`` as bits."""


class FrameSource(Protocol):
    """Where frames to learn from come from."""

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return the pixels ``(H, W)`` of a frame in any unit, and its classes as bits ``(H, W)``."""
        ...


@dataclass(frozen=True)
class SimulatedFrames:
    """Frames of a recipe, by number.

    Parameters
    ----------
    recipe
        What they are drawn from.
    size
        Pixels on a side.
    seed
        With the number of a frame, the seed of all in it.
    """

    recipe: Recipe
    size: int
    seed: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics)

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return the pixels ``(H, W)`` of a frame, and its classes as bits ``(H, W)``."""
        rng = np.random.default_rng([self.seed, number])
        frame = simulate_frame((self.size, self.size), seed=rng, recipe=self.recipe, bank=self._bank)
        return frame.pixels, truth_bits(frame.truth)


def targets_of(bits: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the network should say of the pixels, and which of them count.

    Parameters
    ----------
    bits
        ``(N, H, W)`` int16, codes of classes; that of NODATA for no data.

    Returns
    -------
    tuple
        Targets ``(N, C, H, W)`` and valid pixels ``(N, 1, H, W)``, both float32.
    """
    planes = [(bits & c.code) != 0 if c.code else (bits & (NODATA.code - 1)) == 0 for c in CLASSES]
    return torch.stack(planes, 1).float(), ((bits & NODATA.code) == 0).float()[:, None]


class TileStream(ShuffledStream[Tile, tuple["Tensor", "Tensor"]]):
    """Endless tiles: pixels ``(1, S, S)`` float32 in units of the noise, classes ``(S, S)`` int16 as bits.

    Parameters
    ----------
    source
        Where frames come from.
    tile
        Pixels on a side of a tile.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: FrameSource, *, tile: int, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source, self.tile = source, tile

    def _room(self, _turn: int) -> int:
        return BUFFER

    def _make(self, number: int, rng: Generator) -> list[Tile]:
        """Return the tiles of a frame; none of a frame without any noise."""
        try:
            seen, bits = normalised(*self.source.frame(number), rng)
        except FrameError:
            return []
        side = self.tile
        corners = [
            (y, x) for y in _starts(seen.shape[0], side, rng) for x in _starts(seen.shape[1], side, rng)
        ]
        return [
            (seen[y : y + side, x : x + side].copy(), bits[y : y + side, x : x + side].copy())
            for y, x in corners
        ]

    def _show(self, made: Tile, rng: Generator) -> tuple[Tensor, Tensor]:
        (pixels, bits), turns, mirrored = made, int(rng.integers(4)), bool(rng.integers(2))
        return _turned(pixels, turns, mirrored=mirrored)[None], _turned(bits, turns, mirrored=mirrored)


def normalised(
    pixels: NDArray[np.float32], bits: NDArray[np.int16], rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return a frame in units of the noise, now and then with a gap in it, and its classes with that gap.

    Parameters
    ----------
    pixels
        ``(H, W)`` in any unit.
    bits
        ``(H, W)`` codes of classes.
    rng
        Draws the gap: a rectangle of up to a third of the frame's sides.

    Returns
    -------
    tuple
        Pixels ``(H, W)`` float32, zero where there is no data, and bits ``(H, W)`` int16.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    nodata = np.zeros(pixels.shape, np.bool_)
    if rng.uniform() < MISSING:
        height, width = pixels.shape
        top, left = int(rng.integers(height)), int(rng.integers(width))
        tall, wide = rng.integers(1, 1 + np.array([height, width]) // 3)
        nodata[top : top + tall, left : left + wide] = True
    frame = normalise(ArrayFrame(pixels, mask=nodata), threads=1)
    seen, missing = frame.rows(0, pixels.shape[0])
    return seen, np.where(missing, np.int16(NODATA.code), bits)


def _starts(length: int, side: int, rng: Generator) -> list[int]:
    """Return where tiles begin: side by side, with the rest of the frame now before, now behind them."""
    count = length // side
    offset = int(rng.integers(length - count * side + 1))
    return [offset + side * k for k in range(count)]


def _turned(image: NDArray[np.generic], turns: int, *, mirrored: bool) -> Tensor:
    """Return the image turned by right angles, mirrored before that if wanted."""
    seen = image[:, ::-1] if mirrored else image
    return torch.from_numpy(np.ascontiguousarray(np.rot90(seen, turns)))
