"""The published MaxiMask network in torch, for training.

References
----------
Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.1; layers and shapes as in
the weights of MaxiMask 1.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from tests.frames.networks.published_weights import load_layers
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import asinh, initialise, scale_outputs

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
BOTTLENECK = ("convmid", 256, 256)
RANKS = torch.tensor([[4.0, 3.0], [2.0, 1.0]])


class MaxiMaskNet(nn.Module):
    """Segmentation network for contaminants, as published.

    Parameters
    ----------
    classes
        Number of classes; 14 for the published weights.

    Attributes
    ----------
    multiple
        The sides of the input are multiples of this, so only the fifth pooling can have an odd input size.
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
        stacks = (*ENCODER, (BOTTLENECK,), *self._decoder, *self._side_paths, (final,))
        self.layers = nn.ModuleDict(
            {name: nn.Conv2d(inputs, outputs, 3, padding=1) for s in stacks for name, inputs, outputs in s}
        )
        initialise(self)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        return self.all_logits(pixels)[0]

    def all_logits(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the final logits and those of the five intermediate predictions, for the published loss.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

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
        features = self._stack(features, (BOTTLENECK,))

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
        """Return the posterior probabilities.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        return torch.sigmoid(self(pixels))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logits ``l`` of each class by ``scale l + offset``, in the weights of the last layer.

        Parameters
        ----------
        scale, offset
            ``(C,)`` float32.
        """
        scale_outputs(self.layers["final_conv"], scale, offset)  # type: ignore[arg-type]

    def load_published(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Load the published weights.

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
"""Input of a pooling, and positions of its maxima: flat indices, or a mask in an exported graph."""


def _pool(features: Tensor) -> tuple[Tensor, _Pooling]:
    """Pool 2 x 2; of equal pixels in a window, the first in reading order is the maximum."""
    if torch.onnx.is_in_onnx_export():
        pooled = functional.max_pool2d(features, 2, ceil_mode=True)
        return pooled, (features, _maximum_mask(features, pooled))
    pooled, indices = functional.max_pool2d_with_indices(features, [2, 2], ceil_mode=True)
    return pooled, (features, indices)


def _unpool(features: Tensor, pooling: _Pooling) -> Tensor:
    """Put each value at the position of the maximum of its window, and zeros elsewhere."""
    source, positions = pooling
    if torch.onnx.is_in_onnx_export():
        return torch.where(positions, _enlarge(features, source), features.new_zeros(()))
    return functional.max_unpool2d(features, positions, [2, 2], output_size=list(source.shape[-2:]))


def _maximum_mask(features: Tensor, pooled: Tensor) -> Tensor:
    """Mark the first maximum of each window, with operators that every engine has.

    Pixels equal to the maximum of their window get the rank 4, 3, 2 or 1 by their position in the window, all
    others 0.  The pixel with the highest rank of the window is the first maximum.
    """
    ranks = RANKS.repeat(1, 1, pooled.shape[-2], pooled.shape[-1])
    ranks = ranks[..., : features.shape[-2], : features.shape[-1]]
    rank = torch.where(features == _enlarge(pooled, features), ranks, features.new_zeros(()))
    return rank == _enlarge(functional.max_pool2d(rank, 2, ceil_mode=True), features)


def _enlarge(features: Tensor, target: Tensor) -> Tensor:
    """Repeat every pixel 2 x 2 times, up to the size of the target."""
    enlarged = functional.interpolate(features, scale_factor=2, mode="nearest")
    return enlarged[..., : target.shape[-2], : target.shape[-1]]
