"""Learner of the network for tracking errors, and its training frames.

The label of a frame alone is a weak training signal: at first the network does not know which positions of
the frame matter.  So it is trained on two tasks at once: the label, and at every position with stars the
elongation that the motion caused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, Unpack

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

__all__ = [
    "ELONGATION_WEIGHT",
    "ExampleSource",
    "LabelledFrames",
    "LabelledStream",
    "TrackingExample",
    "TrackingLearner",
    "rank_auc",
    "tracking_net",
]

BUFFER = 64
"""Number of frames in a worker's shuffle buffer."""

RENEWAL = 0.4
"""Probability that a frame has a new PSF; it is high because the network needs a large variety of PSFs."""

ELONGATION_WEIGHT = 3.0
"""Weight of the elongation loss relative to that of the label; in tests, both then fell at a similar rate."""

STARS = (0.45, 0.7)
"""Range of brightness over which the weight of a position in the elongation loss rises from 0 to 1.

The limits correspond to 3 and 8 sigma.
"""

Batch = tuple[Tensor, Tensor, Tensor]


class TrackingExample(NamedTuple):
    """A training frame.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, normalised, in units of the noise.
    tracking_error
        Whether the frame has a tracking error.
    elongation
        ``(2, H / cell, W / cell)`` float32; see :func:`skysieve.frames.simulate.motion.Motion.elongation`.
    frame
        Frame before normalisation.
    """

    pixels: NDArray[np.float32]
    tracking_error: bool
    elongation: NDArray[np.float32]
    frame: ArrayFrame


class ExampleSource(Protocol):
    """Source of training frames."""

    def frame(self, number: int) -> TrackingExample | None:
        """Return a frame.

        Parameters
        ----------
        number
            Number of the frame; the same number gives the same frame.

        Returns
        -------
        TrackingExample or None
            None if the frame has no noise.
        """
        ...


def tracking_net(recipe: TrainingRecipe, *, pairs: bool = True) -> TrackingNet:
    """Return an untrained network of the recipe's size.

    Parameters
    ----------
    recipe
        Recipe of the training.
    pairs
        Whether the network uses the autocorrelation; see :class:`TrackingNet`.

    Returns
    -------
    TrackingNet
        Network with random weights.

    Raises
    ------
    ConfigError
        If the widths and depths of the recipe do not match.
    """
    try:
        return TrackingNet(recipe.network.widths or WIDTHS, recipe.network.depths or DEPTHS, pairs=pairs)
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error


