"""The network for contaminants: a U-Net whose highest resolution is half that of the frame.

The input layer rearranges 2 x 2 pixels into four channels (space to depth), so that the
largest feature maps have a quarter of the pixels; the last layer predicts the classes of
all four.  Skip connections are added, not concatenated, which halves the cost of the
decoder.  At the coarsest levels, dilated convolutions extend the receptive field to several
hundred pixels: it covers the length of a trail, or the star that a spike belongs to.

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
"""Dilations of the first, second and third context block of a level."""

NEIGHBOURHOOD = 17
"""Side of the square over which the logits of region classes are averaged, at half the resolution."""


class SieveNet(nn.Module):
    """Segmentation network for contaminants.

    Parameters
    ----------
    classes
        Number of classes.
    widths, depths
        Channels, and number of 3 x 3 convolutions, at 1/2, 1/4, 1/8, … of the resolution; the same in encoder
        and decoder.
    priors
        Proportion of the training pixels in each class. An untrained network predicts these probabilities, so
        that training need not learn them first. 0.5 for each class if None.
    regions
        Indices of classes that cover regions: their logits are averaged over :data:`NEIGHBOURHOOD`.
    context
        Number of context blocks of the encoder at each level, at most 3; empty means none.

    Attributes
    ----------
    multiple
        The sides of the input must be multiples of this.

    Raises
    ------
    ValueError
        If the lengths of the arguments do not match, or a number of context blocks is out of range.
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
        # small weights, so that the untrained network predicts the priors for any input
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
            ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``, at the priors of the training set.
        """
        return functional.pixel_shuffle(self.half_resolution_logits(pixels), 2)

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posterior probabilities.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        # the sigmoid comes before the shuffle: engines fuse it with the last convolution
        return functional.pixel_shuffle(torch.sigmoid(self.half_resolution_logits(pixels)), 2)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logits ``l`` of each class by ``scale l + offset``, in the weights of the last layer.

        Parameters
        ----------
        scale, offset
            ``(C,)`` float32.
        """
        scale_outputs(self.head, scale, offset)

    def half_resolution_logits(self, pixels: Tensor) -> Tensor:
        """Return the logits before the last pixel shuffle.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, 4 C, H / 2, W / 2)``, the logits of 2 x 2 neighbouring pixels as channels, grouped by class.
        """
        unshuffled = functional.pixel_unshuffle(asinh(pixels), 2)
        # Always in float32: bfloat16 has steps of 6 % at the asinh of a bright core, too coarse to tell a
        # saturated, flat core from one that is not saturated
        with torch.autocast(unshuffled.device.type, enabled=False):
            features = self.stem(unshuffled)
        skips = []
        for level, stack in enumerate(self.encoder):
            features = self.context[level](stack(features))
            if level < len(self.down):
                skips.append(features)
                features = self.down[level](features)
        for level in reversed(range(len(self.up))):
            coarse = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decoder[level](torch.relu(coarse + skips[level]))
        return self._average_regions(self.head(features))

    def _average_regions(self, logits: Tensor) -> Tensor:
        """Return the logits ``(N, 4 C, H / 2, W / 2)`` with those of region classes averaged."""
        parts, done = [], 0
        side, padding = NEIGHBOURHOOD, NEIGHBOURHOOD // 2
        for index in self.regions:
            own = logits[:, 4 * index : 4 * index + 4].mean(1, keepdim=True)
            # one axis at a time, which takes 9 times fewer additions
            own = functional.avg_pool2d(own, (1, side), 1, (0, padding), count_include_pad=False)
            own = functional.avg_pool2d(own, (side, 1), 1, (padding, 0), count_include_pad=False)
            parts += [logits[:, done : 4 * index], own.expand(-1, 4, -1, -1)]
            done = 4 * index + 4
        return torch.cat([*parts, logits[:, done:]], dim=1) if parts else logits
