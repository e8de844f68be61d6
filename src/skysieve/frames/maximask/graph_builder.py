"""A small builder of ONNX graphs from named weights.

Kernels come in TensorFlow's order (rows, columns, inputs, outputs) and go into
the graph in ONNX's (outputs, inputs, rows, columns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skysieve._version import __version__
from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["GraphBuilder"]

OPSET = 17
IR_VERSION = 9


class GraphBuilder:
    """Collects nodes and weights; every method returns the name of the new tensor.

    Parameters
    ----------
    weights
        Tensors of a checkpoint by key.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def weight(self, key: str, shape: Sequence[int] | None = None) -> NDArray[np.generic]:
        """Return a tensor of the checkpoint.

        Raises
        ------
        ModelError
            If the checkpoint has no such tensor or one of another shape.
        """
        if key not in self.weights:
            raise ModelError(f"the checkpoint has no tensor {key!r}: it is not the expected network")
        tensor = self.weights[key]
        if shape is not None and tensor.shape != tuple(shape):
            raise ModelError(f"tensor {key!r} has shape {tensor.shape}, expected {tuple(shape)}")
        return tensor

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant once under its name."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def apply(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node with one output."""
        return self.apply_all(operator, *inputs, outputs=[name or self._new_name(operator)], **attributes)[0]

    def apply_all(self, operator: str, *inputs: str, outputs: list[str], **attributes: Any) -> list[str]:
        """Add a node with the named outputs."""
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, name=outputs[0], **attributes))
        return outputs

    def _new_name(self, operator: str) -> str:
        return f"{operator.lower()}_{len(self.nodes)}"

    def convolution(self, layer: str, tensor: str, kernel_shape: Sequence[int]) -> str:
        """Add a convolution with zero padding that keeps the size, and its bias."""
        kernel = self.weight(f"{layer}/kernel", kernel_shape)
        bias = self.weight(f"{layer}/bias", kernel_shape[-1:])
        return self.apply(
            "Conv",
            tensor,
            self.constant(f"{layer}.kernel", kernel.transpose(3, 2, 0, 1)),
            self.constant(f"{layer}.bias", bias),
            name=layer,
            pads=[(side - 1) // 2 for side in kernel_shape[:2]] * 2,
        )

    def asinh(self, tensor: str) -> str:
        """Add ``sign(x) log(|x| + sqrt(x^2 + 1))``.

        Spelt out as TensorFlow computes it: ONNX's own operator differs in the last digits, enough to break
        ties in the pooling another way, and OpenVINO has no fast form of it.
        """
        one = self.constant("one", np.array(1, np.float32))
        root = self.apply("Sqrt", self.apply("Add", self.apply("Mul", tensor, tensor), one))
        logarithm = self.apply("Log", self.apply("Add", self.apply("Abs", tensor), root))
        return self.apply("Mul", self.apply("Sign", tensor), logarithm)

    def parametric_relu(self, tensor: str, slopes: str) -> str:
        """Add ``max(x, 0) + slope min(x, 0)``.

        Spelt out because engines fuse these, but not ONNX's own operator with slopes of single pixels.
        """
        positive = self.apply("Relu", tensor)
        negative = self.apply("Sub", tensor, positive)
        return self.apply("Add", positive, self.apply("Mul", slopes, negative))

    def model(
        self,
        name: str,
        input_shape: Sequence[int | str],
        output: str,
        output_shape: Sequence[int | str],
    ) -> onnx.ModelProto:
        """Return the checked model with the float32 input ``pixels`` and one float32 output."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, input_shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)],
            list(self.initializers.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="skysieve",
            producer_version=__version__,
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model
