"""The published MaxiMask network as an ONNX graph.

An encoder-decoder like SegNet: pooling stores the position of each maximum, and
unpooling puts the values back at these positions.  ONNX Runtime has operators for
both.  OpenVINO has none for unpooling; there the graph uses masks instead.  Where
several pixels of a pooling window share the maximum, which is common after ReLU, the
first one in reading order is used, in both forms and in TensorFlow.

References
----------
Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.1; layers and shapes as in
the weights of MaxiMask 1.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from skysieve.frames.maximask.graph_builder import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray

__all__ = ["SIZE_MULTIPLE", "Unpooling", "maximask_graph"]

Unpooling = Literal["masks", "indices"]
"""How the graph stores the positions of maxima: masks for OpenVINO, indices for ONNX Runtime."""

SIZE_MULTIPLE = 16
"""The sides of the input are multiples of this, so only the fifth pooling can have an odd input size."""

CLASSES = 14
ENCODER = {
    1: (("conv1", 1, 32),),
    2: (("conv2", 32, 64),),
    3: (("conv3_1", 64, 128), ("conv3_2", 128, 128)),
    4: (("conv4_1", 128, 256), ("conv4_2", 256, 256)),
    5: (("conv5_1", 256, 256), ("conv5_2", 256, 256)),
}
DECODER = {
    5: (("upconv5_2", 256, 256), ("upconv5_1", 256, 256)),
    4: (("upconv4_2", 256, 256), ("upconv4_1", 256, 128)),
    3: (("upconv3_2", 128, 128), ("upconv3_1", 128, 64)),
    2: (("upconv2", 64, 32),),
    1: (("upconv1", 32, CLASSES),),
}
SIDE_PATHS = {
    4: (
        ("ucp4_conv4", 256, 128),
        ("ucp4_conv3", 128, 64),
        ("ucp4_conv2", 64, 32),
        ("ucp4_conv1", 32, CLASSES),
    ),
    3: (("ucp3_conv3", 128, 64), ("ucp3_conv2", 64, 32), ("ucp3_conv1", 32, CLASSES)),
    2: (("ucp2_conv2", 64, 32), ("ucp2_conv1", 32, CLASSES)),
    1: (("ucp1_conv1", 32, CLASSES),),
}


def maximask_graph(weights: Mapping[str, NDArray[np.generic]], unpooling: Unpooling) -> onnx.ModelProto:
    """Build the ONNX graph of the published MaxiMask network.

    Parameters
    ----------
    weights
        Tensors of the checkpoint by key.
    unpooling
        Form of the unpooling.

    Returns
    -------
    onnx.ModelProto
        Model with the input ``pixels`` ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise,
        and the output ``probabilities`` ``(N, 14, H, W)`` float32 at the training priors.  H and W are
        multiples of :data:`SIZE_MULTIPLE`.

    Raises
    ------
    ModelError
        If a tensor is missing or has another shape.
    """
    builder = GraphBuilder(weights)
    tensor = builder.asinh("pixels")
    skips: dict[int, str] = {}
    poolings: dict[int, _Pooling] = {}
    for level, layers in ENCODER.items():
        skips[level] = _stack(builder, tensor, layers)
        pool = _pool_with_masks if unpooling == "masks" else _pool_with_indices
        tensor, poolings[level] = pool(builder, skips[level], level)

    tensor = _stack(builder, tensor, (("convmid", 256, 256),))
    unpooled: dict[int, str] = {}
    for level, layers in DECODER.items():
        unpooled[level] = _unpool(builder, tensor, poolings[level])
        tensor = _stack(builder, builder.apply("Add", unpooled[level], skips[level]), layers)

    outputs = [tensor]
    for level, layers in SIDE_PATHS.items():
        side = _stack(builder, unpooled[level], layers[:1])
        for below, layer in zip(range(level - 1, 0, -1), layers[1:], strict=True):
            side = _stack(builder, _unpool(builder, side, poolings[below]), (layer,))
        outputs.append(side)
    joined = builder.apply("Concat", *outputs, axis=1)
    logits = builder.convolution("final_conv", joined, (3, 3, CLASSES * len(outputs), CLASSES))
    builder.apply("Sigmoid", logits, name="probabilities")
    return builder.model(
        "maximask", ["n", 1, "height", "width"], "probabilities", ["n", CLASSES, "height", "width"]
    )


def _stack(builder: GraphBuilder, tensor: str, layers: tuple[tuple[str, int, int], ...]) -> str:
    for layer, inputs, outputs in layers:
        tensor = builder.apply("Relu", builder.convolution(layer, tensor, (3, 3, inputs, outputs)))
    return tensor


@dataclass(frozen=True)
class _Pooling:
    """Names of the tensors of a pooling that its unpooling needs."""

    positions: str
    """Masks: bool, true at the maxima; indices: flat indices of the maxima in the padded input."""
    size: str | None
    """Rows and columns of the pooling's input, where they may be odd."""
    padded_shape: str | None = None
    """Indices only: shape of the pooling's input, padded to even sizes."""


