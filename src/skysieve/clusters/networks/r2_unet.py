"""R2U-Net: a U-Net with recurrent residual stages, which apply each convolution repeatedly.

Built as published: a stage is a 1 x 1 convolution and two recurrent layers with a skip connection around
both.  A recurrent layer with kernel w computes h = relu(w * x), then t = 2 times h = relu(w * (x + h)).  The
paper's eq. 1 has two kernels, but its text counts as many parameters as without recurrence, so there is one
here.  In the Keras variant each repetition has its own kernel, and upsampling is an interpolation with a
3 x 3 convolution.  Batch normalisation, which the paper does not use, follows the 1 x 1 convolution only:
each repetition has other statistics, which a single normalisation cannot represent.  Instead the repeated
kernels are initialised smaller.

References
----------
Alom, Hasan, Yakopcic, Taha & Asari 2018, arXiv 1802.06955, eq. 1 to 3 and figure 4d; Liang & Hu 2015, CVPR,
3367 (recurrent convolutions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import PRIOR
from skysieve.clusters.networks.unet import WIDTHS, UNet

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["R2UNet"]

REPETITIONS = 2
"""Repetitions of each convolution after its first application."""


class R2UNet(UNet):
    """R2U-Net.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.

    Raises
    ------
    ValueError
        If an argument is out of range; see :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    """

    def __init__(
        self, bands: int, classes: int = 1, widths: Sequence[int] = WIDTHS, *, prior: float = PRIOR
    ) -> None:
        super().__init__(bands, classes, widths, prior=prior)
        for module in self.modules():
            if isinstance(module, _Recurrent):
                # keeps the sum over the repetitions about as large as the input
                module.convolution.weight.data.div_((1 + REPETITIONS) ** 0.5)

    def stage(self, inputs: int, width: int) -> nn.Module:
        """Return the recurrent layers of one level; see :class:`UNet`."""
        return _Stage(inputs, width)


class _Stage(nn.Module):
    """Two recurrent layers with a skip connection."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
        self.layers = nn.Sequential(_Recurrent(width), _Recurrent(width))

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, width, H, W)``."""
        entered = self.entry(features)
        result: Tensor = entered + self.layers(entered)
        return result


class _Recurrent(nn.Module):
    """A 3 x 3 convolution that is applied repeatedly to the sum of its input and its last output."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        state = torch.relu(self.convolution(features))
        for _ in range(REPETITIONS):
            state = torch.relu(self.convolution(features + state))
        return state
