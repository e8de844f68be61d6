"""The network for ghosts as it learns: four losses, and how it is scored on the way."""

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
from skysieve.ghosts.train.pictures import places_of

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.ghosts.networks.ghost_net import GhostOutputs
    from skysieve.ghosts.train.pictures import GhostBatch

__all__ = ["GhostLearning", "ghost_net", "middle_maps"]

WEIGHTS = {"ghost": 0.5, "classes": 1.0, "middles": 1.0, "masks": 2.0}
"""Of the losses; each is of the order of one at first."""

RARITY = (12.0, 12.0, 3.0)
"""Weight of the pixels of Rays, Bright and Faint: the root of how much rarer than others they are."""

DRAWN = 3
"""Places from which each ghost is drawn: its middle and neighbours, since a peak may be a place aside."""

NARROWEST, WIDEST = 0.7, 2.5
"""Sigma of a peak, in places."""

RADII = 24.0
"""Pixels of a ghost's radius for each place of sigma."""


def ghost_net(recipe: TrainingRecipe) -> GhostNet:
    """Return an untrained network of the recipe's size.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    try:
        return GhostNet(len(CLASS_NAMES), recipe.network.widths or WIDTHS, recipe.network.depths or DEPTHS)
    except ValueError as error:
        raise ConfigError(f"recipe {recipe.name}: network: {error}") from error


class GhostLearning(Learner):
    """A network that learns ghosts.

    Parameters
    ----------
    recipe
        How.
    network
        What learns; by default an untrained one of the recipe's size.
    frozen_statistics
        Whether batch normalisation keeps its statistics.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: GhostNet | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or ghost_net(recipe), frozen_statistics=frozen_statistics)
        self.pixels = EntropyDiceLoss(RARITY)
        self._parts: list[dict[str, float]] = []

    def training_step(self, batch: GhostBatch, _index: int) -> Tensor:
        """Return the loss of a batch."""
        seen = self.network(batch.pixels.to(memory_format=self.memory_format))
        parts = self._losses(seen, batch)
        return torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()

    def validation_step(self, batch: GhostBatch, _index: int) -> None:
        """Keep the losses of a batch."""
        parts = self._losses(self.network(batch.pixels), batch)
        self._parts.append({name: float(part) for name, part in parts.items()})

    def on_validation_epoch_end(self) -> None:
        """Log the mean losses."""
        means = {name: float(np.mean([parts[name] for parts in self._parts])) for name in WEIGHTS}
        total = sum(WEIGHTS[name] * mean for name, mean in means.items())
        self.log_dict({f"loss of {name}": mean for name, mean in means.items()}, sync_dist=True)
        self.log("validation loss", total, sync_dist=True)
        self._parts = []

    def _losses(self, seen: GhostOutputs, batch: GhostBatch) -> dict[str, Tensor]:
        count = len(batch.pixels)
        has_ghost = torch.zeros(count, 1, device=batch.pixels.device)
        has_ghost[batch.pictures] = 1
        classes = torch.zeros_like(seen.classes, dtype=torch.float32, memory_format=torch.contiguous_format)
        for picture, kind, mask in zip(batch.pictures, batch.kinds, batch.masks, strict=True):
            classes[picture, kind] = torch.maximum(classes[picture, kind], mask)
        middles = seen.middles.float()
        return {
            "ghost": functional.binary_cross_entropy_with_logits(seen.ghost.float(), has_ghost),
            "classes": self.pixels(seen.classes.float().contiguous(), classes),
            "middles": _peak_loss(middles, middle_maps(batch, (middles.shape[-2], middles.shape[-1]))),
            "masks": self._mask_loss(seen, batch),
        }

    def _mask_loss(self, seen: GhostOutputs, batch: GhostBatch) -> Tensor:
        """Return one minus the Dice coefficient of every ghost, drawn from its middle and from near it."""
        height, width = seen.kernels.shape[-2:]
        losses = []
        for picture in sorted(set(batch.pictures.tolist())):
            its = batch.pictures == picture
            truth = batch.masks[its].repeat_interleave(DRAWN, 0)
            places = places_of(batch.middles[its], (height, width)).repeat_interleave(DRAWN, 0)
            if self.training:
                aside = torch.randint(-1, 2, places.shape, device=places.device)
                aside[::DRAWN] = 0
                limit = torch.tensor([height, width], device=places.device) - 1
                places = torch.minimum((places + aside).clamp_min(0), limit)
            kernels = seen.kernels[picture, :, places[:, 0], places[:, 1]].T.float()
            with torch.autocast(kernels.device.type, enabled=False):
                drawn = torch.sigmoid(draw_masks(seen.features[picture].float(), kernels, places))
            both = (drawn * truth).sum((1, 2))
            whole = drawn.square().sum((1, 2)) + truth.square().sum((1, 2))
            losses.append(1 - (2 * both + 1) / (whole + 1))
        return torch.cat(losses).mean() if losses else seen.kernels.sum() * 0


def middle_maps(batch: GhostBatch, shape: tuple[int, int]) -> Tensor:
    """Return where the middles are: peaks of one ``(N, C, H, W)``, the wider the larger the ghost.

    References
    ----------
    Zhou, Wang & Krähenbühl 2019, arXiv 1904.07850, section 3.
    """
    height, width = shape
    maps = torch.zeros(len(batch.pixels), len(CLASS_NAMES), height, width, device=batch.pixels.device)
    rows = torch.arange(height, device=maps.device)[:, None]
    columns = torch.arange(width, device=maps.device)[None]
    places = places_of(batch.middles, shape)
    areas = CELL**2 * batch.masks.sum((1, 2))
    sigmas = ((areas / np.pi).sqrt() / RADII).clamp(NARROWEST, WIDEST)
    for picture, kind, (row, column), sigma in zip(batch.pictures, batch.kinds, places, sigmas, strict=True):
        peak = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
        maps[picture, kind] = torch.maximum(maps[picture, kind], peak)
    return maps


def _peak_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the focal loss of peaks, by the number of ghosts.

    References
    ----------
    Law & Deng 2018, ECCV, 765, eq. 1.
    """
    p = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    peaks = (truth == 1).float()
    at_peaks = peaks * (1 - p).square() * torch.log(p)
    elsewhere = (1 - peaks) * (1 - truth).pow(4) * p.square() * torch.log(1 - p)
    return -(at_peaks + elsewhere).sum() / peaks.sum().clamp_min(1)
