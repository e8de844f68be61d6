"""ResUNet-a: a U-Net of residual blocks with parallel dilated convolutions, and pyramid pooling.

A block adds to its input the outputs of branches of two 3 x 3 convolutions with dilations 1, 3, 15 and 31;
deeper levels have fewer branches.  Downsampling is a 1 x 1 convolution at stride 2, upsampling repeats
pixels.  At the lowest resolution and before the head, max-pooled features of four window sizes are joined to
the features.

Built as published (the single-task form), with these differences.  The order in a block is convolution,
normalisation, ReLU instead of the reverse, so that normalisation can be folded into the convolutions.  The
paper's windows are the whole, a half, a quarter and an eighth of a map.  Here they have fixed sizes in
pixels, which equal these fractions for the paper's 8 pixels at the lowest resolution, and for a patch of 64
pixels before the head: windows then have the same size on larger maps.  Pooled features are not normalised,
as there may be only one value of each.  The paper has six levels, 32 to 1024 channels; the default here is
that of the Keras variant, five from 64 on.  The branches of each level follow that variant, which agrees with
the paper for six.  The Keras variant adds no input to its blocks, and has dilated convolutions of 256 and 128
channels instead of the pyramid pooling.

References
----------
Diakogiannis, Waldner, Caccetta & Wu 2020, ISPRS J. 162, 94, figures 1 and 2.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.clusters.networks.segmentation_blocks import PRIOR, Segmenter
from skysieve.core.networks.blocks import convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ResUNetA"]

WIDTHS = (64, 128, 256, 512, 1024)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""

DILATIONS = (1, 3, 15, 31)
"""Dilations of the branches of a block."""

LOW_WINDOWS = (1, 2, 4, 8)
FULL_WINDOWS = (8, 16, 32, 64)
"""Sides in pixels of the pooling windows at the lowest and at the full resolution, ascending powers of 2."""


class ResUNetA(Segmenter):
    """ResUNet-a.

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
        dilations = [_dilations(level, len(widths)) for level in range(len(widths))]
        self.entry = convolution(bands, widths[0], size=1)
        self.encoder = nn.ModuleList(map(_Block, widths, dilations))
        self.down = nn.ModuleList(convolution(fine, coarse, size=1) for fine, coarse in pairwise(widths))
        self.low_pyramid = _Pyramid(widths[-1], widths[-1], LOW_WINDOWS)
        self.up = nn.ModuleList(convolution(coarse, fine, size=1) for fine, coarse in pairwise(widths))
        self.join = nn.ModuleList(convolution(2 * width, width, size=1) for width in widths[:-1])
        self.decoder = nn.ModuleList(map(_Block, widths[:-1], dilations[:-1]))
        self.full_pyramid = _Pyramid(2 * widths[0], widths[0], FULL_WINDOWS)
        self.head = nn.Conv2d(widths[0], classes, 1)
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
        entered = self.entry(pixels)
        features, skips = entered, []
        for level, block in enumerate(self.encoder):
            if level:
                # Subsample first: gradients of strided 1 x 1 convolutions corrupt memory in torch 2.14
                features = self.down[level - 1](features[..., ::2, ::2])
            features = block(features)
            skips.append(features)
        features = self.low_pyramid(features)
        for level in reversed(range(len(self.up))):
            # a 1 x 1 convolution before upsampling gives the same result at a quarter of the cost
            above = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decoder[level](self.join[level](torch.cat([above, skips[level]], dim=1)))
        features = self.full_pyramid(torch.cat([entered, features], dim=1))
        logits: Tensor = self.head(features)
        return logits


class _Block(nn.Module):
    """Residual block of parallel branches, each of two convolutions."""

    def __init__(self, width: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                convolution(width, width, dilation=dilation),
                nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
                nn.BatchNorm2d(width),
            )
            for dilation in dilations
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        changed = features
        for branch in self.branches:
            changed = changed + branch(features)
        return torch.relu(changed)


class _Pyramid(nn.Module):
    """Pyramid pooling: joins features to their maxima over windows of several sizes."""

    def __init__(self, inputs: int, outputs: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.windows = tuple(windows)
        part = max(1, outputs // len(windows))
        # no bias: the normalisation after the join would subtract it
        self.pooled = nn.ModuleList(nn.Conv2d(inputs, part, 1, bias=False) for _ in windows)
        self.join = convolution(inputs + part * len(windows), outputs, size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, outputs, H, W)``."""
        height, width = features.shape[-2:]
        parts, largest, reached = [features], features, 1
        for window, layer in zip(self.windows, self.pooled, strict=True):
            while reached < window:
                largest, reached = _max_pooled_padded(largest), 2 * reached
            repeated = functional.interpolate(layer(largest), scale_factor=window, mode="nearest")
            parts.append(repeated[..., :height, :width])
        result: Tensor = self.join(torch.cat(parts, dim=1))
        return result


def _max_pooled_padded(features: Tensor) -> Tensor:
    """Return maxima over windows of 2 x 2; windows at the border may extend beyond it.

    The padding is explicit, because not every engine accepts windows larger than the input.
    """
    taller = torch.cat([features, features[..., -1:, :]], dim=2)
    return functional.max_pool2d(torch.cat([taller, taller[..., -1:]], dim=3), 2)


def _dilations(level: int, levels: int) -> tuple[int, ...]:
    """Return the dilations of a level: four in the first two, one in the lower half, three in between."""
    if level < 2:
        return DILATIONS
    return DILATIONS[:-1] if level <= levels // 2 else DILATIONS[:1]
