"""V-Net: a U-Net whose stages learn what is to be added to their input, with wide kernels.

Built as published, in two dimensions: kernels of 5 x 5; one, two, three, three, … convolutions a stage; the
input of a stage is added to its output; convolutions of 2 x 2 at stride 2 as steps down and their transposes
as steps up; PReLU; stages of the decoder are as wide as what is joined there.  Two differences: the paper's
one channel is added to all of the first stage, and here the bands go through a convolution of 1 x 1 first;
batch normalisation follows each convolution but the transposed ones (in the paper none).  In the keras
variant kernels are 3 x 3, the input of a stage is what came up before it is joined, and the decoder is half
as wide.

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

KERNEL = 5
MOST_CONVOLUTIONS = 3
"""In a stage; the first has one, the second two."""


class VNet(Segmenter):
    """V-Net in two dimensions.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.

    Raises
    ------
    ValueError
        If the arguments do not go together.
    """

    def __init__(
        self, bands: int, classes: int = 1, widths: Sequence[int] = WIDTHS, *, prior: float = PRIOR
    ) -> None:
        super().__init__(bands, classes, widths, prior)
        depths = [min(level + 1, MOST_CONVOLUTIONS) for level in range(len(widths))]
        entries = (bands, *widths[1:])
        self.encoder = nn.ModuleList(map(_Stage, entries, widths, depths))
        self.down = nn.ModuleList(_step_down(fine, coarse) for fine, coarse in pairwise(widths))
        coming_up = (*(2 * width for width in widths[1:-1]), widths[-1])
        self.up = nn.ModuleList(map(_step_up, coming_up, widths[:-1]))
        self.decoder = nn.ModuleList(
            _Stage(2 * width, 2 * width, depth) for width, depth in zip(widths[:-1], depths[:-1], strict=True)
        )
        self.head = nn.Conv2d(2 * widths[0], classes, 1)
        self._begin([self.head])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)``.

        Parameters
        ----------
        pixels
            ``(N, B, H, W)`` float32, preprocessed; H and W are multiples of :attr:`multiple`.
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
    """Convolutions with a way around them, which is 1 x 1 where the number of channels changes."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            _normalised(inputs if place == 0 else width, width) for place in range(depth)
        )
        self.activations = nn.ModuleList(nn.PReLU(width) for _ in range(depth))
        self.around = nn.Identity() if inputs == width else nn.Conv2d(inputs, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, width, H, W)``."""
        changed = features
        for place, convolution in enumerate(self.convolutions):
            changed = convolution(changed)
            if place < len(self.convolutions) - 1:
                changed = self.activations[place](changed)
        result: Tensor = self.activations[-1](changed + self.around(features))
        return result


def _normalised(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def _step_down(fine: int, coarse: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(fine, coarse, 2, stride=2, bias=False), nn.BatchNorm2d(coarse), nn.PReLU(coarse)
    )


def _step_up(coarse: int, fine: int) -> nn.Sequential:
    return nn.Sequential(up_convolution(coarse, fine), nn.PReLU(fine))
