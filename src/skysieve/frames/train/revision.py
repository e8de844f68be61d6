"""Training of the second network for contaminants, which revises the logits of a trained one."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from skysieve.core.errors import ConfigError
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.train.contaminants import VALIDATION_SEED, ContaminantTraining
from skysieve.frames.train.predicted_frames import (
    PredictedFrames,
    PredictedStream,
    second_network_inputs,
)
from skysieve.frames.train.segmentation import ContaminantLearner, cross_entropy_loss, sieve_net
from skysieve.frames.train.tiles import targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.core.training.shuffled_stream import Order, ShuffledStream
    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.train.normalised_frames import NormalisedFrames

__all__ = ["RevisionLearner", "RevisionTraining"]


class RevisionLearner(ContaminantLearner):
    """Learner of the second network.

    Parameters
    ----------
    recipe
        Recipe of the training.
    priors
        Fraction of the training pixels in each class, by name.
    first
        Trained first network, which stays frozen.
    """

    def __init__(self, recipe: TrainingRecipe, priors: Mapping[str, float], first: SieveNet) -> None:
        super().__init__(recipe, RevisedNet(first))
        self.loss = cross_entropy_loss(recipe.loss, priors)

    def train(self, mode: bool = True) -> RevisionLearner:  # noqa: FBT001, FBT002 (torch's own signature)
        """Set the mode; the first network stays in evaluation mode."""
        super().train(mode)
        self.network.first.eval()
        return self

    def forward(self, pixels: Tensor, logits: Tensor, part: tuple[slice, slice] | None = None) -> Tensor:
        """Return the revised logits.

        Parameters
        ----------
        pixels
            ``(N, 4, H / 2, W / 2)`` float32, as from :class:`PredictedStream`.
        logits
            ``(N, 4 C, H / 2, W / 2)`` float32, as from :class:`PredictedStream`.
        part
            Rows and columns of these to compute; all if None.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``, or that part of it.
        """
        logits, pixels = (one.to(memory_format=self.memory_format) for one in (logits, pixels))
        return functional.pixel_shuffle(self.network.revision(logits, pixels, part=part), 2)

    def training_loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return the loss on a random quarter of the pixels of a batch, with context from all of it.

        The context layers need most of the training, but full resolution takes most of the time.

        Parameters
        ----------
        batch
            Pixels, logits and bits, as from :class:`PredictedStream`.

        Returns
        -------
        Tensor
            Scalar loss.
        """
        pixels, logits, bits = batch
        half = bits.shape[-1] // 4
        top, left = torch.randint(half + 1, (2,)).tolist()
        part = (slice(top, top + half), slice(left, left + half))
        rows, columns = (slice(2 * one.start, 2 * one.stop) for one in part)
        revised = self(pixels, logits, part).float().contiguous()
        loss: Tensor = self.loss(revised, *targets_of(bits[..., rows, columns]))
        return loss

    def validate(self, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        """Add a batch of stored frames to the scores.

        Parameters
        ----------
        batch
            Pixels, logits and bits, as in :class:`PredictedFrame`, stacked.
        """
        pixels, logits, bits = batch
        revised = self(*map(torch.stack, zip(*map(second_network_inputs, pixels, logits), strict=True)))
        self.add_scores(revised.float().contiguous(), *targets_of(bits))


class RevisionTraining(ContaminantTraining):
    """A training of the second network for contaminants.

    The cache, if there is one, also holds the logits of the first network.
    """

    @property
    def multiple(self) -> int:
        """Number of pixels of which frames and tiles are multiples, of both networks."""
        multiple: int = RevisedNet(sieve_net(self.recipe)).multiple
        return multiple

    def network_of(self, model: Model) -> SieveNet:
        """Return the first network with the weights of a model; if that has two networks, of the first."""
        network = super().network_of(model)
        self.new_parts = ("revision",)
        return network.first if isinstance(network, RevisedNet) else network

    @property
    def first(self) -> SieveNet:
        """Network whose logits are revised.

        Raises
        ------
        ConfigError
            If no network was loaded.
        """
        if self.initial is None:
            raise ConfigError(f"recipe {self.recipe.name}: revises a trained network; name it by --init")
        network: SieveNet = self.initial
        return network.eval()

    def learner(self) -> RevisionLearner:
        """Return the network with its loss."""
        return RevisionLearner(self.recipe, self.priors, self.first)

    def stream(self, **order: Unpack[Order]) -> ShuffledStream[Any, Any]:
        """Return the endless stream of crops."""
        recipe = self.recipe
        frames = self._predicted(self._normalised(self._frames(recipe.seed), recipe.seed, self.kept))
        return PredictedStream(frames, tile=recipe.tile, distinct=recipe.distinct, **order)

    def first_number(self, shown: int) -> int:
        """Return the number of the first frame: each gives one crop at a time."""
        return shown // self.recipe.reuse

    def validation_batches(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation frames: the same in each validation, and never used in training."""
        predicted = self._predicted(self._held_out(VALIDATION_SEED, self.kept))
        frames = islice(filter(None, map(predicted.frame, count())), self.recipe.validation_frames)
        parts = (torch.from_numpy(np.stack(part)) for part in zip(*frames, strict=True))
        return DataLoader(TensorDataset(*parts), batch_size=2)

    def _predicted(self, frames: NormalisedFrames) -> PredictedFrames:
        """Return frames with the logits of the first network."""
        return PredictedFrames(frames, self.first, self.kept, origin=self.origin)
