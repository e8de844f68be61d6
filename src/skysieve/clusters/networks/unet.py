"""U-Net: what was seen at each resolution on the way down is joined with what comes back up.

Built as published, with three differences: convolutions pad with zeros, so that sides are kept (the paper's
are cut to what is known); batch normalisation follows each convolution of 3 x 3 (in the paper, and in the
keras variant, none does), so that training from scratch is stable at any rate; there is no dropout.  The
keras variant doubles sides by interpolation and a convolution of 3 x 3, not by the paper's of 2 x 2.

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
    halved,
    up_convolution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNet"]

WIDTHS = (64, 128, 256, 512, 1024)


class UNet(Segmenter):
    """U-Net.

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
            joined = torch.cat([skips[level], self.up[level](features)], dim=1)
            features = self.decoder[level](joined)
        logits: Tensor = self.head(features)
        return logits
