"""U-Net++: nested skip connections; further nodes lie between encoder and decoder.

The node at level i and column j takes the outputs of all nodes before it at its level, and the upsampled
output of node j - 1 of the level below.  Built as published, from the stages of the U-Net here (with batch
normalisation, which neither the paper nor the Keras variant mentions) and its transposed convolutions, as in
the authors' code; the Keras variant interpolates.  The paper's levels have 32 to 512 channels; the defaults
here are those of the Keras variant and of U-Net, 64 to 1024.

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
    max_pooled,
    up_convolution,
)
from skysieve.core.networks.blocks import scale_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNetPlusPlus"]

WIDTHS = (64, 128, 256, 512, 1024)
"""Default channels at 1, 1/2, 1/4, … of the resolution."""


class UNetPlusPlus(Segmenter):
    """U-Net++.

    Parameters
    ----------
    bands, classes, widths, prior
        See :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
    deep_supervision
        Whether each node at full resolution predicts.  The logits are then the mean of these predictions, as
        in the paper's accurate mode, and :meth:`all_logits` also returns each of them.  Otherwise only the
        last node predicts.

    Raises
    ------
    ValueError
        If an argument is out of range; see :class:`skysieve.clusters.networks.segmentation_blocks.Segmenter`.
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
        # by column, then by level: each column has one level less
        self.up = nn.ModuleList(
            nn.ModuleList(
                up_convolution(coarse, fine) for fine, coarse in pairwise(widths[: levels + 1 - column])
            )
            for column in range(1, levels)
        )
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                double_convolution((column + 1) * width, width) for width in widths[: levels - column]
            )
            for column in range(1, levels)
        )
        heads = [nn.Conv2d(widths[0], classes, 1) for _ in range(levels - 1 if deep_supervision else 1)]
        self.heads = nn.ModuleList(heads)
        self._initialise_weights(heads)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of each class.

        Parameters
        ----------
        pixels
            Preprocessed maps ``(N, B, H, W)`` float32; H and W are multiples of :attr:`multiple`.

        Returns
        -------
        Tensor
            ``(N, C, H, W)`` float32.
        """
        return (
            torch.stack(self._predictions(pixels)).mean(0)
            if len(self.heads) > 1
            else self._last_logits(pixels)
        )

    def all_logits(self, pixels: Tensor) -> list[Tensor]:
        """Return the logits and, with deep supervision, those of each node, from the shallowest on.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        list of Tensor
            Each ``(N, C, H, W)``; the first is the result of :meth:`forward`.
        """
        if len(self.heads) == 1:
            return [self._last_logits(pixels)]
        predictions = self._predictions(pixels)
        return [torch.stack(predictions).mean(0), *predictions]

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """See :meth:`Segmenter.fold_calibration`."""
        for head in self.heads:
            scale_outputs(head, scale, offset)  # type: ignore[arg-type]

    def _predictions(self, pixels: Tensor) -> list[Tensor]:
        nodes = self._top_nodes(pixels)
        return [head(node) for head, node in zip(self.heads, nodes, strict=True)]

    def _last_logits(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.heads[-1](self._top_nodes(pixels)[-1])
        return logits

    def _top_nodes(self, pixels: Tensor) -> list[Tensor]:
        """Return the features of the nodes at full resolution, without the encoder's node."""
        features, found = pixels, []
        for level, stage in enumerate(self.encoder):
            features = stage(max_pooled(features) if level else features)
            found.append([features])
        for column, (steps, nodes) in enumerate(zip(self.up, self.nodes, strict=True)):
            for level, (up, node) in enumerate(zip(steps, nodes, strict=True)):  # type: ignore[call-overload]
                below = up(found[level + 1][column])
                found[level].append(node(torch.cat([*found[level], below], dim=1)))
        return found[0][1:]
