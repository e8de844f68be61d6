"""Export of trained networks to ONNX graphs and to models with a card."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.models.card import CARD_FILE, GraphFile, Model, ModelCard, read_model
from skysieve.core.models.network import ENGINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    from numpy.typing import NDArray

    from skysieve.core.networks.blocks import ExportableNetwork

__all__ = ["GRAPH_FILE", "Calibration", "export_graph", "graph_weights", "write_model"]

GRAPH_FILE = "model.onnx"
OPSET = 17


@dataclass(frozen=True)
class Calibration:
    """Linear calibration of the logits of each class, ``scale logit + offset``.

    Attributes
    ----------
    scale, offset
        One value for each class, in the order of the network's classes.

    References
    ----------
    Platt 1999, in Advances in Large Margin Classifiers, 61; with ``offset`` zero it is the temperature of
    Guo, Pleiss, Sun & Weinberger 2017, ICML, 1321.
    """

    scale: Sequence[float]
    offset: Sequence[float]


def export_graph(
    network: ExportableNetwork,
    *,
    calibration: Calibration | None = None,
    compact: bool = True,
    opset: int = OPSET,
) -> bytes:
    """Export a network to an ONNX graph for the inference engines.

    The graph takes ``pixels``, ``(N, 1, H, W)`` float32, or ``(N, B, H, W)`` for a network with `bands`.  It
    returns ``probabilities``: ``(N, C, H, W)`` for a network on pixels, ``(N, 2)`` for one on frames, the
    second being the probability of the error.  N, H and W are dynamic, except H and W of a network with a
    `fixed_size` and N of a network that takes a `single` picture.  Batch normalisation is folded into the
    convolutions.

    Parameters
    ----------
    network
        A ``torch.nn.Module``; it is not changed.
    calibration
        Calibration to fold into the last layer.
    compact
        Whether to store kernels as float16, which halves the file; engines still compute in their own
        precision. With random kernels, probabilities change by 1e-4 on average, a tenth of what bf16 does.
    opset
        Version of the ONNX operator set, 17 to 20.

    Returns
    -------
    bytes
        The checked graph.

    Raises
    ------
    ValueError
        If the calibration has another number of classes.
    """
    import onnx

    exported = _Probabilities(_calibrated_copy(network, calibration)).eval()
    fixed_size = getattr(network, "fixed_size", None)
    single = getattr(network, "single", False)
    side = fixed_size or 4 * max(network.multiple, 16)
    bands = getattr(network, "bands", 1)
    open_sides = {} if fixed_size else {2: "height", 3: "width"}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter is deprecated, but the new one needs additional packages
        warnings.simplefilter("ignore", DeprecationWarning)
        if single:  # torchvision's modules support tracing, but warn all the same
            warnings.simplefilter("ignore")
        path = Path(folder) / GRAPH_FILE
        torch.onnx.export(
            exported,
            (torch.zeros(1 if single else 2, bands, side, side),),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=["pixels"],
            output_names=["probabilities"],
            dynamic_axes={"pixels": {**({} if single else {0: "n"}), **open_sides}},
        )
        model = onnx.load(path)
    if compact:
        _halve_kernels(model)
    model.producer_name, model.producer_version = "skysieve", __version__
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def graph_weights(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Return the weights of an exported graph.

    Parameters
    ----------
    graph
        Graph of :func:`export_graph`.

    Returns
    -------
    dict
        Float32 arrays, by the names under which the layers use them.
    """
    from onnx import TensorProto, numpy_helper

    stored = {tensor.name: tensor for tensor in graph.initializer}
    names = {name: name for name in stored}
    # The exporter stores equal weights only once
    for node in graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in names:
            names[node.output[0]] = names[node.input[0]]
    return {
        name: numpy_helper.to_array(stored[source]).astype(np.float32)
        for name, source in names.items()
        if stored[source].data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)
    }


def write_model(
    network: ExportableNetwork,
    folder: Path,
    card: ModelCard,
    *,
    calibration: Calibration | None = None,
    overwrite: bool = False,
) -> Model:
    """Write a network as a model: a folder with a graph and a card.

    Both files are complete before either replaces an existing one.

    Parameters
    ----------
    network
        The trained network.
    folder
        Folder of the model; created if it is missing.
    card
        Card of the model; its list of graphs is replaced.
    calibration
        See :func:`export_graph`.
    overwrite
        Whether an existing model is replaced.

    Returns
    -------
    Model
        The model as read back and verified.

    Raises
    ------
    OutputError
        If the folder cannot be written, or holds a model and `overwrite` is False.
    ValueError
        If the card has another number of classes than the network.
    """
    # A frame has one logit and two probabilities; a network with bands has one probability for each logit
    outputs = network.classes if hasattr(network, "bands") else max(network.classes, 2)
    if len(card.classes) != outputs:
        raise ValueError(f"the card has {len(card.classes)} classes, the network {network.classes}")
    content = export_graph(network, calibration=calibration)
    engines = getattr(network, "engines", ENGINES)
    graph = GraphFile(GRAPH_FILE, hashlib.sha256(content).hexdigest(), engines)
    text = dataclasses.replace(card, graphs=(graph,)).to_json()
    with (
        atomic_write(folder / CARD_FILE, overwrite=overwrite) as card_path,
        atomic_write(folder / GRAPH_FILE, overwrite=overwrite) as graph_path,
    ):
        graph_path.write_bytes(content)
        card_path.write_text(text, encoding="utf-8")
    model = read_model(folder)
    model.verify()
    return model


class _Probabilities(nn.Module):
    """A network whose forward pass returns probabilities."""

    def __init__(self, network: ExportableNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network.probabilities(pixels)


def _calibrated_copy(network: ExportableNetwork, calibration: Calibration | None) -> ExportableNetwork:
    """Return a calibrated float32 copy on the CPU."""
    copied = copy.deepcopy(network)
    if isinstance(copied, nn.Module):
        copied.float().cpu()
    if calibration is not None:
        scale, offset = torch.tensor(calibration.scale), torch.tensor(calibration.offset)
        if scale.shape != (network.classes,) or offset.shape != (network.classes,):
            raise ValueError(
                f"calibration of {len(scale)} scales and {len(offset)} offsets for {network.classes} classes"
            )
        copied.fold_calibration(scale, offset)
    return copied


def _halve_kernels(model: onnx.ModelProto) -> None:
    """Store kernels as float16, each with a cast that engines run once, when they load the graph."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            name, stored = tensor.name, f"{tensor.name}.float16"
            kernel = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(kernel, stored))
            casts.append(
                helper.make_node("Cast", [stored], [name], name=f"{name}.cast", to=TensorProto.FLOAT)
            )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
