"""Training of GhostNet: its four losses and its validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skysieve.core.errors import ConfigError
from skysieve.core.training.fused_loss import EntropyDiceLoss
from skysieve.core.training.learner import Learner
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.networks.ghost_net import DEPTHS, WIDTHS, GhostNet, draw_masks
from skysieve.ghosts.predict.decide import CELL
from skysieve.ghosts.train.pictures import grid_positions

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.ghosts.networks.ghost_net import GhostOutputs
    from skysieve.ghosts.train.pictures import GhostBatch

__all__ = ["GhostLearner", "centre_maps", "ghost_net"]

LOSS_WEIGHTS = {"ghost": 0.5, "classes": 1.0, "middles": 1.0, "masks": 2.0}
"""Weights of the losses; each loss is initially of order one."""

CLASS_WEIGHTS = (12.0, 12.0, 3.0)
"""Weights of the pixels of Rays, Bright and Faint: the square root of their inverse relative frequency."""

POSITIONS_PER_GHOST = 3
"""Positions from which each ghost is segmented: its centre and neighbours, since a peak may be off by one."""

MIN_SIGMA, MAX_SIGMA = 0.7, 2.5
"""Limits of the sigma of a peak, in grid positions."""

RADIUS_PER_SIGMA = 24.0
"""Radius of a ghost per unit of sigma, in pixels."""


def ghost_net(recipe: TrainingRecipe) -> GhostNet:
    """Build an untrained network of the recipe's size.

    Parameters
    ----------
    recipe
        Recipe of the training.

    Returns
    -------
    GhostNet
        The network.

    Raises
    ------
    ConfigError
        If the recipe's widths or depths are invalid.
    """
    try:
        return GhostNet(len(CLASS_NAMES), recipe.network.widths or WIDTHS, recipe.network.depths or DEPTHS)
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error


class GhostLearner(Learner):
    """Learner of GhostNet.

    Parameters
    ----------
    recipe
        Recipe of the training.
    network
        Network to train; an untrained one of the recipe's size if None.
    frozen_statistics
        Whether batch normalisation keeps its statistics.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: GhostNet | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or ghost_net(recipe), frozen_statistics=frozen_statistics)
        self.pixels = EntropyDiceLoss(CLASS_WEIGHTS)

    def training_loss(self, batch: GhostBatch) -> Tensor:
        """Return the loss of a batch."""
        outputs = self.network(batch.pixels.to(memory_format=self.memory_format))
        parts = self._losses(outputs, batch)
        return torch.stack([LOSS_WEIGHTS[name] * part for name, part in parts.items()]).sum()

    def validate(self, batch: GhostBatch) -> None:
        """Record the losses of a batch."""
        parts = {name: float(part) for name, part in self._losses(self.network(batch.pixels), batch).items()}
        total = sum(LOSS_WEIGHTS[name] * part for name, part in parts.items())
        self.record(**{f"loss of {name}": part for name, part in parts.items()}, **{"validation loss": total})

    def _losses(self, outputs: GhostOutputs, batch: GhostBatch) -> dict[str, Tensor]:
        count = len(batch.pixels)
        has_ghost = torch.zeros(count, 1, device=batch.pixels.device)
        has_ghost[batch.pictures] = 1
        classes = torch.zeros_like(
            outputs.classes, dtype=torch.float32, memory_format=torch.contiguous_format
        )
        for picture, kind, mask in zip(batch.pictures, batch.labels, batch.masks, strict=True):
            classes[picture, kind] = torch.maximum(classes[picture, kind], mask)
        centres = outputs.centres.float()
        return {
            "ghost": functional.binary_cross_entropy_with_logits(outputs.ghost.float(), has_ghost),
            "classes": self.pixels(outputs.classes.float().contiguous(), classes),
            "middles": _peak_loss(centres, centre_maps(batch, (centres.shape[-2], centres.shape[-1]))),
            "masks": self._mask_loss(outputs, batch),
        }

    def _mask_loss(self, outputs: GhostOutputs, batch: GhostBatch) -> Tensor:
        """Return one minus the mean Dice coefficient of the ghosts, segmented from and near their centres."""
        height, width = outputs.kernels.shape[-2:]
        losses = []
        for picture in sorted(set(batch.pictures.tolist())):
            own = batch.pictures == picture
            truth = batch.masks[own].repeat_interleave(POSITIONS_PER_GHOST, 0)
            positions = grid_positions(batch.centres[own], (height, width)).repeat_interleave(
                POSITIONS_PER_GHOST, 0
            )
            if self.training:
                offset = torch.randint(-1, 2, positions.shape, device=positions.device)
                offset[::POSITIONS_PER_GHOST] = 0
                limit = torch.tensor([height, width], device=positions.device) - 1
                positions = torch.minimum((positions + offset).clamp_min(0), limit)
            kernels = outputs.kernels[picture, :, positions[:, 0], positions[:, 1]].T.float()
            with torch.autocast(kernels.device.type, enabled=False):
                predicted = torch.sigmoid(draw_masks(outputs.features[picture].float(), kernels, positions))
            intersection = (predicted * truth).sum((1, 2))
            total = predicted.square().sum((1, 2)) + truth.square().sum((1, 2))
            losses.append(1 - (2 * intersection + 1) / (total + 1))
        return torch.cat(losses).mean() if losses else outputs.kernels.sum() * 0


def centre_maps(batch: GhostBatch, shape: tuple[int, int]) -> Tensor:
    """Make the target maps of the centres: Gaussian peaks of height 1 that are wider for larger ghosts.

    Parameters
    ----------
    batch
        The ghosts.
    shape
        Rows and columns of the maps.

    Returns
    -------
    Tensor
        ``(N, C, H, W)``.

    References
    ----------
    Zhou, Wang & Krähenbühl 2019, arXiv 1904.07850, section 3.
    """
    height, width = shape
    maps = torch.zeros(len(batch.pixels), len(CLASS_NAMES), height, width, device=batch.pixels.device)
    rows = torch.arange(height, device=maps.device)[:, None]
    columns = torch.arange(width, device=maps.device)[None]
    positions = grid_positions(batch.centres, shape)
    areas = CELL**2 * batch.masks.sum((1, 2))
    sigmas = ((areas / np.pi).sqrt() / RADIUS_PER_SIGMA).clamp(MIN_SIGMA, MAX_SIGMA)
    for picture, kind, (row, column), sigma in zip(
        batch.pictures, batch.labels, positions, sigmas, strict=True
    ):
        peak = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
        maps[picture, kind] = torch.maximum(maps[picture, kind], peak)
    return maps


def _peak_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the focal loss of peaks, divided by the number of ghosts.

    References
    ----------
    Law & Deng 2018, ECCV, 765, eq. 1.
    """
    p = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    peaks = (truth == 1).float()
    at_peaks = peaks * (1 - p).square() * torch.log(p)
    elsewhere = (1 - peaks) * (1 - truth).pow(4) * p.square() * torch.log(1 - p)
    return -(at_peaks + elsewhere).sum() / peaks.sum().clamp_min(1)
