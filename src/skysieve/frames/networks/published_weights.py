"""Weights as TensorFlow stores them, brought into torch's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["load_layers", "load_tensor"]


def load_layers(layers: Iterable[tuple[str, nn.Module]], weights: Mapping[str, NDArray[np.generic]]) -> None:
    """Fill convolutions and dense layers from ``<name>/kernel`` and ``<name>/bias``.

    Kernels come as (rows, columns, inputs, outputs) and (inputs, outputs).

    Raises
    ------
    ModelError
        If a tensor is missing or has another shape.
    """
    for name, layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            order = (3, 2, 0, 1) if isinstance(layer, nn.Conv2d) else (1, 0)
            load_tensor(layer.weight, weights, f"{name}/kernel", order)
            if layer.bias is not None:
                load_tensor(layer.bias, weights, f"{name}/bias", (0,))


def load_tensor(
    target: Tensor, weights: Mapping[str, NDArray[np.generic]], key: str, order: tuple[int, ...]
) -> None:
    """Fill a parameter in place with a stored tensor, its axes taken in the given order.

    Raises
    ------
    ModelError
        If the tensor is missing or has another shape.
    """
    if key not in weights:
        raise ModelError(f"the checkpoint has no tensor {key!r}: it is not the expected network")
    stored = weights[key]
    shape = tuple(target.shape[order.index(axis)] for axis in range(len(order)))
    if stored.shape != shape:
        raise ModelError(f"tensor {key!r} has shape {stored.shape}, expected {shape}")
    with torch.no_grad():
        target.copy_(torch.from_numpy(np.array(stored.transpose(order), np.float32, order="C")))
