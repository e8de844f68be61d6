"""A stream of tiles to learn from: frames are simulated as they are needed, normalised, cut and turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from skysieve.contaminants.classes import CLASSES, NODATA
from skysieve.contaminants.truth_bits import truth_bits
from skysieve.errors import FrameError
from skysieve.imaging.frames import ArrayFrame
from skysieve.imaging.normalise import normalise
from skysieve.simulate.frame import simulate_frame
from skysieve.simulate.optics import PsfBank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from skysieve.simulate.recipe import Recipe

__all__ = ["FrameSource", "SimulatedFrames", "TileStream", "normalised", "targets_of"]

BUFFER = 256
"""Tiles among which a worker draws the next, so that those of a frame do not follow one another."""

MISSING = 0.06
"""Chance of a frame to have a rectangle without data, as gaps and masked amplifiers are."""


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


class TileStream(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Endless tiles: pixels ``(1, S, S)`` float32 in units of the noise, classes ``(S, S)`` int16 as bits.

    Each worker process makes frames of its own.

    Parameters
    ----------
    source
        Where frames come from.
    tile
        Pixels on a side of a tile.
    reuse
        How often a tile is shown.
    seed
        Of the order, the turns and the gaps.
    first
        Number of the first frame, to go on where a training stopped.
    rank, ranks
        Which of several trainers the tiles are for.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        tile: int,
        reuse: int,
        seed: int,
        first: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.source, self.tile, self.reuse, self.seed, self.first = source, tile, reuse, seed, first
        self.rank, self.ranks = rank, ranks

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield tiles for ever."""
        torch.set_num_threads(1)
        worker = get_worker_info()
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        index, workers = index + self.rank * workers, workers * self.ranks
        rng = np.random.default_rng([self.seed, index, self.first])
        buffer: list[tuple[NDArray[np.float32], NDArray[np.int16], int]] = []
        frames = self._frames(self.first + index, workers, rng)
        while True:
            while len(buffer) < BUFFER:
                buffer.extend((*tile, self.reuse) for tile in next(frames))
            place = int(rng.integers(len(buffer)))
            pixels, bits, left = buffer[place]
            if left > 1:
                buffer[place] = (pixels, bits, left - 1)
            else:
                buffer[place] = buffer[-1]
                buffer.pop()
            turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
            yield _turned(pixels, turns, mirrored=mirrored)[None], _turned(bits, turns, mirrored=mirrored)

    def _frames(
        self, number: int, step: int, rng: Generator
    ) -> Iterator[list[tuple[NDArray[np.float32], NDArray[np.int16]]]]:
        """Yield the tiles of frames, one frame after another; frames without any noise are left out."""
        while True:
            pixels, bits = self.source.frame(number)
            number += step
            try:
                seen, bits = normalised(pixels, bits, rng)
            except FrameError:
                continue
            side = self.tile
            corners = [
                (y, x) for y in _starts(seen.shape[0], side, rng) for x in _starts(seen.shape[1], side, rng)
            ]
            yield [
                (seen[y : y + side, x : x + side].copy(), bits[y : y + side, x : x + side].copy())
                for y, x in corners
            ]


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
