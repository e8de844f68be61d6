"""The optimiser and its learning-rate schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from torch import nn

    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["optimiser_with_schedule"]


def optimiser_with_schedule(network: nn.Module, recipe: TrainingRecipe) -> tuple[torch.optim.AdamW, LambdaLR]:
    """Return AdamW with linear warm-up and cosine decay of the learning rate.

    Biases and the parameters of batch normalisation have no weight decay.

    Parameters
    ----------
    network
        Network to train; frozen parameters are left out.
    recipe
        Learning rate, weight decay, warm-up and number of steps.

    Returns
    -------
    optimiser : torch.optim.AdamW
        The optimiser.
    schedule : torch.optim.lr_scheduler.LambdaLR
        Its schedule, to be advanced at each step.

    References
    ----------
    Loshchilov & Hutter 2019, ICLR (decoupled weight decay); 2017, ICLR (the cosine).
    """
    decaying = [p for p in network.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.dim() <= 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": decaying, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )
    rising = max(1, round(recipe.warm_up * recipe.steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = min(1.0, (step - rising) / max(1, recipe.steps - rising))
        return 0.5 * (1 + math.cos(math.pi * done))

    return optimiser, LambdaLR(optimiser, factor)
