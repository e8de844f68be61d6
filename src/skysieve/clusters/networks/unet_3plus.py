"""UNet 3+: each stage of the decoder sees all resolutions, from the encoder above and the decoder below it.

Built as published: what lies above is reduced by maxima, what lies below is brought up by linear
interpolation, each goes through a convolution of 3 x 3 to as many channels as the first level has, and one
more joins them all.  Batch normalisation follows each, as in the paper; in the keras variant only the last.
The classification that may empty a whole picture is left out, as it is there: a patch without any cluster
says so pixel by pixel.  The paper has five levels, 64 to 1024 channels; the default here is that of the
keras variant, four up to 512.

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
    enlarged,
    halved,
)
from skysieve.core.networks.blocks import convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNet3Plus"]

WIDTHS = (64, 128, 256, 512)


class UNet3Plus(Segmenter):
    """UNet 3+.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    deep_supervision
        Whether each level predicts for :meth:`all_logits`, as the paper trains.

    Raises
    ------
    ValueError
        If the arguments do not go together.
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
        # by level of the decoder, then by the level that is seen
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
        self._begin([self.head, *sides])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)``.

        Parameters
        ----------
        pixels
            ``(N, B, H, W)`` float32, preprocessed; H and W are multiples of :attr:`multiple`.
        """
        logits: Tensor = self.head(self._decoded(pixels)[0])
        return logits

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the logits, and with deep supervision those of the levels below, from the finest on."""
        first, *below = self._decoded(pixels)
        sides = zip(self.sides, below, strict=False)  # there may be none
        return [self.head(first), *(enlarged(side(of), level) for level, (side, of) in enumerate(sides, 1))]

    def _decoded(self, pixels: Tensor) -> list[Tensor]:
        """Return what each level of the decoder found; the lowest is the encoder's."""
        features, found = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(halved(features) if level else features)
            found.append(features)
        # from below, each level of the encoder is replaced by that of the decoder once it is known
        for level in reversed(range(len(self.join))):
            parts = [
                layer(
                    halved(found[other], level - other)
                    if other < level
                    else enlarged(found[other], other - level)
                )
                for other, layer in enumerate(self.seen[level].children())
            ]
            found[level] = self.join[level](torch.cat(parts, dim=1))
        return found
