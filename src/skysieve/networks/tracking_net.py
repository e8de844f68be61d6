"""Our own network for tracking errors: small, and for frames of any size.

A tracking error shows in the images of stars and nowhere else, and most of a frame
is sky: the network learns where to look, and its votes are averaged there.

References
----------
Ilse, Tomczak & Welling 2018, ICML, 2127 (attention as pooling over a bag of places, eq. 8); Paillassa, Bertin
& Bouy 2020, A&A 634, A48 (the task).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.networks.blocks import asinh, convolution, convolution_stack, initialise, scale_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SlipNet"]

WIDTHS = (24, 32, 64, 96, 128)
DEPTHS = (1, 1, 2, 2, 1)


class SlipNet(nn.Module):
    """Whether the telescope slipped.

    Parameters
    ----------
    widths, depths
        Channels, and convolutions of 3 x 3, at 1/2, 1/4, 1/8, … of the resolution.
    heads
        Independent maps of attention; each weights its share of the last channels.
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
        heads: int = 8,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths):
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected as many")
        if widths[-1] % heads:
            raise ValueError(f"{widths[-1]} channels cannot be shared by {heads} maps of attention")
        self.classes = 1
        self.multiple = 1
        self.minimum = 2 ** len(widths)
        self.heads = heads
        stages: list[nn.Module] = [convolution(4, widths[0]), convolution_stack(widths[0], depths[0])]
        for fine, coarse, depth in zip(widths[:-1], widths[1:], depths[1:], strict=True):
            stages += [convolution(fine, coarse, size=2, stride=2), convolution_stack(coarse, depth)]
        self.features = nn.Sequential(*stages)
        self.attention = nn.Conv2d(widths[-1], heads, 1)
        self.hidden = nn.Linear(2 * widths[-1], hidden)
        self.head = nn.Linear(hidden, 1)
        initialise(self)
        nn.init.normal_(self.attention.weight, std=0.01)  # all places count the same at first
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logit ``(N, 1)`` of a tracking error, at the prior of the training set.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, in units of the noise above the sky.
        """
        height, width = (side // self.minimum * self.minimum for side in pixels.shape[-2:])
        squeezed = functional.pixel_unshuffle(asinh(pixels[..., :height, :width]), 2)
        features = self.features(squeezed)
        places = features.flatten(2).float()
        weights = self.attention(features).flatten(2).float().softmax(dim=-1)
        shares = places.unflatten(1, (self.heads, -1))
        attended = (shares * weights.unsqueeze(2)).sum(-1).flatten(1)
        pooled = torch.cat([attended, places.mean(-1)], dim=1)
        logit: Tensor = self.head(torch.relu(self.hidden(pooled)))
        return logit

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, 2)`` of a good frame and of a tracking error."""
        logit = self(pixels)
        return torch.sigmoid(torch.cat([-logit, logit], dim=1))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logit ``l`` ``scale l + offset``; both ``(1,)``."""
        scale_outputs(self.head, scale, offset)
