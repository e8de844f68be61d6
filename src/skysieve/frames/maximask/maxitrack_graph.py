"""The published MaxiTrack network as an ONNX graph.

Five 9 x 9 convolutions with pooling, and three dense layers.  The input is exactly
400 x 400 pixels, because the parametric ReLUs have one slope per pixel.

References
----------
Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.2; layers and shapes as in
the weights of MaxiMask 1.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.frames.maximask.graph_builder import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import onnx
    from numpy.typing import NDArray

__all__ = ["BLOCK_SIZE", "maxitrack_graph"]

BLOCK_SIZE = 400
CONVOLUTIONS = (
    ("conv1", 1, 16, "variables/2"),
    ("conv2", 16, 32, "variables/5"),
    ("conv3", 32, 64, "variables/8"),
    ("conv4", 64, 128, "variables/11"),
    ("conv5", 128, 128, "variables/14"),
)
DENSE = (("dense1", 12 * 12 * 128, 64, "variables/17"), ("dense2", 64, 64, "variables/20"))


def maxitrack_graph(weights: Mapping[str, NDArray[np.generic]]) -> onnx.ModelProto:
    """Build the ONNX graph of the published MaxiTrack network.

    Parameters
    ----------
    weights
        Tensors of the checkpoint by key.

    Returns
    -------
    onnx.ModelProto
        Model with the input ``pixels`` ``(N, 1, 400, 400)`` float32, sky-subtracted and in units of the
        noise, and the output ``probabilities`` ``(N, 2)`` float32 at equal priors: no error, tracking error.

    Raises
    ------
    ModelError
        If a tensor is missing or has another shape.
    """
    builder = GraphBuilder(weights)
    tensor, side = builder.asinh("pixels"), BLOCK_SIZE
    for layer, inputs, outputs, slopes in CONVOLUTIONS:
        tensor = builder.convolution(layer, tensor, (9, 9, inputs, outputs))
        slope = builder.weight(slopes, (side, side, outputs)).transpose(2, 0, 1)
        tensor = builder.parametric_relu(tensor, builder.constant(f"{layer}.slopes", slope))
        tensor = builder.apply("MaxPool", tensor, kernel_shape=[2, 2], strides=[2, 2])
        side //= 2

    # the dense weights expect the order (rows, columns, channels)
    tensor = builder.apply("Flatten", builder.apply("Transpose", tensor, perm=[0, 2, 3, 1]))
    for layer, inputs, outputs, slopes in DENSE:
        tensor = _dense(builder, layer, tensor, inputs, outputs)
        slope = builder.weight(slopes, (outputs,))
        tensor = builder.parametric_relu(tensor, builder.constant(f"{layer}.slopes", slope))
    tensor = _dense(builder, "dense3", tensor, DENSE[-1][2], 2)
    builder.apply("Softmax", tensor, name="probabilities", axis=1)
    return builder.model("maxitrack", ["n", 1, BLOCK_SIZE, BLOCK_SIZE], "probabilities", ["n", 2])


def _dense(builder: GraphBuilder, layer: str, tensor: str, inputs: int, outputs: int) -> str:
    kernel = builder.constant(f"{layer}.kernel", builder.weight(f"{layer}/kernel", (inputs, outputs)))
    bias = builder.constant(f"{layer}.bias", builder.weight(f"{layer}/bias", (outputs,)))
    return builder.apply("Gemm", tensor, kernel, bias)
