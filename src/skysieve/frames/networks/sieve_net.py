"""Our own network for contaminants: a U-Net that never works at full resolution.

Four neighbouring pixels become four channels first (space to depth), so that the
widest maps have a quarter of the pixels, and the last layer gives the classes of all
four.  Skips are added, not concatenated, which halves the work of the decoder.  At the
coarsest levels dilated convolutions see several hundred pixels: a trail as a line, and
the star that a spike belongs to.

References
----------
Ronneberger, Fischer & Brox 2015, MICCAI, 234 (U-Net); Shi et al. 2016, CVPR, 1874
(the rearrangement of pixels and channels); Paillassa, Bertin & Bouy 2020, A&A 634, A48
(the task, and asinh as the first layer).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import (
    ContextBlock,
    asinh,
    convolution,
    convolution_stack,
    initialise,
    scale_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SieveNet"]

WIDTHS = (32, 64, 128, 192, 256)
DEPTHS = (1, 1, 2, 2, 2)

CONTEXT = (0, 0, 0, 2, 2)

DILATIONS = ((1, 2), (4, 8), (2, 4))
"""Of the first, second and third context block of a level."""

NEIGHBOURHOOD = 17
"""Side of the square over which the logits of regions are averaged, at half the resolution."""


class SieveNet(nn.Module):
    """Classes of every pixel.

    Parameters
    ----------
    classes
        Number of classes.
    widths, depths
        Channels, and convolutions of 3 x 3, at 1/2, 1/4, 1/8, … of the resolution; the decoder has the
        same as the encoder.
    priors
        Proportion of the pixels in each class in the training set: an untrained network gives these as its
        probabilities, so that training does not begin by learning them. One half where not given.
    regions
        Places of the classes that span regions: their logits are means over :data:`NEIGHBOURHOOD`.
    context
        Context blocks of the encoder at each level, 3 at most; none where not given.

    Attributes
    ----------
    multiple
        Sides of the input are multiples of this many pixels.

    Raises
    ------
    ValueError
        If the arguments do not go together.
    """

    def __init__(
        self,
        classes: int = 14,
        widths: Sequence[int] = WIDTHS,
        depths: Sequence[int] = DEPTHS,
        priors: Sequence[float] | None = None,
        *,
        regions: Sequence[int] = (),
        context: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if len(widths) != len(depths):
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected as many")
        context = tuple(context) or (0,) * len(widths)
        if len(context) != len(widths) or not all(0 <= blocks <= len(DILATIONS) for blocks in context):
            raise ValueError(
                f"context {list(context)}: expected one number for each of {len(widths)} widths, "
                f"each 0 to {len(DILATIONS)}"
            )
        if priors is not None and len(priors) != classes:
            raise ValueError(f"{len(priors)} priors for {classes} classes: expected as many")
        self.classes = classes
        self.regions = tuple(sorted(regions))
        self.multiple = 2 ** len(widths)
        finer = list(zip(widths[:-1], widths[1:], depths[:-1], strict=True))
        self.stem = convolution(4, widths[0])
        self.encoder = nn.ModuleList(map(convolution_stack, widths, depths))
        self.context = nn.ModuleList(
            nn.Sequential(*(ContextBlock(width, dilations) for dilations in DILATIONS[:blocks]))
            for width, blocks in zip(widths, context, strict=True)
        )
        self.down = nn.ModuleList(convolution(fine, coarse, size=2, stride=2) for fine, coarse, _ in finer)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, fine, 1, bias=False), nn.BatchNorm2d(fine))
            for fine, coarse, _ in finer
        )
        self.decoder = nn.ModuleList(convolution_stack(fine, depth) for fine, _, depth in finer)
        self.head = nn.Conv2d(widths[0], 4 * classes, 1)
        initialise(self)
        # small, so that the untrained network gives the priors whatever it is shown
        nn.init.normal_(self.head.weight, std=0.01)
        if priors is not None:
            logits = torch.tensor([math.log(p / (1 - p)) for p in priors])
            with torch.no_grad():
                self.head.bias.copy_(logits.repeat_interleave(4))  # type: ignore[union-attr]

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, in units of the noise above the sky.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``, at the priors of the training set.
        """
        return functional.pixel_shuffle(self.quarters(pixels), 2)

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, C, H, W)``; engines fuse the sigmoid with the last convolution."""
        return functional.pixel_shuffle(torch.sigmoid(self.quarters(pixels)), 2)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of each class ``scale l + offset``; both ``(C,)``."""
        scale_outputs(self.head, scale, offset)

    def quarters(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, 4 C, H / 2, W / 2)``, before the four become neighbours again."""
        squeezed = functional.pixel_unshuffle(asinh(pixels), 2)
        # In float32 whatever the rest is in: bfloat16 has steps of 6 % at the asinh of a bright core, and
        # could not tell one that is flat, because it is saturated, from one that is not
        with torch.autocast(squeezed.device.type, enabled=False):
            features = self.stem(squeezed)
        skips = []
        for level, stack in enumerate(self.encoder):
            features = self.context[level](stack(features))
            if level < len(self.down):
                skips.append(features)
                features = self.down[level](features)
        for level in reversed(range(len(self.up))):
            coarse = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decoder[level](torch.relu(coarse + skips[level]))
        return self._levelled(self.head(features))

    def _levelled(self, logits: Tensor) -> Tensor:
        """Return the logits ``(N, 4 C, H / 2, W / 2)`` with those of regions averaged."""
        parts, done = [], 0
        side, around = NEIGHBOURHOOD, NEIGHBOURHOOD // 2
        for place in self.regions:
            own = logits[:, 4 * place : 4 * place + 4].mean(1, keepdim=True)
            # along one axis after the other, which takes 9 times fewer additions
            own = functional.avg_pool2d(own, (1, side), 1, (0, around), count_include_pad=False)
            own = functional.avg_pool2d(own, (side, 1), 1, (around, 0), count_include_pad=False)
            parts += [logits[:, done : 4 * place], own.expand(-1, 4, -1, -1)]
            done = 4 * place + 4
        return torch.cat([*parts, logits[:, done:]], dim=1) if parts else logits
