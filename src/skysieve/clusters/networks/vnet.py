"""V-Net: a U-Net of residual stages with large kernels.

Built as published, in two dimensions: 5 x 5 kernels; one, two, three, three, … convolutions in a stage; the
input of a stage is added to its output; 2 x 2 convolutions at stride 2 for downsampling and their transposes
for upsampling; PReLU; stages of the decoder are as wide as their joined input.  There are two differences:
the paper adds its single channel to all channels of the first stage, and here the bands pass a 1 x 1
convolution first; batch normalisation follows each convolution except the transposed ones (in the paper
none).  In the Keras variant kernels are 3 x 3, the input of a stage is the upsampled features before they are
joined, and the decoder is half as wide.

References
----------
Milletari, Navab & Ahmadi 2016, 3DV, 565, figure 2 and table 1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import PRIOR, Segmenter, up_convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VNet"]

WIDTHS = (16, 32, 64, 128, 256)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""

KERNEL = 5
MAX_CONVOLUTIONS = 3
"""Maximum number of convolutions in a stage; the first stage has one, the second two."""


class VNet(Segmenter):
    """V-Net in two dimensions.

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
        super().__init__(bands, classes, widths, prior)
        depths = [min(level + 1, MAX_CONVOLUTIONS) for level in range(len(widths))]
        entries = (bands, *widths[1:])
        self.encoder = nn.ModuleList(map(_Stage, entries, widths, depths))
        self.down = nn.ModuleList(_down_convolution(fine, coarse) for fine, coarse in pairwise(widths))
        upsampled_widths = (*(2 * width for width in widths[1:-1]), widths[-1])
        self.up = nn.ModuleList(map(_up_convolution, upsampled_widths, widths[:-1]))
        self.decoder = nn.ModuleList(
            _Stage(2 * width, 2 * width, depth) for width, depth in zip(widths[:-1], depths[:-1], strict=True)
        )
        self.head = nn.Conv2d(2 * widths[0], classes, 1)
        self._initialise_weights([self.head])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of each class.

        Parameters
        ----------
        pixels
            Preprocessed maps ``(N, B, H, W)`` float32; H and W are multiples of :attr:`multiple`.

        Returns
        -------
        Tensor
            ``(N, C, H, W)`` float32.
        """
        features, skips = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(self.down[level - 1](features) if level else features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            joined = torch.cat([skips[level], self.up[level](features)], dim=1)
            features = self.decoder[level](joined)
        logits: Tensor = self.head(features)
        return logits


class _Stage(nn.Module):
    """Convolutions with a residual connection, a 1 x 1 convolution where the number of channels changes."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            _normalised_convolution(inputs if index == 0 else width, width) for index in range(depth)
        )
        self.activations = nn.ModuleList(nn.PReLU(width) for _ in range(depth))
        self.around = nn.Identity() if inputs == width else nn.Conv2d(inputs, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, width, H, W)``."""
        changed = features
        for index, convolution in enumerate(self.convolutions):
            changed = convolution(changed)
            if index < len(self.convolutions) - 1:
                changed = self.activations[index](changed)
        result: Tensor = self.activations[-1](changed + self.around(features))
        return result


def _normalised_convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def _down_convolution(fine: int, coarse: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(fine, coarse, 2, stride=2, bias=False), nn.BatchNorm2d(coarse), nn.PReLU(coarse)
    )


def _up_convolution(coarse: int, fine: int) -> nn.Sequential:
    return nn.Sequential(up_convolution(coarse, fine), nn.PReLU(fine))
