"""Attention U-Net: what the decoder knows so far decides where the encoder's details are let through.

Built as published, in two dimensions: gates are additive, work at the resolution of the level below, and are
brought up by linear interpolation.  The inner width of a gate is half that of what it lets through, as in
the authors' code.  Batch normalisation follows each convolution of 3 x 3, as there.  Steps up are the
transposed convolutions of U-Net, here and in the keras variant.  That variant has steps down by convolutions
at stride 2, not by maxima as the paper; its gates work at the resolution of what they let through.

References
----------
Oktay et al. 2018, MIDL, arXiv 1804.03999, eq. 1 and 2, figures 1 and 2.
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
    enlarged,
    halved,
    up_convolution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AttentionUNet"]

WIDTHS = (64, 128, 256, 512, 1024)


class AttentionUNet(Segmenter):
    """Attention U-Net in two dimensions.

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
        self.encoder = nn.ModuleList(
            double_convolution(before, width) for before, width in pairwise((bands, *widths))
        )
        self.gates = nn.ModuleList(_Gate(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(up_convolution(coarse, fine) for fine, coarse in pairwise(widths))
        self.decoder = nn.ModuleList(double_convolution(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)
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
            features = stage(halved(features) if level else features)
            skips.append(features)
        for level in reversed(range(len(self.up))):
            let_through = self.gates[level](skips[level], features)
            joined = torch.cat([let_through, self.up[level](features)], dim=1)
            features = self.decoder[level](joined)
        logits: Tensor = self.head(features)
        return logits


class _Gate(nn.Module):
    """Weights between 0 and 1 for each place of features, from themselves and the level below."""

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
            What the level below found ``(N, coarse, H / 2, W / 2)``.
        """
        both = torch.relu(self.of_features(features) + self.of_signal(signal))
        return features * enlarged(torch.sigmoid(self.weight(both)))
