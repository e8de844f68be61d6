"""U-Net: skip connections join the encoder's features of each resolution to the decoder.

Built as published, with three differences.  Convolutions pad with zeros, so that height and width are kept
(the paper crops to valid pixels).  Batch normalisation follows each 3 x 3 convolution (in the paper, and in
the Keras variant, none does), so that training from scratch is stable at any learning rate.  There is no
dropout.  The Keras variant upsamples by interpolation and a 3 x 3 convolution, not by the paper's 2 x 2
transposed convolution.

References
----------
Ronneberger, Fischer & Brox 2015, MICCAI, 234, figure 1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import (
    PRIOR,
    Segmenter,
    double_convolution,
    max_pooled,
    up_convolution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNet"]

WIDTHS = (64, 128, 256, 512, 1024)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""


class UNet(Segmenter):
    """U-Net.

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
        self.encoder = nn.ModuleList(
            self.stage(before, width) for before, width in pairwise((bands, *widths))
        )
        self.up = nn.ModuleList(up_convolution(coarse, fine) for fine, coarse in pairwise(widths))
        self.decoder = nn.ModuleList(self.stage(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)
        self._initialise_weights([self.head])

    def stage(self, inputs: int, width: int) -> nn.Module:
        """Return the layers of one level of encoder or decoder.

        Parameters
        ----------
        inputs, width
            Number of channels before and after.

        Returns
        -------
        torch.nn.Module
            Two 3 x 3 convolutions.
        """
        return double_convolution(inputs, width)

    def skipped(self, level: int, features: Tensor, signal: Tensor) -> Tensor:  # noqa: ARG002
        """Return what the decoder gets from the encoder.

        Parameters
        ----------
        level
            Number of the level.
        features
            Features of the encoder at this level ``(N, width, H, W)``.
        signal
            Features of the decoder from the level below ``(N, coarser width, H / 2, W / 2)``.

        Returns
        -------
        Tensor
            Like `features`; here these themselves.
        """
        return features

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
            features = stage(max_pooled(features) if level else features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            skipped = self.skipped(level, skips[level], features)
            joined = torch.cat([skipped, self.up[level](features)], dim=1)
            features = self.decoder[level](joined)
        logits: Tensor = self.head(features)
        return logits
