"""Our own network for tracking errors: small, and for frames of any size.

A tracking error shows in the images of stars and nowhere else, and most of a frame
is sky: the network looks where it is bright, learns where else not to look, and says of
every place how far and along which axis its images were drawn out by a motion.

References
----------
Ilse, Tomczak & Welling 2018, ICML, 2127 (attention as pooling over a bag of places, eq. 8); Caruana 1997,
Machine Learning 28, 41 (a second task helps to learn the first); Paillassa, Bertin & Bouy 2020, A&A 634,
A48 (the task).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.networks.blocks import (
    Residual,
    asinh,
    convolution,
    convolution_stack,
    initialise,
    scale_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SlipNet"]

WIDTHS = (32, 32, 64, 96)
DEPTHS = (1, 2, 2, 2)

CONTEXT = (2, 4)
"""Dilations at the lowest resolution: the images that a jump leaves of one star may be 150 px apart."""

BRIGHT = 4.0
"""Attention that the brightest pixel of a place can give it at most: asinh of some 27 sigma."""


class SlipNet(nn.Module):
    """Whether the telescope slipped.

    Parameters
    ----------
    widths, depths
        Channels, and convolutions of 3 x 3, at 1/2, 1/4, 1/8, … of the resolution.
    heads
        Independent maps of attention.
    hidden
        Width of the dense layer.

    Attributes
    ----------
    multiple
        1: any size of at least :attr:`minimum` will do.
    minimum
        Least side of the input; what lies beyond the last multiple of it is not looked at.
    """

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        depths: Sequence[int] = DEPTHS,
        heads: int = 4,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths):
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected as many")
        self.classes = 1
        self.multiple = 1
        self.minimum = 2 ** len(widths)
        self.heads = heads
        stages: list[nn.Module] = [convolution(4, widths[0]), convolution_stack(widths[0], depths[0])]
        for fine, coarse, depth in zip(widths[:-1], widths[1:], depths[1:], strict=True):
            stages += [convolution(fine, coarse, size=2, stride=2), convolution_stack(coarse, depth)]
        self.features = nn.Sequential(*stages, Residual(widths[-1], CONTEXT))
        self.attention = nn.Conv2d(widths[-1], heads, 1)
        self.smear = nn.Conv2d(widths[-1], 2, 1)
        self.hidden = nn.Linear((1 + heads) * widths[-1] + 3, hidden)
        self.head = nn.Linear(hidden, 1)
        initialise(self)
        for layer in (self.attention, self.smear, self.head):  # all places count by their brightness at first
            nn.init.normal_(layer.weight, std=0.01)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logit ``(N, 1)`` of a tracking error, at the prior of the training set.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, in units of the noise above the sky.
        """
        return self.examine(pixels)[0]

    def examine(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logit, and what it rests on.

        Parameters
        ----------
        pixels
            As :meth:`forward`.

        Returns
        -------
        tuple
            Logit ``(N, 1)``; smear of the images at each place ``(N, 2, H / minimum, W / minimum)``, as
            :func:`skysieve.simulate.motion.Motion.smear` has it; and how bright each place is ``(N, 1, …)``,
            from 0 to 1.
        """
        height, width = (side // self.minimum * self.minimum for side in pixels.shape[-2:])
        squeezed = asinh(pixels[..., :height, :width])
        brightness = functional.max_pool2d(squeezed, self.minimum).clamp(0, BRIGHT)
        features = self.features(functional.pixel_unshuffle(squeezed, 2))
        smear = self.smear(features).float()
        weights = (self.attention(features).float() + brightness).flatten(2).softmax(dim=-1)
        places = features.flatten(2).float()
        attended = (weights @ places.transpose(1, 2)).flatten(1)
        seen = torch.cat([_drawn_out(smear.flatten(2), weights[:, :1]), places.mean(-1), attended], dim=1)
        logit: Tensor = self.head(torch.relu(self.hidden(seen)))
        return logit, smear, brightness / BRIGHT

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, 2)`` of a good frame and of a tracking error."""
        logit = self(pixels)
        return torch.sigmoid(torch.cat([-logit, logit], dim=1))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logit ``l`` ``scale l + offset``; both ``(1,)``."""
        scale_outputs(self.head, scale, offset)


def _drawn_out(smear: Tensor, weights: Tensor) -> Tensor:
    """Return how far images are drawn out: along one axis, along any, and how much places differ ``(N, 3)``.

    Parameters
    ----------
    smear
        ``(N, 2, P)``, by place.
    weights
        ``(N, 1, P)``, of places.
    """
    common = (smear * weights).sum(-1, keepdim=True)
    lengths = [_length(common), _length(smear), _length(smear - common)]
    return torch.cat([lengths[0].squeeze(-1), *((part * weights).sum(-1) for part in lengths[1:])], dim=1)


def _length(smear: Tensor) -> Tensor:
    # the square root has no slope at zero
    return (smear.square().sum(1, keepdim=True) + 1e-6).sqrt()
