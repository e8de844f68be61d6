"""Frames with what a trained network says of them, kept in a folder: what a second network learns from."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import FrameError, OutputError
from skysieve.core.networks.blocks import asinh
from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.frames.networks.revised_net import LARGEST_LOGIT
from skysieve.frames.train.tiles import normalised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Unpack

    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    from skysieve.core.training.shuffled_stream import Order
    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.train.tiles import FrameSource

__all__ = ["AnsweredFrame", "AnsweredFrames", "AnsweredStream", "seen_and_answered"]

STEP = 0.1
"""Logits are kept as multiples of this, in a byte each."""


class AnsweredFrame(NamedTuple):
    """A frame, what a network says of it, and the truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float16, asinh of the pixels in units of the noise.
    answers
        ``(C, H, W)`` uint8, logits in steps of :data:`STEP` from -:data:`LARGEST_LOGIT` on.
    bits
        ``(H, W)`` int16, codes of classes; that of NODATA for no data.
    """

    pixels: NDArray[np.float16]
    answers: NDArray[np.uint8]
    bits: NDArray[np.int16]


class AnsweredFrames:
    """Frames that are simulated and shown to a network once.

    Parameters
    ----------
    source
        Where frames come from.
    network
        What answers, in evaluation mode.
    folder
        Where frames are kept; None keeps none.
    description
        All that decides what they look like and what the network says.
    """

    def __init__(
        self, source: FrameSource, network: SieveNet, folder: Path | None, *, description: str
    ) -> None:
        self.source, self.network = source, network
        said = hashlib.sha256(f"{__version__}\n{description}".encode()).hexdigest()[:12]
        self.folder = None if folder is None else folder / said

    def frame(self, number: int) -> AnsweredFrame | None:
        """Return a frame as it was kept, or make it and keep it; None if it has no noise.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = None if self.folder is None else self.folder / f"{number}.npz"
        kept = _read(path) if path is not None and path.exists() else None
        if kept is not None:
            return kept
        try:
            seen, bits = normalised(*self.source.frame(number), np.random.default_rng([number]))
        except FrameError:
            return None
        pixels = torch.from_numpy(seen)[None, None]
        with torch.inference_mode():
            logits = self.network(pixels)[0]
            steps = ((logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT) + LARGEST_LOGIT) / STEP).round()
            made = AnsweredFrame(asinh(pixels)[0, 0].half().numpy(), steps.byte().numpy(), bits)
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"cannot make the folder {path.parent}: {error.strerror}") from error
            with atomic_write(path, overwrite=True) as temporary, temporary.open("wb") as file:
                np.savez(file, pixels=made.pixels, answers=made.answers, bits=made.bits)
        return made


class AnsweredStream(ShuffledStream[AnsweredFrame, "tuple[Tensor, Tensor, Tensor]"]):
    """Endless crops: asinh of pixels ``(4, S/2, S/2)``, logits ``(4 C, S/2, S/2)``, bits ``(S, S)``.

    Four neighbouring pixels are four channels, as networks take them.

    Parameters
    ----------
    frames
        What is shown.
    count
        Number of frames; after the last comes the first again.
    tile
        Pixels on a side of a crop.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, frames: AnsweredFrames, *, count: int, tile: int, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.frames, self.count, self.tile = frames, count, tile

    def _room(self, _turn: int) -> int:
        return 8

    def _make(self, number: int, _rng: Generator) -> Sequence[AnsweredFrame]:
        frame = self.frames.frame(number % self.count)
        return [] if frame is None else [frame]

    def _show(self, made: AnsweredFrame, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
        top, left = (2 * int(rng.integers((side - self.tile) // 2 + 1)) for side in made.bits.shape)
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        shown = []
        for image in made:
            part = image[..., top : top + self.tile, left : left + self.tile]
            part = part[..., ::-1] if mirrored else part
            shown.append(torch.from_numpy(np.ascontiguousarray(np.rot90(part, turns, axes=(-2, -1)))))
        pixels, answers, bits = shown
        return *seen_and_answered(pixels, answers), bits


def seen_and_answered(pixels: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Return pixels and answers ``(H, W)`` and ``(C, H, W)``, as kept, as a second network takes them.

    Returns
    -------
    tuple
        ``(4, H/2, W/2)`` and ``(4 C, H/2, W/2)`` float32.
    """
    logits = answers.float() * STEP - LARGEST_LOGIT
    return functional.pixel_unshuffle(pixels.float()[None], 2), functional.pixel_unshuffle(logits, 2)


def _read(path: Path) -> AnsweredFrame | None:
    """Return a frame that was kept; None if its file is damaged."""
    try:
        # opened here, for numpy leaves a damaged file open
        with path.open("rb") as file, np.load(file) as kept:
            return AnsweredFrame(kept["pixels"], kept["answers"], kept["bits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
