"""UNet 3+: each stage of the decoder takes features of all resolutions.

Built as published: the encoder's features of higher resolution are max-pooled, features of lower resolution
are upsampled by linear interpolation, each passes a 3 x 3 convolution to the number of channels of the first
level, and one more convolution fuses them.  Batch normalisation follows each convolution, as in the paper; in
the Keras variant only the last.  The classification branch that can suppress a whole image is left out, as in
the Keras variant: a patch without any cluster is predicted as such pixel by pixel.  The paper has five
levels, 64 to 1024 channels; the default here is that of the Keras variant, four up to 512.

References
----------
Huang et al. 2020, ICASSP, 1055, eq. 1 and figure 1.
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
    upsampled,
)
from skysieve.core.networks.blocks import convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNet3Plus"]

WIDTHS = (64, 128, 256, 512)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""


class UNet3Plus(Segmenter):
    """UNet 3+.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    deep_supervision
        Whether each level predicts for :meth:`all_logits`, as in the paper's training.

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
        levels, part = len(widths), widths[0]
        whole = levels * part
        self.encoder = nn.ModuleList(
            double_convolution(before, width) for before, width in pairwise((bands, *widths))
        )
        # by level of the decoder, then by level of the input features; saved weights have this name
        self.seen = nn.ModuleList(
            nn.ModuleList(
                convolution(widths[other] if other <= level or other == levels - 1 else whole, part)
                for other in range(levels)
            )
            for level in range(levels - 1)
        )
        self.join = nn.ModuleList(convolution(whole, whole) for _ in range(levels - 1))
        self.head = nn.Conv2d(whole, classes, 3, padding=1)
        below = (*[whole] * (levels - 2), widths[-1]) if deep_supervision else ()
        sides = [nn.Conv2d(width, classes, 3, padding=1) for width in below]
        self.sides = nn.ModuleList(sides)
        self._initialise_weights([self.head, *sides])

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
        logits: Tensor = self.head(self._decoded(pixels)[0])
        return logits

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the logits and, with deep supervision, those of the levels below, from the finest on.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        list of Tensor
            Each ``(N, C, H, W)``; the first is the result of :meth:`forward`.
        """
        first, *below = self._decoded(pixels)
        sides = zip(self.sides, below, strict=False)  # no sides without deep supervision
        return [self.head(first), *(upsampled(side(of), level) for level, (side, of) in enumerate(sides, 1))]

    def _decoded(self, pixels: Tensor) -> list[Tensor]:
        """Return the features of each level of the decoder; the lowest is the encoder's."""
        features, found = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(max_pooled(features) if level else features)
            found.append(features)
        # from the lowest level up, the decoder's features replace the encoder's
        for level in reversed(range(len(self.join))):
            parts = [
                layer(
                    max_pooled(found[other], level - other)
                    if other < level
                    else upsampled(found[other], other - level)
                )
                for other, layer in enumerate(self.seen[level].children())
            ]
            found[level] = self.join[level](torch.cat(parts, dim=1))
        return found
