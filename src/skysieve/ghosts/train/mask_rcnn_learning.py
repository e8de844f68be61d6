"""Mask R-CNN as it learns ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from skysieve.core.training.learner import Learner
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.networks.mask_rcnn import MaskRcnn
from skysieve.ghosts.predict.decide import CELL

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.ghosts.train.pictures import GhostBatch

__all__ = ["MaskRcnnLearning", "targets_of"]

NARROWEST = 2
"""Pixels on a side of a box at least: what is narrower has no box."""


class MaskRcnnLearning(Learner):
    """Mask R-CNN that learns ghosts, by the sum of its five losses.

    Parameters
    ----------
    recipe
        How.
    network
        What learns; an untrained one, if None.
    frozen_statistics
        It has none: taken for the sake of the others.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: MaskRcnn | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or MaskRcnn(len(CLASS_NAMES)), frozen_statistics=frozen_statistics)
        self._parts: list[dict[str, float]] = []

    def training_step(self, batch: GhostBatch, _index: int) -> Tensor:
        """Return the loss of a batch."""
        return torch.stack(list(self.network(batch.pixels, targets_of(batch)).values())).sum()

    def validation_step(self, batch: GhostBatch, _index: int) -> None:
        """Keep the losses of a batch."""
        # it says its losses only while it learns; it has no statistics that this could change
        self.network.train()
        parts = self.network(batch.pixels, targets_of(batch))
        self.network.eval()
        self._parts.append({name: float(part) for name, part in parts.items()})

    def on_validation_epoch_end(self) -> None:
        """Log the mean losses."""
        means = {name: float(np.mean([parts[name] for parts in self._parts])) for name in self._parts[0]}
        self.log_dict({name.replace("_", " "): mean for name, mean in means.items()}, sync_dist=True)
        self.log("validation loss", sum(means.values()), sync_dist=True)
        self._parts = []


def targets_of(batch: GhostBatch) -> list[dict[str, Tensor]]:
    """Return of each picture of a batch the boxes, labels and masks of its ghosts.

    Masks are known in cells of 4 x 4 pixels; a cell belongs to a ghost that covers half of it.
    """
    inside = batch.masks >= 0.5
    masks = inside.repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)
    boxes = torch.stack([_box(mask) for mask in masks]) if len(masks) else masks.new_zeros((0, 4)).float()
    wide = (boxes[:, 2:] - boxes[:, :2] >= NARROWEST).all(dim=1)
    targets = []
    for picture in range(len(batch.pixels)):
        its = wide & (batch.pictures == picture)
        targets.append(
            {"boxes": boxes[its], "labels": batch.kinds[its] + 1, "masks": masks[its].to(torch.uint8)}
        )
    return targets


def _box(mask: Tensor) -> Tensor:
    """Return left, upper, right and lower side of the pixels of a mask; zeros if it has none."""
    rows, columns = (torch.nonzero(mask.any(dim=axis)).flatten() for axis in (1, 0))
    if not len(rows):
        return torch.zeros(4, device=mask.device)
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
