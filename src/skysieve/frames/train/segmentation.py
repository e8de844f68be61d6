"""The network for contaminants as it learns: its loss, its optimiser, and how it is scored on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.training.fused_loss import EntropyDiceLoss
from skysieve.core.training.learner import Learner
from skysieve.core.training.losses import CombinedLoss, DiceLoss, FocalLoss, WeightedSigmoidLoss
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.networks.sieve_net import CONTEXT, DEPTHS, WIDTHS, SieveNet
from skysieve.frames.train.tiles import targets_of
from skysieve.frames.train.validation import add_logits, average_precisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from skysieve.core.training.recipe import LossSettings, TrainingRecipe
    from skysieve.frames.networks.revised_net import RevisedNet

__all__ = ["REGIONS", "PixelLearner", "Segmentation", "loss_of", "sieve_net"]

REGIONS = ("FR", "NEB")
"""Classes that span regions of a frame: no single pixel says whether it has fringes."""


def sieve_net(
    recipe: TrainingRecipe, priors: Mapping[str, float] | None = None, *, context: bool = True
) -> SieveNet:
    """Return an untrained network of the recipe's size; without context blocks if so asked.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    settings = recipe.network
    # The network that a revision begins with had none
    blocks = settings.context or (() if settings.widths or settings.kind == "revision" else CONTEXT)
    try:
        return SieveNet(
            len(CLASS_NAMES),
            widths=recipe.network.widths or WIDTHS,
            depths=recipe.network.depths or DEPTHS,
            context=blocks if context else (),
            priors=None if priors is None else [priors[name] for name in CLASS_NAMES],
            regions=[CLASS_NAMES.index(name) for name in REGIONS],
        )
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error


def loss_of(settings: LossSettings, priors: Mapping[str, float]) -> nn.Module:
    """Return the loss that a recipe asks for.

    Parameters
    ----------
    settings
        Kind and weights.
    priors
        Part of the pixels of the training set in each class, by name.
    """
    proportions = torch.tensor([priors[name] for name in CLASS_NAMES])
    weights = _rarity(settings, priors)
    if settings.kind == "sigmoid":
        return EntropyDiceLoss(weights, settings.dice)
    losses: dict[str, tuple[float, nn.Module]] = {}
    if settings.kind == "published":
        losses["pixels"] = (1.0, WeightedSigmoidLoss.from_priors(proportions))
    else:
        losses["pixels"] = (1.0, FocalLoss(gamma=settings.gamma, positive_weights=weights))
    if settings.dice > 0:
        losses["dice"] = (settings.dice, DiceLoss())
    return CombinedLoss(losses)


def proper_loss_of(settings: LossSettings, priors: Mapping[str, float]) -> nn.Module:
    """Return the loss of a training's last part: cross-entropy, by which true posteriors are best.

    A weight on positive pixels, or Dice, takes what is likely for as good as sure: rare classes are found at
    all, but of two pixels that a network is fond of, the wrong one may stand first.  Here a rare class weighs
    more as a whole, so that it goes on to be learnt, and its posteriors stay what they are.

    References
    ----------
    Gneiting & Raftery 2007, JASA 102, 359 (proper scores); Cao et al. 2019, NeurIPS 32, 1567 (to learn with
    one weighting first and another later).
    """
    weights = _rarity(settings, priors)
    return EntropyDiceLoss(torch.ones_like(weights), 0.0, class_weights=weights)


def _rarity(settings: LossSettings, priors: Mapping[str, float]) -> torch.Tensor:
    """Return the weight of each class, the greater the rarer it is."""
    proportions = torch.tensor([priors[name] for name in CLASS_NAMES])
    return ((1 - proportions) / proportions).pow(settings.balance).clamp(1, settings.most)


class PixelLearner(Learner):
    """A network that learns the classes of pixels, and how it is scored on the way.

    Parameters
    ----------
    recipe
        How.
    network
        What learns.
    frozen_statistics
        See :class:`skysieve.core.training.learner.Learner`.
    """

    loss: nn.Module

    def __init__(
        self, recipe: TrainingRecipe, network: nn.Module, *, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network, frozen_statistics=frozen_statistics)
        self._validation = ScoreHistograms(CLASS_NAMES)
        self._losses: list[float] = []

    def score(self, logits: Tensor, bits: Tensor) -> None:
        """Add the loss and the scores of a batch.

        Parameters
        ----------
        logits
            ``(N, C, H, W)`` float32.
        bits
            ``(N, H, W)`` int16, codes of classes.
        """
        self._losses.append(float(self.loss(logits, *targets_of(bits))))
        add_logits(self._validation, logits, bits)

    def on_validation_epoch_end(self) -> None:
        """Log the mean loss, and the average precision of each class and of their mean."""
        self.log_dict(average_precisions(self._validation), sync_dist=True)
        self.log("validation loss", float(np.mean(self._losses)), sync_dist=True)
        self._validation = ScoreHistograms(CLASS_NAMES)
        self._losses = []


class Segmentation(PixelLearner):
    """A network that learns the classes of pixels.

    Parameters
    ----------
    recipe
        How.
    priors
        Part of the pixels of the training set in each class, by name.
    network
        What learns; by default an untrained one of the recipe's size.
    frozen_statistics
        Whether batch normalisation keeps its statistics, as it must where a graph with none of it is
        tuned further.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        priors: Mapping[str, float],
        *,
        network: SieveNet | RevisedNet | None = None,
        frozen_statistics: bool = False,
    ) -> None:
        super().__init__(recipe, network or sieve_net(recipe, priors), frozen_statistics=frozen_statistics)
        self.priors = dict(priors)
        self.first_loss = loss_of(recipe.loss, priors)
        self.proper_loss = proper_loss_of(recipe.loss, priors)

    @property
    def loss(self) -> nn.Module:  # type: ignore[override]
        """What is minimised at this step."""
        return self.proper_loss if self.global_step >= self._turn else self.first_loss

    @property
    def _turn(self) -> float:
        """The step from which on the loss is proper; no step if it never is."""
        share = self.recipe.loss.proper
        return round((1 - share) * self.recipe.steps) if share > 0 else math.inf

    def on_train_batch_start(self, _batch: object, _index: int) -> None:
        """Where the loss becomes proper, take from the logits what the weights of positive pixels added.

        A training whose loss is proper from its first step begins with a trained network, whose logits are
        calibrated, or with an untrained one, whose logits are the priors.
        """
        if self.global_step == self._turn > 0:
            shift = -torch.log(_rarity(self.recipe.loss, self.priors)).to(self.device)
            self.network.fold_calibration(torch.ones_like(shift), shift)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)`` of pixels ``(N, 1, H, W)``."""
        logits: Tensor = self.network(pixels)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of a batch."""
        pixels, bits = batch
        targets, valid = targets_of(bits)
        logits = self(pixels.to(memory_format=self.memory_format))
        # As the targets lie in memory: in two orders, together they take the processor nearly twice as long
        loss: Tensor = self.loss(logits.float().contiguous(), targets, valid)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        """Add a batch to the scores."""
        pixels, bits = batch
        self.score(self(pixels).float(), bits)
