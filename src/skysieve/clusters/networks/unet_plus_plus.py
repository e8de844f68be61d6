"""U-Net++: between encoder and decoder lie further nodes, so that what is joined is alike.

A node at level i and place j takes what all nodes before it at its level found, and what node j - 1 of the
level below found, brought up.  Built as published, from the stages of the U-Net here (with batch
normalisation, which neither the paper nor the keras variant names) and its transposed convolutions, as in
the authors' code; the keras variant interpolates.  The paper's levels have 32 to 512 channels; the ones here
are by default those of the keras variant and of U-Net, 64 to 1024.

References
----------
Zhou, Rahman Siddiquee, Tajbakhsh & Liang 2018, DLMIA, 3, eq. 1 and figure 1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from skysieve.clusters.networks.segmentation_blocks import (
    PRIOR,
    Segmenter,
    double_convolution,
    halved,
    up_convolution,
)
from skysieve.core.networks.blocks import scale_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNetPlusPlus"]

WIDTHS = (64, 128, 256, 512, 1024)


class UNetPlusPlus(Segmenter):
    """U-Net++.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    deep_supervision
        Whether each node at full resolution predicts.  The logits are then the mean of theirs, as in the
        paper's accurate mode, and :meth:`all_logits` gives them one by one, too.  Only the last predicts
        otherwise.

    Raises
    ------
    ValueError
        If the arguments do not go together.
    """

    def __init__(
        self,
        bands: int,
        classes: int = 1,
        widths: Sequence[int] = WIDTHS,
        *,
        prior: float = PRIOR,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(bands, classes, widths, prior)
        levels = len(widths)
        self.encoder = nn.ModuleList(
            double_convolution(before, width) for before, width in pairwise((bands, *widths))
        )
        # by place, then by level: the further right, the fewer levels there are
        self.up = nn.ModuleList(
            nn.ModuleList(
                up_convolution(coarse, fine) for fine, coarse in pairwise(widths[: levels + 1 - place])
            )
            for place in range(1, levels)
        )
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                double_convolution((place + 1) * width, width) for width in widths[: levels - place]
            )
            for place in range(1, levels)
        )
        heads = [nn.Conv2d(widths[0], classes, 1) for _ in range(levels - 1 if deep_supervision else 1)]
        self.heads = nn.ModuleList(heads)
        self._begin(heads)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C, H, W)``.

        Parameters
        ----------
        pixels
            ``(N, B, H, W)`` float32, preprocessed; H and W are multiples of :attr:`multiple`.
        """
        return torch.stack(self._predictions(pixels)).mean(0) if len(self.heads) > 1 else self._last(pixels)

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the logits, and those of each node where it predicts, from the shallowest on."""
        if len(self.heads) == 1:
            return [self._last(pixels)]
        predictions = self._predictions(pixels)
        return [torch.stack(predictions).mean(0), *predictions]

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of each class ``scale l + offset``; both ``(C,)``."""
        for head in self.heads:
            scale_outputs(head, scale, offset)  # type: ignore[arg-type]

    def _predictions(self, pixels: Tensor) -> list[Tensor]:
        nodes = self._top_nodes(pixels)
        return [head(node) for head, node in zip(self.heads, nodes, strict=True)]

    def _last(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.heads[-1](self._top_nodes(pixels)[-1])
        return logits

    def _top_nodes(self, pixels: Tensor) -> list[Tensor]:
        """Return what the nodes at full resolution found, but for the first, which is the encoder's."""
        features, found = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(halved(features) if level else features)
            found.append([features])
        for place, (steps, nodes) in enumerate(zip(self.up, self.nodes, strict=True)):
            for level, (up, node) in enumerate(zip(steps, nodes, strict=True)):  # type: ignore[call-overload]
                below = up(found[level + 1][place])
                found[level].append(node(torch.cat([*found[level], below], dim=1)))
        return found[0][1:]
