"""Statistics of batch normalisation that belong to the weights: measured anew, where weights are averages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = ["measure_statistics"]


def measure_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measure the mean and the variance of what each batch normalisation sees, in place.

    Statistics that are averaged as the weights are do not belong to the averaged weights: least of all in a
    short training, and where few pixels are far brighter than the others.

    Parameters
    ----------
    network
        Its mode stays as it is.
    batches
        Input as in training, ``(N, B, H, W)`` each; all batches count the same.

    References
    ----------
    Izmailov et al. 2018, UAI, 876, section 3.2 (averages of weights need statistics of their own).
    """
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not layers:
        return
    before = [(layer.momentum, layer.training) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
        layer.train()
    with torch.no_grad():
        for pixels in batches:
            network(pixels)
    for layer, (momentum, training) in zip(layers, before, strict=True):
        layer.momentum = momentum
        layer.train(training)
