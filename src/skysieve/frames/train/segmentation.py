"""Learners of the networks for contaminants: losses and validation scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from skysieve.core.errors import ConfigError
from skysieve.core.training.fused_loss import EntropyDiceLoss
from skysieve.core.training.kinds import PIXEL_LOSSES
from skysieve.core.training.losses import CombinedLoss, DiceLoss, FocalLoss, WeightedSigmoidLoss
from skysieve.core.training.pixels import PixelLearner
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.networks.sieve_net import CONTEXT, DEPTHS, WIDTHS, SieveNet
from skysieve.frames.train.tiles import targets_of
from skysieve.frames.train.validation import average_precisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from skysieve.core.evaluation.histograms import ScoreHistograms
    from skysieve.core.training.recipe import LossSettings, TrainingRecipe
    from skysieve.frames.networks.revised_net import RevisedNet

__all__ = ["REGIONS", "ContaminantLearner", "Segmentation", "build_loss", "cross_entropy_loss", "sieve_net"]

REGIONS = ("FR", "NEB")
"""Classes that cover regions of a frame: no single pixel shows whether the frame has fringes there."""


def sieve_net(
    recipe: TrainingRecipe, priors: Mapping[str, float] | None = None, *, context: bool = True
) -> SieveNet:
    """Return an untrained network of the recipe's size.

    Parameters
    ----------
    recipe
        Recipe of the training.
    priors
        Fraction of the training pixels in each class, by name; 0.5 each if None.
    context
        Whether the network has the context blocks of the recipe.

    Returns
    -------
    SieveNet
        Network with random weights.

    Raises
    ------
    ConfigError
        If the widths, depths and context blocks of the recipe do not match.
    """
    settings = recipe.network
    # The first network of a revision has none
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


def build_loss(settings: LossSettings, priors: Mapping[str, float]) -> nn.Module:
    """Return the loss of a recipe.

    Parameters
    ----------
    settings
        Kind and weights of the loss.
    priors
        Fraction of the training pixels in each class, by name.

    Returns
    -------
    torch.nn.Module
        Loss of logits ``(N, C, H, W)``, targets ``(N, C, H, W)`` and valid pixels ``(N, 1, H, W)``.

    Raises
    ------
    ConfigError
        If the loss is unknown.
    """
    if settings.kind not in PIXEL_LOSSES:
        raise ConfigError(f"loss {settings.kind}: not known; choose from {', '.join(PIXEL_LOSSES)}")
    proportions = torch.tensor([priors[name] for name in CLASS_NAMES])
    weights = _class_weights(settings, priors)
    if settings.kind == "sigmoid":
        return EntropyDiceLoss(weights, settings.dice)
    losses: dict[str, tuple[float, nn.Module]] = {}
    if settings.kind == "published":
        losses["pixels"] = (1.0, WeightedSigmoidLoss(proportions))
    else:
        losses["pixels"] = (1.0, FocalLoss(gamma=settings.gamma, positive_weights=weights))
    if settings.dice > 0:
        losses["dice"] = (settings.dice, DiceLoss())
    return CombinedLoss(losses)


def cross_entropy_loss(settings: LossSettings, priors: Mapping[str, float]) -> nn.Module:
    """Return the loss of the last part of a training: cross-entropy without weights on positive pixels.

    This is a proper score: the true posteriors minimise it.  A weight on positive pixels, or Dice, inflates
    the posteriors.  With them the network finds rare classes at all, but its ranking of likely pixels is less
    exact.  Here positive and negative pixels of a class have the same weight, so that the posteriors are
    unbiased.  A rare class has a larger weight as a whole, so that training continues to improve it.

    Parameters
    ----------
    settings
        Balance of the class weights, and their maximum.
    priors
        Fraction of the training pixels in each class, by name.

    Returns
    -------
    torch.nn.Module
        Loss of logits ``(N, C, H, W)``, targets ``(N, C, H, W)`` and valid pixels ``(N, 1, H, W)``.

    References
    ----------
    Gneiting & Raftery 2007, JASA 102, 359 (proper scores); Cao et al. 2019, NeurIPS 32, 1567 (training with
    one weighting first and another later).
    """
    weights = _class_weights(settings, priors)
    return EntropyDiceLoss(torch.ones_like(weights), 0.0, class_weights=weights)


def _class_weights(settings: LossSettings, priors: Mapping[str, float]) -> torch.Tensor:
    """Return the weight of each class ``(C,)``, larger for rarer classes."""
    proportions = torch.tensor([priors[name] for name in CLASS_NAMES])
    return ((1 - proportions) / proportions).pow(settings.balance).clamp(1, settings.most)


class ContaminantLearner(PixelLearner):
    """Base of the learners of contaminants, with the average precision of each class.

    Parameters
    ----------
    recipe, network, frozen_statistics
        See :class:`skysieve.core.training.learner.Learner`.
    """

    def __init__(
        self, recipe: TrainingRecipe, network: nn.Module, *, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network, CLASS_NAMES, frozen_statistics=frozen_statistics)

    def class_scores(self, histograms: ScoreHistograms) -> dict[str, float]:
        """Return the average precision of each class, and its mean over classes."""
        return average_precisions(histograms)


class Segmentation(ContaminantLearner):
    """Learner of the network for contaminants.

    Parameters
    ----------
    recipe
        Recipe of the training.
    priors
        Fraction of the training pixels in each class, by name.
    network
        Network to train; an untrained one of the recipe's size if None.
    frozen_statistics
        Whether the statistics of batch normalisation are frozen.  This is needed for a network loaded from a
        graph, in which batch normalisation is folded into the convolutions.
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
        self.first_loss = build_loss(recipe.loss, priors)
        self.final_loss = cross_entropy_loss(recipe.loss, priors)

    @property
    def loss(self) -> nn.Module:  # type: ignore[override]
        """Loss at the current step."""
        return self.final_loss if self.step >= self._switch_step else self.first_loss

    @property
    def _switch_step(self) -> float:
        """First step with :func:`cross_entropy_loss`; infinite if the recipe does not use it."""
        share = self.recipe.loss.proper
        return round((1 - share) * self.recipe.steps) if share > 0 else math.inf

    def before_step(self) -> None:
        """At the switch of the loss, remove the bias that weights on positive pixels gave to the logits.

        A training with cross-entropy from the first step needs no correction: it starts from a trained
        network, whose logits are calibrated, or from an untrained one, whose logits are the priors.
        """
        if self.step == self._switch_step > 0:
            shift = -torch.log(_class_weights(self.recipe.loss, self.priors)).to(self.device)
            self.network.fold_calibration(torch.ones_like(shift), shift)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        logits: Tensor = self.network(pixels)
        return logits

    def training_loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        batch
            Pixels ``(N, 1, H, W)`` float32 and bits ``(N, H, W)`` int16.

        Returns
        -------
        Tensor
            Scalar loss.
        """
        pixels, bits = batch
        targets, valid = targets_of(bits)
        logits = self(pixels.to(memory_format=self.memory_format))
        # In the memory format of the targets: with two formats, the loss takes nearly twice as long on a CPU
        loss: Tensor = self.loss(logits.float().contiguous(), targets, valid)
        return loss

    def validate(self, batch: tuple[Tensor, Tensor]) -> None:
        """Add a batch to the scores.

        Parameters
        ----------
        batch
            Pixels ``(N, 1, H, W)`` float32 and bits ``(N, H, W)`` int16.
        """
        pixels, bits = batch
        self.add_scores(self(pixels).float(), *targets_of(bits))
