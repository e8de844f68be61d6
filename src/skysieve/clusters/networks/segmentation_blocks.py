"""What the networks of several bands share: how they begin, how they end, and the steps between levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import convolution, initialise, scale_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PRIOR", "Segmenter", "double_convolution", "enlarged", "halved", "up_convolution"]

PRIOR = 0.01
"""Probability that an untrained network gives to each class, whatever it is shown."""


class Segmenter(nn.Module):
    """Classes of every pixel of pictures in several bands, which may overlap.

    Parameters
    ----------
    bands
        Channels of the input.
    classes
        Number of classes.
    widths
        Channels at 1, 1/2, 1/4, … of the resolution.
    prior
        Probability that the untrained network gives to each class.

    Attributes
    ----------
    bands, classes, widths
        As given.
    multiple
        Sides of the input are multiples of this many pixels.
    head
        The layer that gives the logits.

    Raises
    ------
    ValueError
        If there are no bands, no classes, fewer than two levels, an empty level, or the prior is not
        between 0 and 1.
    """

    head: nn.Conv2d

    def __init__(self, bands: int, classes: int, widths: Sequence[int], prior: float) -> None:
        super().__init__()
        if bands < 1 or classes < 1:
            raise ValueError(f"{bands} bands and {classes} classes: expected at least one of each")
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(
                f"widths {list(widths)}: expected the channels of two levels or more, 1 at least"
            )
        if not 0 < prior < 1:
            raise ValueError(f"prior {prior}: expected a probability between 0 and 1")
        self.bands = bands
        self.classes = classes
        self.widths = tuple(widths)
        self.multiple: int = 2 ** (len(widths) - 1)
        self._prior = prior

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return all predictions that a loss is to be taken of, each ``(N, C, H, W)``.

        First what :meth:`forward` returns; then, of a network with deep supervision, those of its stages.
        """
        return [self(pixels)]

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posteriors ``(N, C, H, W)`` for ``(N, B, H, W)`` pixels."""
        return torch.sigmoid(self(pixels))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of each class ``scale l + offset``; both ``(C,)``."""
        scale_outputs(self.head, scale, offset)

    def _begin(self, heads: Iterable[nn.Conv2d]) -> None:
        """Draw all weights; those of the heads so small that whatever is shown gets the prior."""
        initialise(self)
        for head in heads:
            nn.init.normal_(head.weight, std=0.01)
            if head.bias is not None:
                nn.init.constant_(head.bias, math.log(self._prior / (1 - self._prior)))


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Return two convolutions of 3 x 3, each with batch normalisation and ReLU."""
    return nn.Sequential(convolution(inputs, outputs), convolution(outputs, outputs))


def up_convolution(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Return the transposed convolution of 2 x 2 that doubles the sides; no two of its results overlap."""
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def halved(features: Tensor, times: int = 1) -> Tensor:
    """Return the largest values of windows of ``2**times`` pixels a side."""
    return functional.max_pool2d(features, 2**times) if times else features


def enlarged(features: Tensor, times: int = 1) -> Tensor:
    """Return features with sides ``2**times`` as long, interpolated linearly along both."""
    if times == 0:
        return features
    return functional.interpolate(features, scale_factor=2**times, mode="bilinear", align_corners=False)
