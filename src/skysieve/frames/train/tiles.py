"""Stream of training tiles: frames are simulated on demand, normalised, cut into tiles and rotated."""

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

__all__ = ["FrameSource", "SimulatedFrames", "TileStream", "normalise_frame", "targets_of"]

BUFFER = 256
"""Number of tiles in a worker's shuffle buffer, so that tiles of a frame do not follow one another."""

GAP_PROBABILITY = 0.06
"""Probability that a frame gets a rectangle without data, like a gap or a masked amplifier."""


Tile: TypeAlias = "tuple[NDArray[np.float32], NDArray[np.int16]]"
"""Pixels ``(S, S)`` float32 in units of the noise, and bits ``(S, S)`` int16."""


class FrameSource(Protocol):
    """Source of training frames."""

    def frame(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """Return a frame and its truth.

        Parameters
        ----------
        number
            Number of the frame; the same number gives the same frame.

        Returns
        -------
        pixels
            ``(H, W)`` float32, in any unit.
        bits
            ``(H, W)`` int16, codes of the classes, and of NODATA.
        """
        ...


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
        """See :meth:`FrameSource.frame`."""
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
    source
        Source of the frames.
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
        """Return the tiles of a frame; none if the frame has no noise."""
        try:
            pixels, bits = normalise_frame(*self.source.frame(number), rng)
        except FrameError:
            return []
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


def normalise_frame(
    pixels: NDArray[np.float32], bits: NDArray[np.int16], rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Normalise a frame, at random with a gap without data.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32, in any unit.
    bits
        ``(H, W)`` int16, codes of the classes.
    rng
        Generator of the gap, a rectangle of up to a third of the frame along each axis.

    Returns
    -------
    pixels
        ``(H, W)`` float32, in units of the noise; zero where there is no data.
    bits
        ``(H, W)`` int16, with NODATA in the gap.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    nodata = np.zeros(pixels.shape, np.bool_)
    if rng.uniform() < GAP_PROBABILITY:
        height, width = pixels.shape
        top, left = int(rng.integers(height)), int(rng.integers(width))
        tall, wide = rng.integers(1, 1 + np.array([height, width]) // 3)
        nodata[top : top + tall, left : left + wide] = True
    frame = normalise(ArrayFrame(pixels, mask=nodata), threads=1)
    image, missing = frame.rows(0, pixels.shape[0])
    return image, np.where(missing, np.int16(NODATA.code), bits)


def _starts(length: int, side: int, rng: Generator) -> list[int]:
    """Return the first pixels of contiguous tiles along an axis, at a random offset."""
    count = length // side
    offset = int(rng.integers(length - count * side + 1))
    return [offset + side * k for k in range(count)]


def _rotated(image: NDArray[np.generic], quarter_turns: int, *, mirrored: bool) -> Tensor:
    """Return the image, mirrored along x if asked for, then rotated by multiples of 90 degrees."""
    source = image[:, ::-1] if mirrored else image
    return torch.from_numpy(np.ascontiguousarray(np.rot90(source, quarter_turns)))
