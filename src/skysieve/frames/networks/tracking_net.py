"""The network for tracking errors: small, and for frames of any size.

Only the images of stars show a tracking error, and most of a frame is sky.  So the network pools its features
with attention: the weight of a position starts from its brightness and is learnt further.  For every position
it also predicts the elongation that the motion of the telescope caused.  A jump may leave two sharp images of
each star, far apart: no single position shows that, but the autocorrelation of the frame does.

References
----------
Ilse, Tomczak & Welling 2018, ICML, 2127 (attention as pooling over a bag of positions, eq. 8); Caruana 1997,
Machine Learning 28, 41 (an auxiliary task helps to learn the main one); Paillassa, Bertin & Bouy 2020, A&A
634, A48 (the task).
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
"""Dilations at the lowest resolution: a jump may leave two images of a star 150 px apart."""

MAX_BRIGHTNESS = 4.0
"""Maximum contribution of the brightness to the attention logit of a position: asinh of about 27 sigma."""

MAX_LAG = 16
"""Maximum lag of the autocorrelation along each axis, in cells of 4 px."""

BACKGROUND_SIDE = 9
"""Side of the square of the local mean that is subtracted before the autocorrelation, in cells."""


class Autocorrelation(nn.Module):
    """Features of the autocorrelation of two maps, which shows pairs of images at a common separation.

    One map is the brightness, the other a learnt projection of the features.  The autocorrelation is a
    product of two matrices, of the map shifted down and of the map shifted to the right.  It costs as much as
    a few layers, and no engine needs a Fourier transform.  The result is mirrored.

    Parameters
    ----------
    width
        Channels of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        side = 2 * MAX_LAG + 1
        self.outputs = 64
        self.choose = nn.Conv2d(width, 1, 1)
        self.down = nn.Conv2d(1, side, (side, 1), padding=(MAX_LAG, 0), bias=False)
        self.right = nn.Conv2d(1, side, (1, side), padding=(0, MAX_LAG), bias=False)
        self.look = nn.Sequential(
            convolution(3, 16), convolution(16, 32, size=2, stride=2), convolution(32, self.outputs // 2)
        )

    def freeze_shifts(self) -> None:
        """Set the convolutions that shift maps to pure shifts, and freeze them."""
        side = 2 * MAX_LAG + 1
        for layer in (self.down, self.right):
            layer.weight.requires_grad = False
            layer.weight.copy_(torch.eye(side).reshape(layer.weight.shape))

    def forward(self, brightness: Tensor, features: Tensor) -> Tensor:
        """Return the features of the autocorrelation.

        Parameters
        ----------
        brightness
            ``(N, 1, h, w)``, with h = H / 4 and w = W / 4.
        features
            ``(N, width, h, w)``.

        Returns
        -------
        Tensor
            ``(N, 64)``.
        """
        maps = torch.cat([brightness, self.choose(features).float()], dim=1)
        side = BACKGROUND_SIDE
        maps = maps - functional.avg_pool2d(maps, side, 1, side // 2, count_include_pad=False)
        # one map at a time: training through grouped convolutions is slow
        each = maps.flatten(0, 1)[:, None]
        down, right = (shift(each).flatten(2) for shift in (self.down, self.right))
        power = each.square().flatten(1).sum(-1)[:, None, None]
        products = (down @ right.transpose(1, 2) / (power + 1)).unflatten(0, (-1, 2))
        axis = torch.arange(-MAX_LAG, MAX_LAG + 1, dtype=products.dtype, device=products.device) / MAX_LAG
        distance = torch.sqrt(axis[:, None].square() + axis.square())
        output = self.look(torch.cat([products, 0 * products[:, :1] + distance], dim=1)).flatten(2)
        return torch.cat([output.mean(-1), output.amax(-1)], dim=1)


class TrackingNet(nn.Module):
    """Classifier of tracking errors in frames of any size.

    Parameters
    ----------
    widths, depths
        Channels, and number of 3 x 3 convolutions, at 1/2, 1/4, 1/8, … of the resolution.
    heads
        Number of attention heads.
    hidden
        Width of the dense layer.
    pairs
        Whether the network uses the autocorrelation, and the scatter of the features over positions; networks
        before 0.2 did not.

    Attributes
    ----------
    multiple
        1: any size of at least :attr:`minimum` is accepted.
    minimum
        Minimum side of the input; rows and columns beyond the last multiple of it are ignored.
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
        self._fine = min(2, len(widths))  # levels before the maps that are autocorrelated
        # checkpoints and exported graphs contain the names of the layers: smear is the elongation, and told
        # adds the autocorrelation to the dense layer
        stages: list[nn.Module] = [convolution(4, widths[0]), convolution_stack(widths[0], depths[0])]
        for fine, coarse, depth in zip(widths[:-1], widths[1:], depths[1:], strict=True):
            stages += [convolution(fine, coarse, size=2, stride=2), convolution_stack(coarse, depth)]
        self.features = nn.Sequential(*stages, Residual(widths[-1], CONTEXT))
        self.attention = nn.Conv2d(widths[-1], heads, 1)
        self.smear = nn.Conv2d(widths[-1], 2, 1)
        self.hidden = nn.Linear((1 + heads) * widths[-1] + 3, hidden)
        self.pairs = Autocorrelation(widths[self._fine - 1]) if pairs else None
        self.told = nn.Linear(self.pairs.outputs + widths[-1], hidden, bias=False) if self.pairs else None
        self.head = nn.Linear(hidden, 1)
        initialise(self)
        small: list[nn.Conv2d | nn.Linear] = [self.attention, self.smear, self.head]
        # small initial weights: at first the brightness alone decides the attention
        with torch.no_grad():
            if self.pairs is not None and self.told is not None:
                self.pairs.freeze_shifts()
                small.append(self.told)
            for layer in small:
                nn.init.normal_(layer.weight, std=0.01)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logit ``(N, 1)`` of a tracking error, at the prior of the training set.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, 1)``.
        """
        return self.forward_all(pixels)[0]

    def forward_all(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logit, and the elongation and brightness by position, for the training loss.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        logit
            ``(N, 1)``, of a tracking error.
        elongation
            ``(N, 2, H / minimum, W / minimum)``, elongation of the images at each position, defined as in
            :func:`skysieve.frames.simulate.motion.Motion.elongation`.
        brightness
            ``(N, 1, H / minimum, W / minimum)``, brightness of each position, from 0 to 1.
        """
        height, width = (side // self.minimum * self.minimum for side in pixels.shape[-2:])
        scaled = asinh(pixels[..., :height, :width])
        brightness = functional.max_pool2d(scaled, self.minimum).clamp(0, MAX_BRIGHTNESS)
        fine = self.features[: 2 * self._fine](functional.pixel_unshuffle(scaled, 2))
        features = self.features[2 * self._fine :](fine)
        elongation = self.smear(features).float()
        weights = (self.attention(features).float() + brightness).flatten(2).softmax(dim=-1)
        positions = features.flatten(2).float()
        attended = (weights @ positions.transpose(1, 2)).flatten(1)
        elongations = _pooled_elongations(elongation.flatten(2), weights[:, :1])
        hidden = self.hidden(torch.cat([elongations, positions.mean(-1), attended], dim=1))
        if self.pairs is not None and self.told is not None:
            light = functional.max_pool2d(scaled, 2**self._fine).clamp(0, MAX_BRIGHTNESS)
            mean = attended[:, : positions.shape[1]]
            square = (weights[:, :1] @ positions.square().transpose(1, 2)).flatten(1)
            scatter = ((square - mean.square()).clamp_min(0) + 1e-6).sqrt()
            hidden = hidden + self.told(torch.cat([self.pairs(light, fine), scatter], dim=1))
        logit: Tensor = self.head(torch.relu(hidden))
        return logit, elongation, brightness / MAX_BRIGHTNESS

    def freeze(self, levels: int) -> None:
        """Freeze the weights of the finest levels.

        Parameters
        ----------
        levels
            Number of levels.
        """
        for parameter in self.features[: 2 * levels].parameters():
            parameter.requires_grad = False

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posterior probabilities.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, 2)``, of a good frame and of a tracking error.
        """
        logit = self(pixels)
        return torch.sigmoid(torch.cat([-logit, logit], dim=1))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logit ``l`` by ``scale l + offset``, in the weights of the last layer.

        Parameters
        ----------
        scale, offset
            ``(1,)`` float32.
        """
        scale_outputs(self.head, scale, offset)


def _pooled_elongations(elongation: Tensor, weights: Tensor) -> Tensor:
    """Return length of the mean elongation, mean length, and mean length of the deviations ``(N, 3)``.

    Parameters
    ----------
    elongation
        ``(N, 2, P)``, at each position.
    weights
        ``(N, 1, P)``, weight of each position.
    """
    mean = (elongation * weights).sum(-1, keepdim=True)
    lengths = [_length(mean), _length(elongation), _length(elongation - mean)]
    return torch.cat([lengths[0].squeeze(-1), *((part * weights).sum(-1) for part in lengths[1:])], dim=1)


def _length(elongation: Tensor) -> Tensor:
    # the gradient of the square root diverges at zero
    return (elongation.square().sum(1, keepdim=True) + 1e-6).sqrt()
