"""Weights and pixels that are the same with every release of torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

PIXELS = 8.0
"""Standard deviation of the pixels, in units of the noise: stars as well as sky."""


def filled(network, seed=0):
    """Fill a network with weights of the size that keeps signals as they are, and return it."""
    rng = np.random.default_rng(seed)
    for name, values in [*network.named_parameters(), *network.named_buffers()]:
        if not values.is_floating_point():
            continue
        drawn = rng.standard_normal(values.shape, np.float32)
        if name.endswith("running_var") or (name.endswith("weight") and values.dim() == 1):
            drawn = 1 + 0.2 * drawn.clip(-3, 3)
        elif name.endswith("weight"):
            drawn *= np.sqrt(1.5 / values[0].numel())
        else:
            drawn *= 0.1
        values.data.copy_(torch.from_numpy(drawn))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1
    return network.eval()


def pixels(*shape, seed=1):
    """Return normalised pixels."""
    drawn = np.random.default_rng(seed).normal(0, PIXELS, shape)
    return torch.from_numpy(drawn.astype(np.float32))
