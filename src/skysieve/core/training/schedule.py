"""The optimiser and its learning-rate schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import nn

    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["optimiser_with_schedule"]


def optimiser_with_schedule(
    network: nn.Module, recipe: TrainingRecipe, *, new_parts: Collection[str] | None = None
) -> tuple[torch.optim.AdamW, LambdaLR]:
    """Return AdamW with linear warm-up and cosine decay of the learning rate.

    Biases and the parameters of batch normalisation have no weight decay.  Weights of an initial model are
    trained at a fraction of the learning rate, ``recipe.loaded_rate``, and the parts that it lacks at all of
    it: with a rate that keeps what trained weights know, a new part would learn next to nothing.

    Parameters
    ----------
    network
        Network to train; frozen parameters are left out.
    recipe
        Learning rate, weight decay, warm-up and number of steps.
    new_parts
        Attributes of the network that the initial model lacks; None for a network without initial model.

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
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            loaded = new_parts is not None and name.partition(".")[0] not in new_parts
            rate = recipe.learning_rate * (recipe.loaded_rate if loaded else 1)
            decay = recipe.weight_decay if parameter.dim() > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    optimiser = torch.optim.AdamW(
        # weights before biases, as in earlier checkpoints
        [
            {"params": groups[rate, decay], "lr": rate, "weight_decay": decay}
            for rate, decay in sorted(groups, key=lambda group: group[1] == 0)
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
