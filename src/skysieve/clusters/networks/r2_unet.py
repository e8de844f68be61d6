"""R2U-Net: a U-Net whose convolutions are applied again to what they gave, beside what they were given.

Built as published: a stage is a convolution of 1 x 1 and two recurrent layers with a way around both; a
recurrent layer with kernel w is h = relu(w * x), then t = 2 times h = relu(w * (x + h)).  The paper's eq. 1
writes two kernels, yet its text finds as many parameters as without recurrence, and so there is one here.  In
the keras variant each repetition has a kernel of its own, and steps up are interpolations with a convolution
of 3 x 3.
Batch normalisation, which the paper has not, follows the convolution of 1 x 1 only: each repetition has
other statistics, which one normalisation cannot hold.  Instead the kernels that are repeated begin smaller.

References
----------
Alom, Hasan, Yakopcic, Taha & Asari 2018, arXiv 1802.06955, eq. 1 to 3 and figure 4d; Liang & Hu 2015, CVPR,
3367 (recurrent convolutions).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import PRIOR, Segmenter, halved, up_convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["R2UNet"]

WIDTHS = (64, 128, 256, 512, 1024)

REPETITIONS = 2


class R2UNet(Segmenter):
    """R2U-Net.

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
        self.encoder = nn.ModuleList(_Stage(before, width) for before, width in pairwise((bands, *widths)))
        self.up = nn.ModuleList(up_convolution(coarse, fine) for fine, coarse in pairwise(widths))
        self.decoder = nn.ModuleList(_Stage(2 * width, width) for width in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)
        self._begin([self.head])
        for module in self.modules():
            if isinstance(module, _Recurrent):
                # what is added up in the repetitions is about as large as the input, then
                module.convolution.weight.data.div_((1 + REPETITIONS) ** 0.5)

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


class _Stage(nn.Module):
    """Two recurrent layers with a way around them."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
        self.layers = nn.Sequential(_Recurrent(width), _Recurrent(width))

    def forward(self, features: Tensor) -> Tensor:
        """Return features ``(N, width, H, W)``."""
        entered = self.entry(features)
        result: Tensor = entered + self.layers(entered)
        return result


class _Recurrent(nn.Module):
    """A convolution of 3 x 3 that also sees what it gave before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        state = torch.relu(self.convolution(features))
        for _ in range(REPETITIONS):
            state = torch.relu(self.convolution(features + state))
        return state
