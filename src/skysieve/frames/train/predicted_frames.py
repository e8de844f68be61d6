"""Frames with the predictions of a trained network, the training data of a second network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from skysieve._version import __version__
from skysieve.core.networks.blocks import asinh
from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.frames.networks.revised_net import LARGEST_LOGIT
from skysieve.frames.train.frame_cache import FrameCache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Unpack

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from skysieve.core.training.shuffled_stream import Order
    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.train.normalised_frames import NormalisedFrames

__all__ = ["PredictedFrame", "PredictedFrames", "PredictedStream", "second_network_inputs"]

STEP = 0.1
"""Logits are stored in one byte each, as multiples of this."""


class PredictedFrame(NamedTuple):
    """A frame, the logits of a network, and the truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float16, asinh of the pixels in units of the noise.
    logits
        ``(C, H, W)`` uint8, logits in steps of :data:`STEP` from -:data:`LARGEST_LOGIT`.
    bits
        ``(H, W)`` int16, codes of the classes, and of NODATA.
    """

    pixels: NDArray[np.float16]
    logits: NDArray[np.uint8]
    bits: NDArray[np.int16]


class PredictedFrames:
    """Frames with predictions, each predicted once and then read from a cache.

    Parameters
    ----------
    frames
        Frames to predict.
    network
        Network to run, in evaluation mode.
    folder
        Folder of the cache; None caches nothing.
    origin
        Text that identifies the network; the predictions of each network have a cache of their own.
    """

    def __init__(
        self, frames: NormalisedFrames, network: SieveNet, folder: Path | None, *, origin: str
    ) -> None:
        self.frames, self.network = frames, network
        self._cache = FrameCache(folder, f"{__version__}\n{origin}\n{frames.description}")

    def frame(self, number: int) -> PredictedFrame | None:
        """Return a frame with predictions, from the cache or newly made.

        Parameters
        ----------
        number
            Number of the frame in the source.

        Returns
        -------
        PredictedFrame or None
            None if the frame has no noise.

        Raises
        ------
        OutputError
            If the cache cannot be written.
        """
        frame = self.frames.frame(number)
        if frame is None:
            return None
        pixels = torch.from_numpy(frame.pixels)
        stored = self._cache.read(number)
        if stored is None:
            with torch.inference_mode():
                logits = self.network(pixels[None, None])[0].clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
            stored = {"logits": ((logits + LARGEST_LOGIT) / STEP).round().byte().numpy()}
            self._cache.write(number, **stored)
        return PredictedFrame(asinh(pixels).half().numpy(), stored["logits"], frame.bits)


class PredictedStream(ShuffledStream[PredictedFrame, "tuple[Tensor, Tensor, Tensor]"]):
    """Endless stream of random crops of frames with predictions, rotated and mirrored at random.

    An example is asinh of the pixels ``(4, S/2, S/2)`` float32, logits ``(4 C, S/2, S/2)`` float32 and bits
    ``(S, S)`` int16.  As in the networks, 2 x 2 neighbouring pixels are four channels.

    Parameters
    ----------
    frames
        Frames to crop.
    tile
        Pixels on a side of a crop.
    distinct
        Number of different frames, which are repeated; 0 for new frames without end.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(
        self, frames: PredictedFrames, *, tile: int, distinct: int = 0, **order: Unpack[Order]
    ) -> None:
        super().__init__(**order)
        self.frames, self.tile, self.distinct = frames, tile, distinct

    def _room(self, _turn: int) -> int:
        return 8

    def _make(self, number: int, _rng: Generator) -> Sequence[PredictedFrame]:
        frame = self.frames.frame(number % self.distinct if self.distinct else number)
        return [] if frame is None else [frame]

    def _show(self, made: PredictedFrame, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
        top, left = (2 * int(rng.integers((side - self.tile) // 2 + 1)) for side in made.bits.shape)
        quarter_turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        crops = []
        for image in made:
            part = image[..., top : top + self.tile, left : left + self.tile]
            part = part[..., ::-1] if mirrored else part
            crops.append(torch.from_numpy(np.ascontiguousarray(np.rot90(part, quarter_turns, axes=(-2, -1)))))
        pixels, logits, bits = crops
        return *second_network_inputs(pixels, logits), bits


def second_network_inputs(pixels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Convert stored pixels and logits to the input of the second network.

    Parameters
    ----------
    pixels
        ``(H, W)`` float16, as in :class:`PredictedFrame`.
    logits
        ``(C, H, W)`` uint8, as in :class:`PredictedFrame`.

    Returns
    -------
    pixels
        ``(4, H/2, W/2)`` float32.
    logits
        ``(4 C, H/2, W/2)`` float32.
    """
    logits = logits.float() * STEP - LARGEST_LOGIT
    return functional.pixel_unshuffle(pixels.float()[None], 2), functional.pixel_unshuffle(logits, 2)
