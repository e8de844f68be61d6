"""Our own network for tracking errors: small, and for frames of any size.

A tracking error shows in the images of stars and nowhere else, and most of a frame
is sky: the network looks where it is bright, learns where else not to look, and says of
every place how far and along which axis its images were drawn out by a motion.  A jump may leave two sharp
images of each star, far apart: no place shows that, but the autocorrelation of the frame does.

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

from skysieve.core.networks.blocks import (
    Residual,
    asinh,
    convolution,
    convolution_stack,
    initialise,
    scale_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TrackingNet"]

WIDTHS = (32, 32, 64, 96)
DEPTHS = (1, 2, 2, 2)

CONTEXT = (2, 4)
"""Dilations at the lowest resolution: the images that a jump leaves of one star may be 150 px apart."""

BRIGHT = 4.0
"""Attention that the brightest pixel of a place can give it at most: asinh of some 27 sigma."""


REACH = 16
"""Largest distance in the autocorrelation along each axis, in cells of 4 px."""

SURROUNDINGS = 9
"""Side of the square whose mean is taken from a map before it is correlated, in cells."""


class Pairs(nn.Module):
    """Whether images come in pairs, all at the same distance: a look at the autocorrelation of two maps.

    One map is the brightness, the other is chosen from the features.  The autocorrelation is a product of two
    matrices, of the map moved down and of the map moved to the right, so that its cost is that of some layers
    and no engine needs a Fourier transform.  It comes out mirrored.

    Parameters
    ----------
    width
        Channels of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        side = 2 * REACH + 1
        self.outputs = 64
        self.choose = nn.Conv2d(width, 1, 1)
        self.down = nn.Conv2d(1, side, (side, 1), padding=(REACH, 0), bias=False)
        self.right = nn.Conv2d(1, side, (1, side), padding=(0, REACH), bias=False)
        self.look = nn.Sequential(
            convolution(3, 16), convolution(16, 32, size=2, stride=2), convolution(32, self.outputs // 2)
        )

    def keep_moves(self) -> None:
        """Make the convolutions that move maps what they are; they do not learn."""
        side = 2 * REACH + 1
        for layer in (self.down, self.right):
            layer.weight.requires_grad = False
            layer.weight.copy_(torch.eye(side).reshape(layer.weight.shape))

    def forward(self, brightness: Tensor, features: Tensor) -> Tensor:
        """Return what is seen in the autocorrelations, ``(N, 64)``.

        Parameters
        ----------
        brightness
            ``(N, 1, h, w)``.
        features
            ``(N, width, h, w)``.
        """
        maps = torch.cat([brightness, self.choose(features).float()], dim=1)
        around = functional.avg_pool2d(maps, SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
        maps = maps - around
        # one map at a time: convolutions in groups are slow to learn through
        each = maps.flatten(0, 1)[:, None]
        down, right = (move(each).flatten(2) for move in (self.down, self.right))
        power = each.square().flatten(1).sum(-1)[:, None, None]
        found = (down @ right.transpose(1, 2) / (power + 1)).unflatten(0, (-1, 2))
        axis = torch.arange(-REACH, REACH + 1, dtype=found.dtype, device=found.device) / REACH
        distance = torch.sqrt(axis[:, None].square() + axis.square())
        seen = self.look(torch.cat([found, 0 * found[:, :1] + distance], dim=1)).flatten(2)
        return torch.cat([seen.mean(-1), seen.amax(-1)], dim=1)


class TrackingNet(nn.Module):
    """Whether a frame has tracking errors.

    Parameters
    ----------
    widths, depths
        Channels, and convolutions of 3 x 3, at 1/2, 1/4, 1/8, … of the resolution.
    heads
        Independent maps of attention.
    hidden
        Width of the dense layer.
    pairs
        Whether the network looks for pairs of images, and at how much places differ; networks before 0.2 did
        not.

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
        *,
        pairs: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths):
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected as many")
        self.classes = 1
        self.multiple = 1
        self.minimum = 2 ** len(widths)
        self.heads = heads
        self._fine = min(2, len(widths))  # levels before the maps whose autocorrelation is looked at
        stages: list[nn.Module] = [convolution(4, widths[0]), convolution_stack(widths[0], depths[0])]
        for fine, coarse, depth in zip(widths[:-1], widths[1:], depths[1:], strict=True):
            stages += [convolution(fine, coarse, size=2, stride=2), convolution_stack(coarse, depth)]
        self.features = nn.Sequential(*stages, Residual(widths[-1], CONTEXT))
        self.attention = nn.Conv2d(widths[-1], heads, 1)
        self.smear = nn.Conv2d(widths[-1], 2, 1)
        self.hidden = nn.Linear((1 + heads) * widths[-1] + 3, hidden)
        self.pairs = Pairs(widths[self._fine - 1]) if pairs else None
        self.told = nn.Linear(self.pairs.outputs + widths[-1], hidden, bias=False) if self.pairs else None
        self.head = nn.Linear(hidden, 1)
        initialise(self)
        quiet: list[nn.Conv2d | nn.Linear] = [self.attention, self.smear, self.head]
        # all places count by their brightness at first
        with torch.no_grad():
            if self.pairs is not None and self.told is not None:
                self.pairs.keep_moves()
                quiet.append(self.told)
            for layer in quiet:
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
            :func:`skysieve.frames.simulate.motion.Motion.elongation` has it; and how bright each place is
            ``(N, 1, …)``, from 0 to 1.
        """
        height, width = (side // self.minimum * self.minimum for side in pixels.shape[-2:])
        squeezed = asinh(pixels[..., :height, :width])
        brightness = functional.max_pool2d(squeezed, self.minimum).clamp(0, BRIGHT)
        fine = self.features[: 2 * self._fine](functional.pixel_unshuffle(squeezed, 2))
        features = self.features[2 * self._fine :](fine)
        smear = self.smear(features).float()
        weights = (self.attention(features).float() + brightness).flatten(2).softmax(dim=-1)
        places = features.flatten(2).float()
        attended = (weights @ places.transpose(1, 2)).flatten(1)
        seen = torch.cat([_drawn_out(smear.flatten(2), weights[:, :1]), places.mean(-1), attended], dim=1)
        found = self.hidden(seen)
        if self.pairs is not None and self.told is not None:
            light = functional.max_pool2d(squeezed, 2**self._fine).clamp(0, BRIGHT)
            mean = attended[:, : places.shape[1]]
            square = (weights[:, :1] @ places.square().transpose(1, 2)).flatten(1)
            scatter = ((square - mean.square()).clamp_min(0) + 1e-6).sqrt()
            found = found + self.told(torch.cat([self.pairs(light, fine), scatter], dim=1))
        logit: Tensor = self.head(torch.relu(found))
        return logit, smear, brightness / BRIGHT

    def freeze(self, levels: int) -> None:
        """Keep the weights of so many levels, from the finest, as they are."""
        for parameter in self.features[: 2 * levels].parameters():
            parameter.requires_grad = False

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
