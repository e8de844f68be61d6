"""Training of the second network for contaminants, which revises the answers of a trained one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from skysieve.core.errors import ConfigError
from skysieve.core.training.feed import stream_batches
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.train.answered_frames import (
    AnsweredFrame,
    AnsweredFrames,
    AnsweredStream,
    seen_and_answered,
)
from skysieve.frames.train.contaminants import VALIDATION_SEED, ContaminantTraining
from skysieve.frames.train.segmentation import PixelLearner, proper_loss_of, sieve_net
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
    """A second network that learns.

    Parameters
    ----------
    recipe
        How.
    priors
        Part of the pixels of the training set in each class, by name.
    first
        The trained network.
    """

    def __init__(self, recipe: TrainingRecipe, priors: Mapping[str, float], first: SieveNet) -> None:
        super().__init__(recipe, RevisedNet(first))
        self.loss = proper_loss_of(recipe.loss, priors)

    def train(self, mode: bool = True) -> RevisionLearner:  # noqa: FBT001, FBT002 (torch's own signature)
        """Set the mode, but for the first network, which stays as it is."""
        super().train(mode)
        self.network.first.eval()
        return self

    def forward(self, pixels: Tensor, answers: Tensor, part: tuple[slice, slice] | None = None) -> Tensor:
        """Return the revised logits ``(N, C, H, W)`` of what :class:`AnsweredStream` yields, or of a part."""
        answers, pixels = (one.to(memory_format=self.memory_format) for one in (answers, pixels))
        return functional.pixel_shuffle(self.network.revision(answers, pixels, part=part), 2)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of a batch: of a quarter of its pixels, by what lies around in all of it.

        The wide view is what has most to learn, and full resolution is what takes most of the time.
        """
        pixels, answers, bits = batch
        half = bits.shape[-1] // 4
        top, left = torch.randint(half + 1, (2,)).tolist()
        part = (slice(top, top + half), slice(left, left + half))
        rows, columns = (slice(2 * one.start, 2 * one.stop) for one in part)
        logits = self(pixels, answers, part).float().contiguous()
        loss: Tensor = self.loss(logits, *targets_of(bits[..., rows, columns]))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _index: int) -> None:
        """Add a batch, as it was kept, to the scores."""
        pixels, answers, bits = batch
        logits = self(*map(torch.stack, zip(*map(seen_and_answered, pixels, answers), strict=True)))
        self.score(logits.float().contiguous(), bits)


@dataclass
class RevisionTraining(ContaminantTraining):
    """A training of the second network for contaminants.

    Parameters
    ----------
    recipe
        How.
    kept
        Folder where frames are kept with the answers of the first network, and taken from where they are
        there; none by default.
    **others
        See :class:`skysieve.frames.train.contaminants.ContaminantTraining`.
    """

    kept: Path | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Make sure that both networks take frames and crops of the recipe's size."""
        multiple = RevisedNet(sieve_net(self.recipe)).multiple
        for setting in ("frame", "tile"):
            side = getattr(self.recipe, setting)
            if side % multiple:
                raise ConfigError(
                    f"recipe {self.recipe.name}: {setting}: {side}, expected a multiple of {multiple} px"
                )

    def start_from(self, model: str) -> None:
        """Take a trained network: a name or a folder; of a revised one, the first network is taken.

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
        """The network whose answers are revised.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if self.initial is None or isinstance(self.initial, RevisedNet):
            raise ConfigError(f"recipe {self.recipe.name}: revises a trained network; name it by --init")
        return self.initial.eval()

    def module(self) -> RevisionLearner:
        """Return the network with its loss."""
        return RevisionLearner(self.recipe, self.priors, self.first)

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless batches of crops, going on after the steps that are done."""
        recipe = self.recipe
        stream = AnsweredStream(
            self._answered(self._frames(recipe.seed), recipe.seed),
            count=recipe.distinct or 2**31,
            tile=recipe.tile,
            reuse=recipe.reuse,
            seed=recipe.seed,
            first=done * recipe.batch * ranks // recipe.reuse,
            rank=rank,
            ranks=ranks,
        )
        return stream_batches(stream, batch=recipe.batch, workers=workers)

    def validation_batches(self) -> DataLoader[Any]:
        """Return the frames that are scored on the way: the same each time, and never trained on."""
        seed = self.recipe.seed + VALIDATION_SEED
        answered = self._answered(SimulatedFrames(self.simulation, self.recipe.frame, seed), seed)
        frames: list[AnsweredFrame] = []
        number = 0
        while len(frames) < self.recipe.validation_frames:
            frame = answered.frame(number)
            number += 1
            if frame is not None:
                frames.append(frame)
        parts = (torch.from_numpy(np.stack(part)) for part in zip(*frames, strict=True))
        return DataLoader(TensorDataset(*parts), batch_size=2)

    def _answered(self, source: FrameSource, seed: int) -> AnsweredFrames:
        recipe = self.recipe
        said = [f"{seed} {recipe.frame} {recipe.clean_share}", self.simulation.to_yaml(), self.origin]
        if self.clean is not None:
            said.append(self.clean.folder)
        return AnsweredFrames(source, self.first, self.kept, description="\n".join(said))