@dataclass(frozen=True)
class LabelledFrames:
    """Simulated and normalised frames with label and elongation.

    Parameters
    ----------
    recipe
        Recipe of the simulation.
    size
        Pixels on a side of a frame.
    seed
        Seed of the simulation; each frame uses it together with its number.
    cell
        Pixels on a side of a cell of the elongation map.
    """

    recipe: Recipe
    size: int
    seed: int
    cell: int

    @cached_property
    def _bank(self) -> PsfBank:
        return PsfBank(self.recipe.optics, renewal=RENEWAL)

    def frame(self, number: int) -> TrackingExample | None:
        """See :meth:`ExampleSource.frame`."""
        rng = np.random.default_rng([self.seed, number])
        simulated = simulate_tracking_frame(
            (self.size, self.size), seed=rng, recipe=self.recipe, bank=self._bank
        )
        frame = ArrayFrame(simulated.pixels)
        try:
            pixels, _ = normalise(frame, threads=1).rows(0, self.size)
        except FrameError:
            return None
        centres = (np.arange(self.size // self.cell) + 0.5) * self.cell - 0.5
        if simulated.motion.uniform:
            elongation = np.empty((2, centres.size, centres.size), np.float32)
            elongation[:] = simulated.motion.elongation(centres[0], centres[0])[:, None, None]
        else:
            elongation = simulated.motion.elongation(*np.meshgrid(centres, centres, indexing="ij"))
        return TrackingExample(pixels, simulated.tracking_error, elongation, frame)


class LabelledStream(ShuffledStream[TrackingExample, Batch]):
    """Endless stream of frames, rotated and mirrored at random.

    An example is pixels ``(1, S, S)``, label ``(1,)`` and elongation ``(2, P, P)``, all float32.

    Parameters
    ----------
    source
        Source of the frames.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: ExampleSource, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def _room(self, turn: int) -> int:
        # A small buffer at first, so that training starts at once
        return min(BUFFER, 8 + turn // 2)

    def _make(self, number: int, _rng: Generator) -> list[TrackingExample]:
        frame = self.source.frame(number)
        return [] if frame is None else [frame]

    def _show(self, made: TrackingExample, rng: Generator) -> Batch:
        return _rotated(made, mirror=bool(rng.integers(2)), quarter_turns=int(rng.integers(4)))


def _rotated(example: TrackingExample, *, mirror: bool, quarter_turns: int) -> Batch:
    """Return pixels, label and elongation, mirrored along x if asked for, then rotated by 90 degree steps."""
    pixels, elongation = example.pixels, example.elongation
    if mirror:
        pixels = pixels[:, ::-1]
        elongation = elongation[:, :, ::-1] * np.array([1, -1], np.float32)[:, None, None]
    if quarter_turns % 2:
        elongation = -elongation  # x and y are swapped, and one of them changes its sign
    pixels = np.rot90(pixels, quarter_turns)
    elongation = np.rot90(elongation, quarter_turns, axes=(1, 2))
    image, target = (torch.from_numpy(np.ascontiguousarray(part)) for part in (pixels, elongation))
    return image[None], torch.tensor([float(example.tracking_error)]), target


class TrackingLearner(Learner):
    """Learner of the network for tracking errors.

    Parameters
    ----------
    recipe
        Recipe of the training.
    network
        Network to train; an untrained one of the recipe's size if None.
    frozen_statistics
        Whether the statistics of batch normalisation are frozen.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: TrackingNet | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or tracking_net(recipe), frozen_statistics=frozen_statistics)
        self.network.freeze(recipe.network.frozen)
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        batch
            Pixels ``(N, 1, H, W)``, labels ``(N, 1)`` and elongations ``(N, 2, h, w)``, all float32.

        Returns
        -------
        Tensor
            Scalar loss.
        """
        pixels, labels, elongations = batch
        logits, elongation, brightness = self.network.forward_all(pixels.to(memory_format=self.memory_format))
        elongation_loss = _elongation_loss(elongation, elongations, brightness)
        return _label_loss(logits, labels) + ELONGATION_WEIGHT * elongation_loss

    def validate(self, batch: Batch) -> None:
        """Store the logits of a batch.

        Parameters
        ----------
        batch
            As in :meth:`training_loss`.
        """
        pixels, labels, _ = batch
        self._logits.append(self.network(pixels).float().cpu())
        self._labels.append(labels.cpu())

    def scores(self) -> dict[str, float]:
        """Return the mean loss and the area under the ROC curve."""
        logits, labels = torch.cat(self._logits), torch.cat(self._labels)
        self._logits, self._labels = [], []
        auc = rank_auc(logits[:, 0].numpy(), labels[:, 0].numpy() > 0)
        return {"validation loss": float(_label_loss(logits, labels)), "AUC": auc}


def rank_auc(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: the probability that a positive frame scores above a negative one.

    Parameters
    ----------
    scores
        ``(N,)`` float32.
    positive
        ``(N,)`` bool, frames with a tracking error.

    Returns
    -------
    float
        The area; NaN without positive or without negative frames.

    References
    ----------
    Hanley & McNeil 1982, Radiology 143, 29, eq. 1.
    """
    if positive.all() or not positive.any():
        return float("nan")
    negative = np.sort(scores[~positive])
    ranks = [np.searchsorted(negative, scores[positive], side) for side in ("left", "right")]
    return float((ranks[0] + ranks[1]).mean() / (2 * negative.size))


def _label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)


def _elongation_loss(elongation: Tensor, truth: Tensor, brightness: Tensor) -> Tensor:
    """Return the mean square error of the elongation, weighted by the brightness of stars."""
    low, high = STARS
    weights = ((brightness - low) / (high - low)).clamp(0, 1)
    squares = (elongation - truth).square().sum(1, keepdim=True)
    return (squares * weights).sum() / weights.sum().clamp_min(1)
