"""The network for tracking as it learns, and the frames that it learns from.

The label of a frame alone is little to learn from: a network that does not know yet where to look finds
nothing that goes with it.  So it learns two things at once, the label, and at every place where there are
stars how far and along which axis the motion drew them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import torch
from torch import Tensor

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.training.learner import Learner
from skysieve.core.training.shuffled_stream import ShuffledStream
from skysieve.frames.image.normalise import normalise
from skysieve.frames.networks.tracking_net import DEPTHS, WIDTHS, TrackingNet
from skysieve.frames.simulate.optics import PsfBank
from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.core.training.shuffled_stream import Order
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.kept_frames import FrameSource

__all__ = [
    "SMEAR_WEIGHT",
    "LabelledFrames",
    "LabelledStream",
    "MovedFrame",
    "TrackingLearner",
    "rank_auc",
    "tracking_net",
]

BUFFER = 64
"""Frames among which a worker draws the next."""

RENEWAL = 0.4
"""Chance that a frame has a new PSF: what PSFs there are is what the network must know most about."""

SMEAR_WEIGHT = 3.0
"""Weight of the smear beside the label: where it was tried, both then fell at about the same pace."""

STARS = (0.45, 0.7)
"""A place counts by its brightness: below the first not at all (3 sigma), at the second in full (8 sigma)."""

Batch = tuple[Tensor, Tensor, Tensor]


class MovedFrame(NamedTuple):
    """A frame to learn from.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, in units of the noise.
    tracking_error
        Whether the telescope did.
    smear
        ``(2, H / place, W / place)`` float32; see :func:`skysieve.frames.simulate.motion.Motion.elongation`.
    frame
        As it was taken.
    """

    pixels: NDArray[np.float32]
    tracking_error: bool
    smear: NDArray[np.float32]
    frame: ArrayFrame


def tracking_net(recipe: TrainingRecipe, *, pairs: bool = True) -> TrackingNet:
    """Return an untrained network of the recipe's size.

    Parameters
    ----------
    recipe
        How it is trained.
    pairs
        Whether it looks for pairs of images.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    try:
        return TrackingNet(recipe.network.widths or WIDTHS, recipe.network.depths or DEPTHS, pairs=pairs)
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error


@dataclass(frozen=True)
class LabelledFrames:
    """Normalised frames, whether they have tracking errors, and what these did to the stars, by number.

    Parameters
    ----------
    recipe
        What they are drawn from.
    size
        Pixels on a side.
    seed
        With the number of a frame, the seed of all in it.
    place
        Pixels on a side of a place.
    """

    recipe: Recipe
    size: int
    seed: int
    place: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics, renewal=RENEWAL)

    def frame(self, number: int) -> MovedFrame | None:
        """Return a frame; None if it has no noise to measure it by."""
        rng = np.random.default_rng([self.seed, number])
        simulated = simulate_tracking_frame(
            (self.size, self.size), seed=rng, recipe=self.recipe, bank=self._bank
        )
        frame = ArrayFrame(simulated.pixels)
        try:
            pixels, _ = normalise(frame, threads=1).rows(0, self.size)
        except FrameError:
            return None
        middles = (np.arange(self.size // self.place) + 0.5) * self.place - 0.5
        if simulated.motion.uniform:
            smear = np.empty((2, middles.size, middles.size), np.float32)
            smear[:] = simulated.motion.elongation(middles[0], middles[0])[:, None, None]
        else:
            smear = simulated.motion.elongation(*np.meshgrid(middles, middles, indexing="ij"))
        return MovedFrame(pixels, simulated.tracking_error, smear, frame)


class LabelledStream(ShuffledStream[MovedFrame, Batch]):
    """Endless frames ``(1, S, S)``, turned and mirrored, labels ``(1,)`` and smears ``(2, P, P)``; float32.

    Parameters
    ----------
    source
        Where frames come from.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: FrameSource, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def _room(self, turn: int) -> int:
        # A few at first, so that training begins at once
        return min(BUFFER, 8 + turn // 2)

    def _make(self, number: int, _rng: Generator) -> list[MovedFrame]:
        frame = self.source.frame(number)
        return [] if frame is None else [frame]

    def _show(self, made: MovedFrame, rng: Generator) -> Batch:
        return _turned(made, mirror=bool(rng.integers(2)), turns=int(rng.integers(4)))


def _turned(shown: MovedFrame, *, mirror: bool, turns: int) -> Batch:
    """Return a frame mirrored along x, then turned by so many right angles, its label, and its smear."""
    pixels, smear = shown.pixels, shown.smear
    if mirror:
        pixels, smear = pixels[:, ::-1], smear[:, :, ::-1] * np.array([1, -1], np.float32)[:, None, None]
    if turns % 2:
        smear = -smear  # x and y change places, and one of them its sign
    pixels, smear = np.rot90(pixels, turns), np.rot90(smear, turns, axes=(1, 2))
    seen, drawn_out = (torch.from_numpy(np.ascontiguousarray(part)) for part in (pixels, smear))
    return seen[None], torch.tensor([float(shown.tracking_error)]), drawn_out


class TrackingLearner(Learner):
    """A network that learns to detect tracking errors.

    Parameters
    ----------
    recipe
        How.
    network
        What learns; by default an untrained one of the recipe's size.
    frozen_statistics
        Whether batch normalisation keeps its statistics.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: TrackingNet | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or tracking_net(recipe), frozen_statistics=frozen_statistics)
        self.network.freeze(recipe.network.frozen)
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """Return the loss of a batch."""
        pixels, labels, smears = batch
        logits, smear, brightness = self.network.examine(pixels.to(memory_format=self.memory_format))
        return _loss(logits, labels) + SMEAR_WEIGHT * _error(smear, smears, brightness)

    def validation_step(self, batch: Batch, _index: int) -> None:
        """Keep the logits of a batch."""
        pixels, labels, _ = batch
        self._logits.append(self.network(pixels).float().cpu())
        self._labels.append(labels.cpu())

    def on_validation_epoch_end(self) -> None:
        """Log the mean loss and the area under the ROC curve."""
        logits, labels = torch.cat(self._logits), torch.cat(self._labels)
        self.log("validation loss", _loss(logits, labels), sync_dist=True)
        self.log("AUC", rank_auc(logits[:, 0].numpy(), labels[:, 0].numpy() > 0), sync_dist=True)
        self._logits, self._labels = [], []


def rank_auc(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    """Return the chance that a frame with an error scores above one without; NaN without either.

    References
    ----------
    Hanley & McNeil 1982, Radiology 143, 29, eq. 1.
    """
    if positive.all() or not positive.any():
        return float("nan")
    good = np.sort(scores[~positive])
    below = np.searchsorted(good, scores[positive], "left") + np.searchsorted(good, scores[positive], "right")
    return float(below.mean() / (2 * good.size))


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)


def _error(smear: Tensor, truth: Tensor, brightness: Tensor) -> Tensor:
    """Return the mean square error of the smear where there are stars."""
    low, high = STARS
    weights = ((brightness - low) / (high - low)).clamp(0, 1)
    squares = (smear - truth).square().sum(1, keepdim=True)
    return (squares * weights).sum() / weights.sum().clamp_min(1)
