"""Our network for ghosts: classes of pixels, and a small mask network for every ghost that it sees.

A ghost may cover half of the focal plane, overlap with others of its class, and fall into pieces at the gaps
between CCDs.  So each place of the picture says whether the middle of a ghost is there, and if so it gives
the weights of a network of three layers that draws this one ghost, from features that all share and from
where each pixel lies as seen from that place.

References
----------
Tian, Shen & Chen 2020, ECCV, 282 (CondInst: weights of a mask head from each place); Zhou, Wang & Krähenbühl
2019, arXiv 1904.07850 (objects as peaks at their middles); Ronneberger, Fischer & Brox 2015, MICCAI, 234.
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
"""Dilations at the lowest resolution, 1/16: the widest ghosts have 250 pixels across."""

FEATURES = 8
HIDDEN = 8

KERNEL_SIZES = ((HIDDEN, FEATURES + 5), (HIDDEN, HIDDEN), (1, HIDDEN))
"""Outputs and inputs of the layers that draw a ghost; each has a bias a row besides.  Besides features they
are given where a pixel lies, and the products of its coordinates: with these one layer draws any ellipse."""

REACH = 64.0
"""Pixels of the picture that are one unit of distance to the layers that draw."""

HEADS = 4
"""Of the attention between the places at 1/16."""

RARE = 0.01
"""Probability that an untrained network gives to a middle anywhere."""


class GhostOutputs(NamedTuple):
    """What the network says of pictures ``(N, 1, H, W)``.

    Attributes
    ----------
    ghost
        Logit of any ghost ``(N, 1)``.
    classes
        Logits of the classes ``(N, C, H / 4, W / 4)``; they may overlap.
    middles
        Logits of a middle of a ghost ``(N, C, H / 8, W / 8)``.
    kernels
        Weights of the layers that draw the ghost at each place ``(N, K, H / 8, W / 8)``.
    features
        What they draw from ``(N, F, H / 4, W / 4)``.
    """

    ghost: Tensor
    classes: Tensor
    middles: Tensor
    kernels: Tensor
    features: Tensor


class GhostNet(nn.Module):
    """Ghosts in a picture of the focal plane.

    Parameters
    ----------
    classes
        Number of classes.
    widths, depths
        Channels, and convolutions of 3 x 3, at 1/2, 1/4, 1/8 and 1/16 of the resolution.

    Attributes
    ----------
    multiple
        Sides of the picture are multiples of this many pixels.

    Raises
    ------
    ValueError
        If the arguments do not go together.
    """

    def __init__(
        self, classes: int = 3, widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS
    ) -> None:
        super().__init__()
        if len(widths) != 4 or len(depths) != 4:
            raise ValueError(f"{len(widths)} widths and {len(depths)} depths: expected four of each")
        self.classes = classes
        self.multiple = 16
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
            attention.begin()  # type: ignore[operator]
        nn.init.constant_(self.middles.bias, torch.logit(torch.tensor(RARE)).item())  # type: ignore[arg-type]
        nn.init.constant_(self.pixels.bias, torch.logit(torch.tensor(5 * RARE)).item())  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> GhostOutputs:
        """Return the logits, and what draws the ghosts.

        Parameters
        ----------
        pixels
            ``(N, 1, H, W)`` float32, in units of the noise above the sky; sides are multiples of 16.
        """
        features = functional.pixel_unshuffle(asinh(pixels), 2)
        levels = []
        for stage in self.encoder:
            features = stage(features)
            levels.append(features)
        _, quarter, eighth, sixteenth = levels
        wide = self.context(sixteenth + self.where(_coordinates(sixteenth)).to(sixteenth.dtype))
        for attention in self.attention:
            wide = attention(wide)
        # what is said of the whole picture changes what is said of every place: ghosts come in chains
        mean = wide.float().mean((2, 3))
        wide = wide + self.whole(mean)[:, :, None, None].to(wide.dtype)
        ghost = self.ghost(torch.cat([mean, wide.float().amax((2, 3))], dim=1))
        eighth = self.at_eighth(torch.relu(eighth + _doubled(self.to_eighth(wide))))
        quarter = self.at_quarter(torch.relu(quarter + _doubled(self.to_quarter(eighth))))
        places = self.of_places(eighth)
        return GhostOutputs(
            ghost=ghost,
            classes=self.pixels(quarter),
            middles=self.middles(places),
            kernels=self.kernels(places),
            features=self.features(quarter),
        )

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return all that the runtime wants in one array ``(N, 1 + 2 C + K + F, H / 4, W / 4)``.

        In this order: the probability of any ghost, the same everywhere; of each class; of a middle of each
        class; kernels; features. What is known of places is repeated in the four cells of each.
        """
        seen = self(pixels)
        ghost = torch.sigmoid(seen.ghost)[:, :, None, None].expand_as(seen.classes[:, :1])
        places = _doubled(torch.cat([torch.sigmoid(seen.middles), seen.kernels], dim=1))
        return torch.cat([ghost, torch.sigmoid(seen.classes), places, seen.features], dim=1)

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of the middles of each class ``scale l + offset``; both ``(C,)``."""
        scale_outputs(self.middles, scale, offset)


class Attention(nn.Module):
    """Every place looks at every other: a ghost, its star and the other ghosts of it lie far apart.

    Parameters
    ----------
    width
        Channels.
    heads
        Ways to look.

    References
    ----------
    Vaswani et al. 2017, NeurIPS, eq. 1, normalised before each part (Xiong et al. 2020, ICML, figure 1b).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.looks = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.after = nn.LayerNorm(width)
        self.thinks = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def begin(self) -> None:
        """Draw last weights so small that it begins as if it were not there."""
        for layer in (self.joined, self.thinks[2]):
            nn.init.normal_(layer.weight, std=0.01)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        count, width, rows, columns = features.shape
        places = features.flatten(2).transpose(1, 2)
        parts = self.looks(self.before(places)).reshape(count, rows * columns, 3, self.heads, -1)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(queries @ keys.transpose(2, 3) * keys.shape[-1] ** -0.5, dim=-1)
        seen = (weights @ values).transpose(1, 2).reshape(count, rows * columns, width)
        places = places + self.joined(seen)
        changed: Tensor = places + self.thinks(self.after(places))
        return changed.transpose(1, 2).reshape(count, width, rows, columns)


