"""A trained network for contaminants, followed by a small network that revises its logits from context.

The input of the first network is the pixels. The input of the second is the logits of the first, binned by
8 x 8 pixels, with a receptive field of several hundred pixels: it covers a spike with its star, the length of
a trail, or a whole nebula. It corrects the logits of each pixel from this context and from the logits of the
other classes. It is small, it is trained with the first network frozen, and both are exported as one graph.

References
----------
Tu & Bai 2010, IEEE TPAMI 32, 1744 (auto-context: a second classifier whose input is the output of the first).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import Residual, asinh, convolution, initialise, scale_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.frames.networks.sieve_net import SieveNet

__all__ = ["LARGEST_LOGIT", "RevisedNet", "Revision"]

WIDTHS = (40, 48, 64)
"""Channels at 1/8, 1/16 and 1/32 of the resolution."""

HIDDEN = 48
"""Channels of the hidden layer that combines logits, pixels and context of 2 x 2 pixels."""

CONTEXT = 24
"""Channels of the context features that this layer receives."""

LARGEST_LOGIT = 12.75
"""The input logits of the second network are clipped to this absolute value."""

_POOL = 4
_SCALE = 4.0


class Revision(nn.Module):
    """The second network, which corrects the logits of the first.

    Parameters
    ----------
    classes
        Number of classes.
    widths
        Channels at 1/8, 1/16, … of the resolution.

    Notes
    -----
    Before training it is the identity, apart from the clipping at :data:`LARGEST_LOGIT`.
    """

    def __init__(self, classes: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        # checkpoints and exported graphs contain the names of the layers
        planes = 4 * classes
        self.classes, self.multiple = classes, 2 * _POOL * 2 ** (len(widths) - 1)
        self.enter = convolution(2 * planes + 12, widths[0], size=1)
        finer = list(pairwise(widths))
        self.encoder = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.down = nn.ModuleList(convolution(fine, coarse, size=2, stride=2) for fine, coarse in finer)
        self.far = nn.Sequential(Residual(widths[-1], (1, 2)), Residual(widths[-1], (4, 8)))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, fine, 1, bias=False), nn.BatchNorm2d(fine))
            for fine, coarse in finer
        )
        self.decoder = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.tell = convolution(widths[0], CONTEXT, size=1)
        self.mix = convolution(planes + 4 + CONTEXT, HIDDEN, size=1)
        self.head = nn.Conv2d(HIDDEN + planes, planes, 1)
        initialise(self)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.weight[:, HIDDEN:, 0, 0] = _SCALE * torch.eye(planes)

    def forward(self, logits: Tensor, pixels: Tensor, *, part: tuple[slice, slice] | None = None) -> Tensor:
        """Return the revised logits.

        Parameters
        ----------
        logits
            ``(N, 4 C, H / 2, W / 2)``, the logits of 2 x 2 neighbouring pixels as channels, grouped by class.
        pixels
            ``(N, 4, H / 2, W / 2)``, the asinh of these pixels.
        part
            Rows and columns of the output to compute; the context still comes from the whole input.

        Returns
        -------
        Tensor
            Revised logits in the layout of `logits`, or that part of them.
        """
        clipped = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT) / _SCALE
        context = functional.interpolate(
            self._context(clipped, pixels), scale_factor=_POOL, mode="bilinear", align_corners=False
        )
        if part is not None:
            clipped, pixels, context = (one[..., *part] for one in (clipped, pixels, context))
        hidden = self.mix(torch.cat([clipped, pixels, context], dim=1))
        revised: Tensor = self.head(torch.cat([hidden, clipped], dim=1))
        return revised

    def _context(self, logits: Tensor, pixels: Tensor) -> Tensor:
        """Return the context features ``(N, CONTEXT, H / 8, W / 8)``."""
        binned = [
            *(functional.avg_pool2d(one, _POOL) for one in (logits, pixels)),
            *(functional.max_pool2d(one, _POOL) for one in (logits, pixels)),
            -functional.max_pool2d(-pixels, _POOL),
        ]
        features = self.enter(torch.cat(binned, dim=1))
        skips = []
        for stack, down in zip(self.encoder, self.down, strict=True):
            features = stack(features)
            skips.append(features)
            features = down(features)
        features = self.far(features)
        for level in reversed(range(len(self.up))):
            coarse = functional.interpolate(self.up[level](features), scale_factor=2, mode="nearest")
            features = self.decoder[level](torch.relu(coarse + skips[level]))
        context: Tensor = self.tell(features)
        return context


class RevisedNet(nn.Module):
    """A trained network followed by a second one that revises its logits.

    Parameters
    ----------
    first
        The trained network; its weights are frozen.
    widths
        See :class:`Revision`.

    Attributes
    ----------
    classes
        Number of classes.
    multiple
        The sides of the input must be multiples of this.
    """

    def __init__(self, first: SieveNet, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.first = first.requires_grad_(requires_grad=False)
        self.revision = Revision(first.classes, widths)
        self.classes = first.classes
        self.multiple = max(first.multiple, self.revision.multiple)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the revised logits.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        return functional.pixel_shuffle(self._half_resolution_logits(pixels), 2)

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
        return functional.pixel_shuffle(torch.sigmoid(self._half_resolution_logits(pixels)), 2)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logits ``l`` of each class by ``scale l + offset``, in the weights of the last layer.

        Parameters
        ----------
        scale, offset
            ``(C,)`` float32.
        """
        scale_outputs(self.revision.head, scale, offset)

    def _half_resolution_logits(self, pixels: Tensor) -> Tensor:
        unshuffled = functional.pixel_unshuffle(asinh(pixels), 2)
        revised: Tensor = self.revision(self.first.half_resolution_logits(pixels), unshuffled)
        return revised
