"""A trained network for contaminants, and a small one that revises its answers by what lies around them.

The first network sees the pixels. The second sees its answers, binned by 8 x 8 pixels, over several
hundred pixels: a spike with its star, a trail along its length, the whole of a nebula. It changes the
logits of each pixel by what it finds there and by the logits of the other classes. It is small, it learns
while the first one stays as it is, and both are one graph.

References
----------
Tu & Bai 2010, IEEE TPAMI 32, 1744 (auto-context: a second classifier that sees the answers of the first).
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
"""Channels of each four pixels, between what is known of them and their logits."""

CONTEXT = 24
"""Channels that tell these pixels what lies around them."""

LARGEST_LOGIT = 12.75
"""The second network sees logits up to this, either way."""

_POOL = 4
_SCALE = 4.0


class Revision(nn.Module):
    """The second network: from logits to better ones.

    Parameters
    ----------
    classes
        Number of classes.
    widths
        Channels at 1/8, 1/16, … of the resolution.

    Notes
    -----
    It begins by changing nothing but logits beyond :data:`LARGEST_LOGIT`.
    """

    def __init__(self, classes: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
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
            ``(N, 4 C, H / 2, W / 2)`` of each four neighbouring pixels, grouped by class.
        pixels
            ``(N, 4, H / 2, W / 2)``, the asinh of these pixels.
        part
            Rows and columns of these whose logits are wanted, by what lies around in all of them.

        Returns
        -------
        Tensor
            As `logits`, or the part of them.
        """
        seen = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT) / _SCALE
        around = functional.interpolate(
            self._context(seen, pixels), scale_factor=_POOL, mode="bilinear", align_corners=False
        )
        if part is not None:
            seen, pixels, around = (one[..., *part] for one in (seen, pixels, around))
        hidden = self.mix(torch.cat([seen, pixels, around], dim=1))
        revised: Tensor = self.head(torch.cat([hidden, seen], dim=1))
        return revised

    def _context(self, seen: Tensor, pixels: Tensor) -> Tensor:
        """Return what lies around, at 1/8 of the resolution."""
        binned = [
            *(functional.avg_pool2d(one, _POOL) for one in (seen, pixels)),
            *(functional.max_pool2d(one, _POOL) for one in (seen, pixels)),
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
        told: Tensor = self.tell(features)
        return told


class RevisedNet(nn.Module):
    """A trained network whose answers a second one revises.

    Parameters
    ----------
    first
        The trained network; its weights do not learn any more.
    widths
        See :class:`Revision`.

    Attributes
    ----------
    classes
        Number of classes.
    multiple
        Sides of the input are multiples of this many pixels.
    """

    def __init__(self, first: SieveNet, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.first = first.requires_grad_(requires_grad=False)
        self.revision = Revision(first.classes, widths)
        self.classes = first.classes
        self.multiple = max(first.multiple, self.revision.multiple)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)`` of pixels ``(N, 1, H, W)`` in units of the noise."""
        return functional.pixel_shuffle(self._quarters(pixels), 2)

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, C, H, W)``; engines fuse the sigmoid with the last convolution."""
        return functional.pixel_shuffle(torch.sigmoid(self._quarters(pixels)), 2)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of each class ``scale l + offset``; both ``(C,)``."""
        scale_outputs(self.revision.head, scale, offset)

    def _quarters(self, pixels: Tensor) -> Tensor:
        squeezed = functional.pixel_unshuffle(asinh(pixels), 2)
        revised: Tensor = self.revision(self.first.quarters(pixels), squeezed)
        return revised
