"""Base class of the segmentation networks, and their common layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import convolution, initialise, scale_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PRIOR", "Segmenter", "double_convolution", "max_pooled", "up_convolution", "upsampled"]

PRIOR = 0.01
"""Probability that an untrained network predicts for each class, for any input."""


class Segmenter(nn.Module):
    """Base class of networks that predict the classes of each pixel, which may overlap, from several bands.

    Parameters
    ----------
    bands
        Channels of the input.
    classes
        Number of classes.
    widths
        Channels at 1, 1/2, 1/4, … of the resolution.
    prior
        Probability that the untrained network predicts for each class.

    Attributes
    ----------
    bands, classes, widths
        As given.
    multiple
        The sides of the input must be multiples of this number of pixels.
    head
        Last layer, which returns the logits.

    Raises
    ------
    ValueError
        If there are no bands, no classes, fewer than two levels, a level without channels, or the prior is
        not between 0 and 1.
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
        """Return all predictions that enter the loss.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        list of Tensor
            Each ``(N, C, H, W)``: the result of :meth:`forward`; then, with deep supervision, those of the
            stages.
        """
        return [self(pixels)]

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posterior probabilities.

        Parameters
        ----------
        pixels
            Preprocessed maps ``(N, B, H, W)`` float32.

        Returns
        -------
        Tensor
            ``(N, C, H, W)``.
        """
        return torch.sigmoid(self(pixels))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logits ``l`` by ``scale l + offset``, by changing the last layer.

        Parameters
        ----------
        scale, offset
            One value for each class ``(C,)``.
        """
        scale_outputs(self.head, scale, offset)

    def _initialise_weights(self, heads: Iterable[nn.Conv2d]) -> None:
        """Initialise all weights; those of the heads so small that any input gets the prior probability."""
        initialise(self)
        for head in heads:
            nn.init.normal_(head.weight, std=0.01)
            if head.bias is not None:
                nn.init.constant_(head.bias, math.log(self._prior / (1 - self._prior)))


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Build two 3 x 3 convolutions, each with batch normalisation and ReLU.

    Parameters
    ----------
    inputs, outputs
        Numbers of channels.

    Returns
    -------
    nn.Sequential
        Keeps height and width.
    """
    return nn.Sequential(convolution(inputs, outputs), convolution(outputs, outputs))


def up_convolution(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Build the 2 x 2 transposed convolution at stride 2, which doubles height and width without overlap.

    Parameters
    ----------
    inputs, outputs
        Numbers of channels.

    Returns
    -------
    nn.ConvTranspose2d
        With a bias.
    """
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def max_pooled(features: Tensor, times: int = 1) -> Tensor:
    """Apply max pooling with windows of ``2**times`` pixels a side.

    Parameters
    ----------
    features
        ``(N, C, H, W)``.
    times
        Number of halvings.

    Returns
    -------
    Tensor
        ``(N, C, H / 2**times, W / 2**times)``.
    """
    return functional.max_pool2d(features, 2**times) if times else features


def upsampled(features: Tensor, times: int = 1) -> Tensor:
    """Upsample features by ``2**times`` with bilinear interpolation.

    Parameters
    ----------
    features
        ``(N, C, H, W)``.
    times
        Number of doublings.

    Returns
    -------
    Tensor
        ``(N, C, 2**times H, 2**times W)``.
    """
    if times == 0:
        return features
    return functional.interpolate(features, scale_factor=2**times, mode="bilinear", align_corners=False)
