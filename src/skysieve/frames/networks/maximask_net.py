"""The published MaxiMask network, in a form that can be trained.

References
----------
Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.1; layers and shapes as in
the weights of MaxiMask 1.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import asinh, initialise, scale_outputs
from skysieve.frames.networks.published_weights import load_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MaxiMaskNet"]

ENCODER = (
    (("conv1", 1, 32),),
    (("conv2", 32, 64),),
    (("conv3_1", 64, 128), ("conv3_2", 128, 128)),
    (("conv4_1", 128, 256), ("conv4_2", 256, 256)),
    (("conv5_1", 256, 256), ("conv5_2", 256, 256)),
)
MIDDLE = ("convmid", 256, 256)
RANKS = torch.tensor([[4.0, 3.0], [2.0, 1.0]])


class MaxiMaskNet(nn.Module):
    """Classes of every pixel, as published.

    Parameters
    ----------
    classes
        Number of classes; 14 for the published weights.

    Attributes
    ----------
    multiple
        Sides of the input are multiples of this many pixels; only the fifth pooling may meet an odd size.
    """

    def __init__(self, classes: int = 14) -> None:
        super().__init__()
        self.classes = classes
        self.multiple = 16
        self._decoder = (
            (("upconv1", 32, classes),),
            (("upconv2", 64, 32),),
            (("upconv3_2", 128, 128), ("upconv3_1", 128, 64)),
            (("upconv4_2", 256, 256), ("upconv4_1", 256, 128)),
            (("upconv5_2", 256, 256), ("upconv5_1", 256, 256)),
        )
        self._side_paths = (
            (
                ("ucp4_conv4", 256, 128),
                ("ucp4_conv3", 128, 64),
                ("ucp4_conv2", 64, 32),
                ("ucp4_conv1", 32, classes),
            ),
            (("ucp3_conv3", 128, 64), ("ucp3_conv2", 64, 32), ("ucp3_conv1", 32, classes)),
            (("ucp2_conv2", 64, 32), ("ucp2_conv1", 32, classes)),
            (("ucp1_conv1", 32, classes),),
        )
        final = ("final_conv", 5 * classes, classes)
        stacks = (*ENCODER, (MIDDLE,), *self._decoder, *self._side_paths, (final,))
        self.layers = nn.ModuleDict(
            {name: nn.Conv2d(inputs, outputs, 3, padding=1) for s in stacks for name, inputs, outputs in s}
        )
        initialise(self)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)`` for ``(N, 1, H, W)`` pixels in units of the noise."""
        return self.all_logits(pixels)[0]

    def all_logits(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits, and those of the five intermediate predictions, which the loss also takes.

        Returns
        -------
        final
            ``(N, C, H, W)``.
        intermediate
            Five times ``(N, C, H, W)``: of the decoder, then of the side paths from the deepest on.
        """
        features = asinh(pixels)
        skips, poolings = [], []
        for stack in ENCODER:
            skips.append(self._stack(features, stack))
            features, pooling = _pool(skips[-1])
            poolings.append(pooling)
        features = self._stack(features, (MIDDLE,))

        unpooled: dict[int, Tensor] = {}
        intermediate = []
        for level in reversed(range(len(ENCODER))):
            unpooled[level] = _unpool(features, poolings[level])
            features = unpooled[level] + skips[level]
            if level > 0:
                features = self._stack(features, self._decoder[level])
        intermediate.append(self.layers["upconv1"](features))
        for level, layers in zip((3, 2, 1, 0), self._side_paths, strict=True):
            side = unpooled[level]
            for below, (name, _, _) in zip(range(level - 1, -2, -1), layers, strict=True):
                side = self.layers[name](side)
                if below >= 0:
                    side = _unpool(torch.relu(side), poolings[below])
            intermediate.append(side)
        joined = torch.cat([torch.relu(logits) for logits in intermediate], dim=1)
        return self.layers["final_conv"](joined), intermediate

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, C, H, W)``."""
        return torch.sigmoid(self(pixels))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of each class ``scale l + offset``; both ``(C,)``."""
        scale_outputs(self.layers["final_conv"], scale, offset)  # type: ignore[arg-type]

    def load_published(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the published weights.

        Parameters
        ----------
        weights
            Tensors of the checkpoint by key, kernels (rows, columns, inputs, outputs).

        Raises
        ------
        ModelError
            If a tensor is missing or has another shape.
        """
        load_layers(self.layers.items(), weights)

    def _stack(self, features: Tensor, layers: tuple[tuple[str, int, int], ...]) -> Tensor:
        for name, _, _ in layers:
            features = torch.relu(self.layers[name](features))
        return features


_Pooling = tuple[Tensor, Tensor]
"""The input of a pooling, and where its maxima are: flat indices, or marks in a graph."""


def _pool(features: Tensor) -> tuple[Tensor, _Pooling]:
    """Pool 2 x 2; of equal pixels in a window the first in reading order is the maximum."""
    if torch.onnx.is_in_onnx_export():
        pooled = functional.max_pool2d(features, 2, ceil_mode=True)
        return pooled, (features, _marks(features, pooled))
    pooled, indices = functional.max_pool2d_with_indices(features, [2, 2], ceil_mode=True)
    return pooled, (features, indices)


def _unpool(features: Tensor, pooling: _Pooling) -> Tensor:
    """Put each value back at the place of its window's maximum, zeros elsewhere."""
    source, places = pooling
    if torch.onnx.is_in_onnx_export():
        return torch.where(places, _enlarge(features, source), features.new_zeros(()))
    return functional.max_unpool2d(features, places, [2, 2], output_size=list(source.shape[-2:]))


def _marks(features: Tensor, pooled: Tensor) -> Tensor:
    """Mark the first maximum of each window, with operators that every engine has.

    Pixels that equal their window's maximum get the rank 4, 3, 2, 1 of their place in the window, the rest
    0; the pixel with the window's highest rank is the first maximum.
    """
    ranks = RANKS.repeat(1, 1, pooled.shape[-2], pooled.shape[-1])
    ranks = ranks[..., : features.shape[-2], : features.shape[-1]]
    rank = torch.where(features == _enlarge(pooled, features), ranks, features.new_zeros(()))
    return rank == _enlarge(functional.max_pool2d(rank, 2, ceil_mode=True), features)


def _enlarge(features: Tensor, target: Tensor) -> Tensor:
    """Repeat every pixel 2 x 2 times, up to the size of the target."""
    enlarged = functional.interpolate(features, scale_factor=2, mode="nearest")
    return enlarged[..., : target.shape[-2], : target.shape[-1]]