def draw_masks(features: Tensor, kernels: Tensor, places: Tensor) -> Tensor:
    """Return the logits of the masks of ghosts in one picture.

    Parameters
    ----------
    features
        ``(F, H / 4, W / 4)``.
    kernels
        ``(G, K)``, of each ghost.
    places
        Row and column of each on the grid of 1/8 ``(G, 2)``.

    Returns
    -------
    Tensor
        ``(G, H / 4, W / 4)``.
    """
    height, width = features.shape[-2:]
    rows = 4 * torch.arange(height, device=features.device, dtype=features.dtype) + 1.5
    columns = 4 * torch.arange(width, device=features.device, dtype=features.dtype) + 1.5
    middles = 8 * places.to(features.dtype) + 3.5
    down = ((rows - middles[:, :1]) / REACH)[:, :, None].expand(-1, -1, width)
    right = ((columns - middles[:, 1:]) / REACH)[:, None, :].expand(-1, height, -1)
    seen_from = torch.stack([down, right, down * down / 4, down * right / 4, right * right / 4], dim=1)
    shared = features[None].expand(len(kernels), -1, -1, -1)
    values = torch.cat([shared, seen_from], dim=1).flatten(2)
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
    """Return where each place is in the picture, and the products of that ``(1, 5, H, W)``: from -1 to 1."""
    height, width = features.shape[-2:]
    y = torch.linspace(-1, 1, height, device=features.device)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=features.device)[None].expand(height, width)
    return torch.stack([y, x, y * y, x * y, x * x])[None]


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="nearest")
