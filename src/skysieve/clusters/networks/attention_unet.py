"""Attention U-Net: gates weight the encoder's features by what the decoder has found at the level below.

Built as published, in two dimensions: gates are additive, work at the resolution of the level below, and are
upsampled by linear interpolation.  The inner width of a gate is half of the width of the gated features, as
in the authors' code.  Batch normalisation follows each 3 x 3 convolution, as there.  Upsampling uses U-Net's
transposed convolutions, here and in the Keras variant.  That variant downsamples by convolutions at stride 2,
not by max pooling as in the paper, and its gates work at the resolution of the gated features.

References
----------
Oktay et al. 2018, MIDL, arXiv 1804.03999, eq. 1 and 2, figures 1 and 2.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import PRIOR, upsampled
from skysieve.clusters.networks.unet import WIDTHS, UNet
from skysieve.core.networks.blocks import initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AttentionUNet"]


class AttentionUNet(UNet):
    """Attention U-Net in two dimensions.

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
        self.gates = nn.ModuleList(_Gate(fine, coarse) for fine, coarse in pairwise(widths))
        initialise(self.gates)

    def skipped(self, level: int, features: Tensor, signal: Tensor) -> Tensor:
        """Return the features of the encoder, weighted by the gate of their level; see :class:`UNet`."""
        gated: Tensor = self.gates[level](features, signal)
        return gated


class _Gate(nn.Module):
    """Attention gate: weights between 0 and 1 for each pixel, from the features and from the level below."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        inner = max(1, fine // 2)
        self.of_features = nn.Conv2d(fine, inner, 2, stride=2, bias=False)
        self.of_signal = nn.Conv2d(coarse, inner, 1)
        self.weight = nn.Conv2d(inner, 1, 1)

    def forward(self, features: Tensor, signal: Tensor) -> Tensor:
        """Return weighted features.

        Parameters
        ----------
        features
            ``(N, fine, H, W)``.
        signal
            Features of the level below ``(N, coarse, H / 2, W / 2)``.
        """
        both = torch.relu(self.of_features(features) + self.of_signal(signal))
        return features * upsampled(torch.sigmoid(self.weight(both)))
