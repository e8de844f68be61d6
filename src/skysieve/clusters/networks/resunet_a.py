"""ResUNet-a: a U-Net of residual blocks that look near and far at once, with pyramids of maxima.

A block adds to its input what branches of two convolutions of 3 x 3 found, whose taps are 1, 3, 15 and 31
pixels apart; the deeper the level, the fewer branches.  Steps down are convolutions of 1 x 1 at stride 2,
steps up repeat pixels.  At the lowest resolution and before the end, maxima over windows of four sizes are
joined to the features.

Built as published (the one-task form), with these differences.  The order in a block is convolution,
normalisation, ReLU instead of the reverse, so that normalisation folds into the convolutions.  The paper's
windows are all, a half, a quarter and an eighth of a map; here they are so many pixels as these are of the
paper's 8 at the lowest resolution, and of a patch of 64 at the end: parts of a larger map then mean the same.
Pooled features are not normalised, for there may be one value of each only.  The paper has six levels, 32 to
1024 channels; the default here is that of the keras variant, five from 64 on.  Which levels have which
branches follows that variant, which agrees with the paper for six.  It adds no input to its blocks, and has
dilated convolutions of 256 and 128 channels where the paper has pyramids of maxima.

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

DILATIONS = (1, 3, 15, 31)

LOW_WINDOWS = (1, 2, 4, 8)
FULL_WINDOWS = (8, 16, 32, 64)
"""Pixels a side over which maxima are taken at the lowest resolution and at the full one, powers of 2
in growing order."""


class ResUNetA(Segmenter):
    """ResUNet-a.

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
        self._begin([self.head])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)``.

        Parameters
        ----------
        pixels
            ``(N, B, H, W)`` float32, preprocessed; H and W are multiples of :attr:`multiple`.
        """
        entered = self.entry(pixels)
        features, skips = entered, []
        for level, block in enumerate(self.encoder):
            if level:
                # Every second pixel first: with strided 1 x 1 kernels gradients of torch 2.14 corrupt memory
                features = self.down[level - 1](features[..., ::2, ::2])
            features = block(features)
            skips.append(features)
        features = self.low_pyramid(features)
        for level in reversed(range(len(self.up))):
            # a convolution of 1 x 1 gives the same before pixels are repeated, with a quarter of the work
            above = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decoder[level](self.join[level](torch.cat([above, skips[level]], dim=1)))
        features = self.full_pyramid(torch.cat([entered, features], dim=1))
        logits: Tensor = self.head(features)
        return logits


class _Block(nn.Module):
    """Branches of two convolutions each, added to their input."""

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
    """Features, and what is largest around them in windows of several sizes, brought to one width."""

    def __init__(self, inputs: int, outputs: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.windows = tuple(windows)
        part = max(1, outputs // len(windows))
        # a bias would be taken away by the normalisation after the join
        self.pooled = nn.ModuleList(nn.Conv2d(inputs, part, 1, bias=False) for _ in windows)
        self.join = convolution(inputs + part * len(windows), outputs, size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, outputs, H, W)``."""
        height, width = features.shape[-2:]
        parts, largest, reached = [features], features, 1
        for window, layer in zip(self.windows, self.pooled, strict=True):
            while reached < window:
                largest, reached = _halved(largest), 2 * reached
            repeated = functional.interpolate(layer(largest), scale_factor=window, mode="nearest")
            parts.append(repeated[..., :height, :width])
        result: Tensor = self.join(torch.cat(parts, dim=1))
        return result


def _halved(features: Tensor) -> Tensor:
    """Return the largest values of windows of 2 x 2; those at the border may hang over it.

    Spelt out because not every engine takes windows that are larger than what there is.
    """
    taller = torch.cat([features, features[..., -1:, :]], dim=2)
    return functional.max_pool2d(torch.cat([taller, taller[..., -1:]], dim=3), 2)


def _dilations(level: int, levels: int) -> tuple[int, ...]:
    """Return the branches of a level: all in the first two, the least in the lower half, three between."""
    if level < 2:
        return DILATIONS
    return DILATIONS[:-1] if level <= levels // 2 else DILATIONS[:1]