class _Window(TypedDict):
    kernel_shape: list[int]
    strides: list[int]


WINDOW: _Window = {"kernel_shape": [2, 2], "strides": [2, 2]}


def _input_size(builder: GraphBuilder, tensor: str) -> str:
    first, behind = builder.constant("two", np.array([2])), builder.constant("four", np.array([4]))
    return builder.apply("Slice", builder.apply("Shape", tensor), first, behind)


def _crop(builder: GraphBuilder, tensor: str, size: str | None) -> str:
    if size is None:
        return tensor
    corner, axes = builder.constant("corner", np.array([0, 0])), builder.constant("axes", np.array([2, 3]))
    return builder.apply("Slice", tensor, corner, size, axes)


def _enlarge(builder: GraphBuilder, tensor: str, size: str | None) -> str:
    """Repeat every pixel 2 x 2 times and crop to the size."""
    scales = builder.constant("scales", np.array([1, 1, 2, 2], np.float32))
    enlarged = builder.apply(
        "Resize",
        tensor,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return _crop(builder, enlarged, size)


def _pool_with_masks(builder: GraphBuilder, tensor: str, level: int) -> tuple[str, _Pooling]:
    """Pool, and mark the first maximum of each window.

    Pixels equal to the maximum of their window get the rank 4, 3, 2 or 1 by their position in the window, all
    others 0.  The pixel with the highest rank of the window is the first maximum.
    """
    size = _input_size(builder, tensor)
    odd_size = size if level == len(ENCODER) else None
    pooled = builder.apply("MaxPool", tensor, ceil_mode=1, **WINDOW)
    is_maximum = builder.apply("Equal", tensor, _enlarge(builder, pooled, odd_size))

    one, two = builder.constant("ones", np.array([1, 1])), builder.constant("twos", np.array([2, 2]))
    windows = builder.apply("Div", builder.apply("Add", size, one), two)
    ranks = builder.constant("ranks", np.array([[[[4, 3], [2, 1]]]], np.float32))
    tiled = builder.apply("Tile", ranks, builder.apply("Concat", one, windows, axis=0))
    zero = builder.constant("zero", np.array(0, np.float32))
    rank = builder.apply("Where", is_maximum, _crop(builder, tiled, odd_size), zero)
    highest = builder.apply("MaxPool", rank, ceil_mode=1, **WINDOW)
    positions = builder.apply("Equal", rank, _enlarge(builder, highest, odd_size))
    return pooled, _Pooling(positions, odd_size)


def _pool_with_indices(builder: GraphBuilder, tensor: str, level: int) -> tuple[str, _Pooling]:
    """Pool with the operator that also returns indices.

    An odd size is first padded with zeros.  After a ReLU, a zero never precedes an equal pixel of the image.
    """
    size = None
    if level == len(ENCODER):
        size = _input_size(builder, tensor)
        two, none = (
            builder.constant("twos", np.array([2, 2])),
            builder.constant("nothing", np.zeros(6, np.int64)),
        )
        pads = builder.apply("Concat", none, builder.apply("Mod", size, two), axis=0)
        tensor = builder.apply("Pad", tensor, pads, mode="constant")
    pooled, indices = builder.apply_all(
        "MaxPool", tensor, outputs=[f"pooled_{level}", f"indices_{level}"], **WINDOW
    )
    return pooled, _Pooling(indices, size, builder.apply("Shape", tensor))


def _unpool(builder: GraphBuilder, tensor: str, pooling: _Pooling) -> str:
    """Put each value at the position of the maximum of its window, and zeros elsewhere."""
    if pooling.padded_shape is not None:
        unpooled = builder.apply("MaxUnpool", tensor, pooling.positions, pooling.padded_shape, **WINDOW)
        return _crop(builder, unpooled, pooling.size)
    zero = builder.constant("zero", np.array(0, np.float32))
    return builder.apply("Where", pooling.positions, _enlarge(builder, tensor, pooling.size), zero)
