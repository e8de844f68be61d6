"""U²-Net: a U-Net whose stages are small U-Nets themselves.

Built as published: stages of heights 7, 6, 5, 4 and two of height 4 without downsampling, which use dilated
convolutions instead; each level predicts, and a 1 x 1 convolution fuses the predictions.  With another number
of levels the heights start at a value such that they end with 4.  Inner widths are a quarter of the outer
width, and a half in the first stage and in those without downsampling, as in the paper's table.  The Keras
variant has a quarter in the first stage too, no batch normalisation, and fewer levels that predict without
deep supervision.

References
----------
Qin et al. 2020, Pattern Recognition 106, 107404, figures 2 and 5, table 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import PRIOR, Segmenter, max_pooled, upsampled
from skysieve.core.networks.blocks import convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["U2Net"]

WIDTHS = (64, 128, 256, 512)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""

MIN_HEIGHT = 4
"""Height of the last stage with downsampling."""

FLAT_LEVELS = 2
"""Number of levels below those of ``widths``, as wide as the last of them, whose stages do not downsample."""

FLAT_DILATIONS = (1, 2, 4)
BRIDGE_DILATION = 8
"""Dilations in the stages without downsampling, and in their lowest layer."""


class U2Net(Segmenter):
    """U²-Net.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`; two more levels follow, as wide
        as the last.
    deep_supervision
        Whether :meth:`all_logits` also returns the predictions of each level, as in the paper's training.

    Raises
    ------
    ValueError
        If an argument is out of range; see :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    """

    def __init__(
        self,
        bands: int,
        classes: int = 1,
        widths: Sequence[int] = WIDTHS,
        *,
        prior: float = PRIOR,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(bands, classes, widths, prior)
        self.deep_supervision = deep_supervision
        self.multiple *= 2**FLAT_LEVELS
        levels = len(widths)
        outputs = (*widths, *[widths[-1]] * FLAT_LEVELS)
        heights = (*range(MIN_HEIGHT + levels - 1, MIN_HEIGHT - 1, -1), *[0] * FLAT_LEVELS)
        flat = max(1, widths[-1] // 2)
        quarters = [max(1, width // 4) for width in widths]
        inner = (max(1, widths[0] // 2), *quarters[1:], *[flat] * FLAT_LEVELS)
        self.encoder = nn.ModuleList(map(_Stage, (bands, *outputs), inner, outputs, heights))
        # each stage of the decoder outputs the number of channels of the level above it
        given = (widths[0], *widths, *[widths[-1]] * (FLAT_LEVELS - 1))[: len(outputs) - 1]
        below = (*given[1:], outputs[-1])
        self.decoder = nn.ModuleList(
            _Stage(coming + skip, inside, out, height)
            for coming, skip, inside, out, height in zip(
                below,
                outputs[:-1],
                (*quarters, *[flat] * (FLAT_LEVELS - 1)),
                given,
                heights[:-1],
                strict=True,
            )
        )
        sides = [nn.Conv2d(width, classes, 3, padding=1) for width in (*given, outputs[-1])]
        self.sides = nn.ModuleList(sides)
        self.head = nn.Conv2d(len(sides) * classes, classes, 1)
        self._initialise_weights(sides)
        _initialise_to_mean(self.head)

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
        logits: Tensor = self.head(torch.cat(self._side_logits(pixels), dim=1))
        return logits

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the logits and, with deep supervision, those of each level, from the full resolution down.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        list of Tensor
            Each ``(N, C, H, W)``; the first is the result of :meth:`forward`.
        """
        sides = self._side_logits(pixels)
        return [self.head(torch.cat(sides, dim=1)), *(sides if self.deep_supervision else ())]

    def _side_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the predictions of all levels, from the full resolution down, each ``(N, C, H, W)``."""
        features, skips = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(max_pooled(features) if level else features)
            skips.append(features)
        found = [features]
        for level in reversed(range(len(self.decoder))):
            features = self.decoder[level](torch.cat([upsampled(features), skips[level]], dim=1))
            found.insert(0, features)
        return [
            upsampled(side(of), level) for level, (side, of) in enumerate(zip(self.sides, found, strict=True))
        ]


class _Stage(nn.Module):
    """A small U-Net of some height with a skip connection around it; height 0 means no downsampling."""

    def __init__(self, inputs: int, inner: int, outputs: int, height: int) -> None:
        super().__init__()
        self.steps = height > 0
        # the height includes the dilated convolution at the bottom
        dilations = (1,) * (height - 1) if self.steps else FLAT_DILATIONS
        self.entry = convolution(inputs, outputs)
        self.encoder = nn.ModuleList(
            convolution(outputs if index == 0 else inner, inner, dilation=dilation)
            for index, dilation in enumerate(dilations)
        )
        self.bottom = convolution(inner, inner, dilation=2 if self.steps else BRIDGE_DILATION)
        self.decoder = nn.ModuleList(
            convolution(2 * inner, outputs if index == 0 else inner, dilation=dilation)
            for index, dilation in enumerate(dilations)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, outputs, H, W)``."""
        entered = self.entry(features)
        features, skips = entered, []
        for index, layer in enumerate(self.encoder):
            features = layer(max_pooled(features) if self.steps and index else features)
            skips.append(features)
        features = self.bottom(features)
        for index in reversed(range(len(self.decoder))):
            features = self.decoder[index](torch.cat([features, skips[index]], dim=1))
            if self.steps and index:
                features = upsampled(features)
        result: Tensor = entered + features
        return result


def _initialise_to_mean(head: nn.Conv2d) -> None:
    """Initialise a layer to the mean, for each class, of the predictions that it fuses."""
    classes, inputs = head.weight.shape[:2]
    with torch.no_grad():
        mean = torch.eye(classes).repeat(1, inputs // classes) * (classes / inputs)
        head.weight.copy_(mean[:, :, None, None])
        assert head.bias is not None  # noqa: S101 (made with one)
        head.bias.zero_()
