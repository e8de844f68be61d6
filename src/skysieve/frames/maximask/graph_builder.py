"""Builder of ONNX graphs from named weights.

Kernels are read in TensorFlow's order (rows, columns, inputs, outputs) and stored in
ONNX's order (outputs, inputs, rows, columns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skysieve._version import __version__
from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["GraphBuilder"]

Attribute: TypeAlias = "int | float | str | Sequence[int]"
"""Value of an attribute of an ONNX node."""

OPSET = 17
IR_VERSION = 9


class GraphBuilder:
    """Collects the nodes and weights of a graph.

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

        Parameters
        ----------
        key
            Key of the tensor.
        shape
            Expected shape; None accepts any.

        Returns
        -------
        numpy.ndarray
            The tensor, as stored.

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
        """Add a constant, unless one of this name exists.

        Parameters
        ----------
        name
            Name of the constant.
        value
            Value; ignored if the name exists.

        Returns
        -------
        str
            `name`.
        """
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def apply(self, operator: str, *inputs: str, name: str | None = None, **attributes: Attribute) -> str:
        """Add a node with one output.

        Parameters
        ----------
        operator
            ONNX operator.
        *inputs
            Names of the input tensors.
        name
            Name of the node and of its output; generated if None.
        **attributes
            Attributes of the operator.

        Returns
        -------
        str
            Name of the output.
        """
        name = name or f"{operator.lower()}_{len(self.nodes)}"
        return self.apply_all(operator, *inputs, outputs=[name], **attributes)[0]

    def apply_all(
        self, operator: str, *inputs: str, outputs: list[str], **attributes: Attribute
    ) -> list[str]:
        """Add a node with several outputs.

        Parameters
        ----------
        operator
            ONNX operator.
        *inputs
            Names of the input tensors.
        outputs
            Names of the outputs; the first one is also the name of the node.
        **attributes
            Attributes of the operator.

        Returns
        -------
        list of str
            `outputs`.
        """
        keywords: dict[str, Any] = dict(attributes)  # onnx types its own keywords alone
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, name=outputs[0], **keywords))
        return outputs

    def convolution(self, layer: str, tensor: str, kernel_shape: Sequence[int]) -> str:
        """Add a convolution and its bias, with zero padding that keeps the image size.

        Parameters
        ----------
        layer
            Name of the layer, the prefix of its keys in the checkpoint.
        tensor
            Name of the input.
        kernel_shape
            (rows, columns, inputs, outputs).

        Returns
        -------
        str
            Name of the output.

        Raises
        ------
        ModelError
            If a weight is missing or has another shape.
        """
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

        The formula is that of TensorFlow.  The Asinh operator of ONNX differs in the last digits, which
        changes how ties in the pooling are resolved, and OpenVINO has no fast implementation of it.

        Parameters
        ----------
        tensor
            Name of the input.

        Returns
        -------
        str
            Name of the output.
        """
        one = self.constant("one", np.array(1, np.float32))
        root = self.apply("Sqrt", self.apply("Add", self.apply("Mul", tensor, tensor), one))
        logarithm = self.apply("Log", self.apply("Add", self.apply("Abs", tensor), root))
        return self.apply("Mul", self.apply("Sign", tensor), logarithm)

    def parametric_relu(self, tensor: str, slopes: str) -> str:
        """Add ``max(x, 0) + slope min(x, 0)``.

        Engines fuse these operators, but not the PRelu operator of ONNX with one slope per pixel.

        Parameters
        ----------
        tensor
            Name of the input.
        slopes
            Name of the slopes for negative values.

        Returns
        -------
        str
            Name of the output.
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
        """Return the checked model, with the float32 input ``pixels`` and one float32 output.

        Parameters
        ----------
        name
            Name of the graph.
        input_shape
            Shape of ``pixels``; strings name open axes.
        output, output_shape
            Name and shape of the output.

        Returns
        -------
        onnx.ModelProto
            The model.
        """
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
