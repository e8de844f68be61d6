"""Initialisation of a network with the weights of a model's ONNX graph, for further training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from skysieve.core.errors import ModelError
from skysieve.core.training.export import graph_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model

__all__ = ["load_all_but", "load_graph_weights"]

_Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.LayerNorm | nn.PReLU


def load_graph_weights(network: nn.Module, model: Model) -> None:
    """Load the weights of a model's graph into a network, in place.

    The graph has no batch normalisation: the export folded it into the convolutions.  Biases of convolutions
    become biases of the normalisation that follows.  Its statistics are set so that it is the identity
    otherwise; keep them frozen during training.

    Parameters
    ----------
    network
        Network with the widths and depths of the model's.
    model
        Card and graph.

    Raises
    ------
    ModelError
        If the graph is of another job or of a network of another size.
    """
    import onnx

    content, _ = model.graph("onnxruntime")
    graph = onnx.load_from_string(content).graph
    values = graph_weights(graph)
    stored = _stored_layers(graph, values)
    layers = _layers_in_order(network)
    if any(layer is None for layer in stored):
        raise ModelError(f"model {model.card.name!r} keeps its weights as no graph of a training does")
    if len(stored) != len(layers):
        raise ModelError(
            f"model {model.card.name!r} has {len(stored)} layers, the recipe's network {len(layers)}; "
            "give the widths and depths of the model in the recipe"
        )
    scales, others = _channel_scales(graph, values), _parameters_outside_layers(network)
    if [values.size for values in scales] != [parameter.numel() for parameter in others]:
        raise ModelError(
            f"model {model.card.name!r} is of another kind of network than this release trains; "
            "train one anew"
        )
    with torch.no_grad():
        for parameter, found in zip(others, scales, strict=True):
            parameter.copy_(torch.from_numpy(found.reshape(parameter.shape)))
        for found_layer, (layer, norm) in zip(stored, layers, strict=True):
            assert found_layer is not None  # noqa: S101 (refused above)
            weight = torch.from_numpy(found_layer.weight.copy())
            bias = None if found_layer.bias is None else torch.from_numpy(found_layer.bias.copy())
            if weight.shape != layer.weight.shape:
                raise ModelError(
                    f"model {model.card.name!r} has a layer of {tuple(weight.shape)} where the recipe's "
                    f"network has {tuple(layer.weight.shape)}; give the model's widths in the recipe"
                )
            layer.weight.copy_(weight)
            if norm is not None:
                norm.running_mean.zero_()  # type: ignore[union-attr]
                norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
                norm.weight.fill_(1)
                norm.bias.copy_(torch.zeros_like(norm.bias) if bias is None else bias)
            elif bias is not None and not isinstance(layer, nn.PReLU) and layer.bias is not None:
                layer.bias.copy_(bias)


def load_all_but(parts: Sequence[str], network: nn.Module, model: Model, plain: nn.Module) -> None:
    """Load the weights of a model that lacks some parts of the network; these parts are not changed.

    Parameters
    ----------
    parts
        Attributes of the network that the model lacks.
    network
        Network to initialise.
    model
        Card and graph.
    plain
        The same network without these parts.

    Raises
    ------
    ModelError
        If the graph is of another job or of a network of another size.
    """
    load_graph_weights(plain, model)
    missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
    if unexpected or any(name.partition(".")[0] not in parts for name in missing):
        raise ModelError(
            f"model {model.card.name!r} is of another network than the recipe's; give its widths and depths"
        )
    for module in (one for part in parts for one in getattr(network, part).modules()):
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(1 - module.eps)  # type: ignore[union-attr]


class _Stored(NamedTuple):
    """Weight and optional bias of a layer in a graph."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None


def _stored_layers(graph: onnx.GraphProto, values: dict[str, NDArray[np.float32]]) -> list[_Stored | None]:
    """Return the layers in the order of execution; None for a layer whose weights are not in the graph."""
    added_to = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    layers: list[_Stored | None] = []
    for node in graph.node:
        names = list(node.input[1:])
        if node.op_type == "MatMul":
            if names[0] not in values:  # a product of two activations is not a layer
                continue
            # A dense layer on several positions: the weight is transposed, and Add holds the bias
            after = added_to.get(node.output[0])
            biases = [name for name in (after.input if after else ()) if name in values]
            layers.append(_Stored(values[names[0]].T, values[biases[0]] if biases else None))
        elif node.op_type == "PRelu":
            layers.append(_Stored(values[names[0]].ravel(), None) if names[0] in values else None)
        elif node.op_type in ("Conv", "ConvTranspose", "Gemm", "LayerNormalization"):
            known = [values[name] for name in names if name in values]
            layers.append(
                _Stored(known[0], known[1] if len(known) > 1 else None) if len(known) == len(names) else None
            )
    return layers


def _channel_scales(
    graph: onnx.GraphProto, values: dict[str, NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Return the weights that multiply channels of feature maps, in the order of execution."""
    names = [name for node in graph.node if node.op_type == "Mul" for name in node.input]
    return [values[name] for name in names if name in values and values[name].size > 1]


def _parameters_outside_layers(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that belong to modules other than layers and normalisations."""
    return [
        parameter
        for module in network.modules()
        if not isinstance(module, _Layer | nn.BatchNorm2d)
        for parameter in module.parameters(recurse=False)
    ]


def _layers_in_order(
    network: nn.Module,
) -> list[tuple[_Layer, nn.BatchNorm2d | None]]:
    """Return the layers with weights in the order of execution, each with the normalisation after it."""
    order: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, *_: order.append(module))
        for module in network.modules()
        if isinstance(module, _Layer | nn.BatchNorm2d)
    ]
    was_training = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, getattr(network, "bands", 1), 256, 256))
    network.train(was_training)
    for handle in handles:
        handle.remove()
    pairs: list[tuple[_Layer, nn.BatchNorm2d | None]] = []
    for index, module in enumerate(order):
        if isinstance(module, _Layer):
            after = order[index + 1] if index + 1 < len(order) else None
            pairs.append((module, after if isinstance(after, nn.BatchNorm2d) else None))
    return pairs
