"""Conversion of weights from TensorFlow's layout to torch layers."""

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
    """Load the weights of convolutions and dense layers from ``<name>/kernel`` and ``<name>/bias``.

    Parameters
    ----------
    layers
        Names and layers; layers of other types are skipped.
    weights
        Tensors by key; kernels are (rows, columns, inputs, outputs) or (inputs, outputs).

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
    """Load a parameter in place from a stored tensor.

    Parameters
    ----------
    target
        Parameter to fill.
    weights
        Tensors by key.
    key
        Key of the tensor.
    order
        Axes of the stored tensor in the order of those of the parameter.

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
