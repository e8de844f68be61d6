"""Training of the second network for contaminants, which revises the logits of a trained one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from skysieve.core.errors import ConfigError
from skysieve.core.training.feed import stream_batches
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.train.contaminants import VALIDATION_SEED, ContaminantTraining
from skysieve.frames.train.predicted_frames import (
    PredictedFrame,
    PredictedFrames,
    PredictedStream,
    second_network_inputs,
)
from skysieve.frames.train.segmentation import PixelLearner, cross_entropy_loss, sieve_net
from skysieve.frames.train.tiles import SimulatedFrames, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.train.tiles import FrameSource

__all__ = ["RevisionLearner", "RevisionTraining"]


class RevisionLearner(PixelLearner):
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
        self.add_scores(revised.float().contiguous(), bits)


@dataclass
class RevisionTraining(ContaminantTraining):
    """A training of the second network for contaminants.

    Parameters
    ----------
    recipe
        Recipe of the training.
    kept
        Folder of a cache of frames with the logits of the first network; None caches nothing.
    **others
        See :class:`skysieve.frames.train.contaminants.ContaminantTraining`.
    """

    kept: Path | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the sizes of the recipe against both networks."""
        multiple = RevisedNet(sieve_net(self.recipe)).multiple
        for setting in ("frame", "tile"):
            side = getattr(self.recipe, setting)
            if side % multiple:
                raise ConfigError(
                    f"recipe {self.recipe.name}: {setting}: {side}, expected a multiple of {multiple} px"
                )

    def start_from(self, model: str) -> None:
        """Load the first network from a trained model.

        Parameters
        ----------
        model
            Name or folder of the model; if it has two networks, the first one is used.

        Raises
        ------
        ModelError
            If there is no such model, or its graph is of another network than the recipe's.
        """
        super().start_from(model)
        if isinstance(self.initial, RevisedNet):
            self.initial = self.initial.first

    @property
    def first(self) -> SieveNet:
        """Network whose logits are revised.

        Raises
        ------
        ConfigError
            If no network was loaded.
        """
        if self.initial is None or isinstance(self.initial, RevisedNet):
            raise ConfigError(f"recipe {self.recipe.name}: revises a trained network; name it by --init")
        return self.initial.eval()

    def learner(self) -> RevisionLearner:
        """Return the network with its loss."""
        return RevisionLearner(self.recipe, self.priors, self.first)

    def training_batches(
        self, *, done: int, workers: int, rank: int, ranks: int
    ) -> DataLoader[tuple[Tensor, ...]]:
        """Return endless batches of crops, continuing after the completed steps."""
        recipe = self.recipe
        stream = PredictedStream(
            self._predicted_frames(self._frames(recipe.seed), recipe.seed),
            count=recipe.distinct or 2**31,
            tile=recipe.tile,
            reuse=recipe.reuse,
            seed=recipe.seed,
            first=done * recipe.batch * ranks // recipe.reuse,
            rank=rank,
            ranks=ranks,
        )
        return stream_batches(stream, batch=recipe.batch, workers=workers)

    def validation_batches(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation frames: the same in each validation, and never used in training."""
        seed = self.recipe.seed + VALIDATION_SEED
        predicted = self._predicted_frames(SimulatedFrames(self.simulation, self.recipe.frame, seed), seed)
        frames: list[PredictedFrame] = []
        number = 0
        while len(frames) < self.recipe.validation_frames:
            frame = predicted.frame(number)
            number += 1
            if frame is not None:
                frames.append(frame)
        parts = (torch.from_numpy(np.stack(part)) for part in zip(*frames, strict=True))
        return DataLoader(TensorDataset(*parts), batch_size=2)

    def _predicted_frames(self, source: FrameSource, seed: int) -> PredictedFrames:
        recipe = self.recipe
        lines = [f"{seed} {recipe.frame} {recipe.clean_share}", self.simulation.to_yaml(), self.origin]
        if self.clean is not None:
            lines.append(self.clean.folder)
        return PredictedFrames(source, self.first, self.kept, description="\n".join(lines))
