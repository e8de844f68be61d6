"""GhostNet: classes of pixels, and a small mask network for every detected ghost.

A ghost may cover half of the focal plane, overlap others of its class, and be cut into pieces by the gaps
between CCDs.  So the network predicts at each grid position whether it is the centre of a ghost, and the
weights of a three-layer network that segments this ghost.  The three layers read features that all ghosts
share, and the coordinates of each pixel relative to that position.

References
----------
Tian, Shen & Chen 2020, ECCV, 282 (CondInst: weights of a mask head from each position); Zhou, Wang &
Krähenbühl 2019, arXiv 1904.07850 (objects as peaks at their centres); Ronneberger, Fischer & Brox 2015,
MICCAI, 234 (U-Net).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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

__all__ = ["FEATURES", "HIDDEN", "KERNEL_SIZES", "GhostNet", "GhostOutputs", "draw_masks"]

WIDTHS = (24, 48, 96, 128)
DEPTHS = (1, 2, 2, 2)

CONTEXT = ((1, 2), (4, 8))
"""Dilations at the lowest resolution, 1/16: the widest ghosts are 250 pixels across."""

FEATURES = 8
HIDDEN = 8

KERNEL_SIZES = ((HIDDEN, FEATURES + 5), (HIDDEN, HIDDEN), (1, HIDDEN))
"""Output and input channels of the mask layers; each layer also has one bias per output.  Their input is the
features, the relative coordinates of each pixel, and the products of these, so that one layer can draw any
ellipse.
"""

DISTANCE_UNIT = 64.0
"""Unit of the relative coordinates, in pixels of the picture."""

HEADS = 4
"""Heads of the attention between positions at 1/16."""

CENTRE_PRIOR = 0.01
"""Probability of a centre that an untrained network predicts everywhere."""


class GhostOutputs(NamedTuple):
    """Outputs of the network for pictures ``(N, 1, H, W)``.

    Attributes
    ----------
    ghost
        Logit of any ghost ``(N, 1)``.
    classes
        Logits of the classes ``(N, C, H / 4, W / 4)``; classes may overlap.
    centres
        Logits of a ghost's centre ``(N, C, H / 8, W / 8)``.
    kernels
        Weights of the mask layers of the ghost at each position ``(N, K, H / 8, W / 8)``.
    features
        Input features of the mask layers ``(N, F, H / 4, W / 4)``.
    """

    ghost: Tensor
    classes: Tensor
    centres: Tensor
    kernels: Tensor
    features: Tensor


class GhostNet(nn.Module):
    """Network that detects ghosts in a picture of the focal plane.

    Parameters
    ----------
    classes
        Number of classes.
    widths, depths
        Channels, and numbers of 3 x 3 convolutions, at 1/2, 1/4, 1/8 and 1/16 of the resolution.

    Attributes
    ----------
    multiple
        Sides of the picture are multiples of this many pixels.

    Raises
    ------
    ValueError
        If there are not four widths and four depths.
    """

    def __init__(
        self, classes: int = 3, widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS
    ) -> None:
        super().__init__()
        if len(widths) != 4 or len(depths) != 4:
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected four of each")
        self.classes = classes
        self.multiple = 16
        # checkpoints store the names of the layers below: `where` encodes coordinates, `whole` the global
        # context, `middles` the centres
        half, quarter, eighth, sixteenth = widths
        stages = [nn.Sequential(convolution(4, half), convolution_stack(half, depths[0]))]
        for fine, coarse, depth in zip(widths[:-1], widths[1:], depths[1:], strict=True):
            stages.append(
                nn.Sequential(convolution(fine, coarse, size=2, stride=2), convolution_stack(coarse, depth))
            )
        self.encoder = nn.ModuleList(stages)
        self.context = nn.Sequential(*(Residual(sixteenth, dilations) for dilations in CONTEXT))
        self.where = nn.Sequential(nn.Conv2d(5, sixteenth, 1), nn.ReLU(), nn.Conv2d(sixteenth, sixteenth, 1))
        self.attention = nn.ModuleList([Attention(sixteenth, HEADS) for _ in range(2)])
        self.whole = nn.Linear(sixteenth, sixteenth)
        self.to_eighth = nn.Conv2d(sixteenth, eighth, 1)
        self.to_quarter = nn.Conv2d(eighth, quarter, 1)
        self.at_eighth = convolution_stack(eighth, depths[2])
        self.at_quarter = convolution_stack(quarter, depths[1])
        self.ghost = nn.Linear(2 * sixteenth, 1)
        self.of_places = convolution(eighth, eighth)
        self.middles = nn.Conv2d(eighth, classes, 1)
        self.kernels = nn.Conv2d(eighth, sum(rows * columns + rows for rows, columns in KERNEL_SIZES), 1)
        self.features = nn.Conv2d(quarter, FEATURES, 1)
        self.pixels = nn.Conv2d(quarter, classes, 1)
        initialise(self)
        for layer in (self.ghost, self.middles, self.kernels, self.pixels):
            nn.init.normal_(layer.weight, std=0.01)
        for attention in self.attention:
            attention.initialise_outputs()  # type: ignore[operator]
        nn.init.constant_(self.middles.bias, torch.logit(torch.tensor(CENTRE_PRIOR)).item())  # type: ignore[arg-type]
        nn.init.constant_(self.pixels.bias, torch.logit(torch.tensor(5 * CENTRE_PRIOR)).item())  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> GhostOutputs:
        """Compute the logits, and the weights and features of the mask layers.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, in units of the noise above the sky; sides are multiples of 16.

        Returns
        -------
        GhostOutputs
            See there.
        """
        features = functional.pixel_unshuffle(asinh(pixels), 2)
        levels = []
        for stage in self.encoder:
            features = stage(features)
            levels.append(features)
        _, quarter, eighth, sixteenth = levels
        context = self.context(sixteenth + self.where(_coordinates(sixteenth)).to(sixteenth.dtype))
        for attention in self.attention:
            context = attention(context)
        # add global context to every position: ghosts come in chains
        mean = context.float().mean((2, 3))
        context = context + self.whole(mean)[:, :, None, None].to(context.dtype)
        ghost = self.ghost(torch.cat([mean, context.float().amax((2, 3))], dim=1))
        eighth = self.at_eighth(torch.relu(eighth + _upsample(self.to_eighth(context))))
        quarter = self.at_quarter(torch.relu(quarter + _upsample(self.to_quarter(eighth))))
        positions = self.of_places(eighth)
        return GhostOutputs(
            ghost=ghost,
            classes=self.pixels(quarter),
            centres=self.middles(positions),
            kernels=self.kernels(positions),
            features=self.features(quarter),
        )

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Compute the output of the exported graph: all outputs in one array.

        The channels are, in this order: the probability of any ghost, constant over the picture; of each
        class; of a centre of each class; kernels; features.  Each value of the 1/8 grid is repeated in four
        cells of the 1/4 grid.

        Parameters
        ----------
        pixels
            As of :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, 1 + 2 C + K + F, H / 4, W / 4)``.
        """
        outputs = self(pixels)
        ghost = torch.sigmoid(outputs.ghost)[:, :, None, None].expand_as(outputs.classes[:, :1])
        positions = _upsample(torch.cat([torch.sigmoid(outputs.centres), outputs.kernels], dim=1))
        return torch.cat([ghost, torch.sigmoid(outputs.classes), positions, outputs.features], dim=1)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of the centres ``scale l + offset``, by class.

        Parameters
        ----------
        scale, offset
            ``(C,)``.
        """
        scale_outputs(self.middles, scale, offset)


class Attention(nn.Module):
    """Self-attention between all positions: a ghost, its star and the star's other ghosts lie far apart.

    Parameters
    ----------
    width
        Channels.
    heads
        Number of heads.

    References
    ----------
    Vaswani et al. 2017, NeurIPS, eq. 1, normalised before each part (Xiong et al. 2020, ICML, figure 1b).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # names as in checkpoints: `looks` projects to queries, keys and values, `thinks` is feed-forward
        self.before = nn.LayerNorm(width)
        self.looks = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.after = nn.LayerNorm(width)
        self.thinks = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def initialise_outputs(self) -> None:
        """Initialise the output layers with small weights: the untrained block is almost the identity."""
        for layer in (self.joined, self.thinks[2]):
            nn.init.normal_(layer.weight, std=0.01)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Apply attention and the feed-forward layers, each with a skip connection.

        Parameters
        ----------
        features
            ``(N, width, H, W)``.

        Returns
        -------
        Tensor
            In the same shape.
        """
        count, width, rows, columns = features.shape
        positions = features.flatten(2).transpose(1, 2)
        parts = self.looks(self.before(positions)).reshape(count, rows * columns, 3, self.heads, -1)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(queries @ keys.transpose(2, 3) * keys.shape[-1] ** -0.5, dim=-1)
        attended = (weights @ values).transpose(1, 2).reshape(count, rows * columns, width)
        positions = positions + self.joined(attended)
        changed: Tensor = positions + self.thinks(self.after(positions))
        return changed.transpose(1, 2).reshape(count, width, rows, columns)


def draw_masks(features: Tensor, kernels: Tensor, positions: Tensor) -> Tensor:
    """Compute the mask logits of ghosts in one picture.

    Parameters
    ----------
    features
        ``(F, H / 4, W / 4)``.
    kernels
        Weights of the mask layers of each ghost, ``(G, K)``.
    positions
        Row and column of each ghost on the 1/8 grid, ``(G, 2)``.

    Returns
    -------
    Tensor
        ``(G, H / 4, W / 4)``.
    """
    height, width = features.shape[-2:]
    rows = 4 * torch.arange(height, device=features.device, dtype=features.dtype) + 1.5
    columns = 4 * torch.arange(width, device=features.device, dtype=features.dtype) + 1.5
    centres = 8 * positions.to(features.dtype) + 3.5
    down = ((rows - centres[:, :1]) / DISTANCE_UNIT)[:, :, None].expand(-1, -1, width)
    right = ((columns - centres[:, 1:]) / DISTANCE_UNIT)[:, None, :].expand(-1, height, -1)
    relative = torch.stack([down, right, down * down / 4, down * right / 4, right * right / 4], dim=1)
    shared = features[None].expand(len(kernels), -1, -1, -1)
    values = torch.cat([shared, relative], dim=1).flatten(2)
    start = 0
    for layer, (outputs, inputs) in enumerate(KERNEL_SIZES):
        weights = kernels[:, start : start + outputs * inputs].reshape(-1, outputs, inputs)
        start += outputs * inputs
        values = weights @ values + kernels[:, start : start + outputs, None]
        start += outputs
        if layer < len(KERNEL_SIZES) - 1:
            values = torch.relu(values)
    return values.reshape(-1, height, width)


def _coordinates(features: Tensor) -> Tensor:
    """Return the coordinates of each position, from -1 to 1, and their products ``(1, 5, H, W)``."""
    height, width = features.shape[-2:]
    y = torch.linspace(-1, 1, height, device=features.device)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=features.device)[None].expand(height, width)
    return torch.stack([y, x, y * y, x * y, x * x])[None]


def _upsample(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="nearest")
