"""Training of Mask R-CNN for ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from skysieve.core.training.learner import Learner
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.networks.mask_rcnn import MaskRcnn
from skysieve.ghosts.predict.decide import CELL

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.ghosts.train.pictures import GhostBatch

__all__ = ["MaskRcnnLearner", "targets_of"]

MIN_BOX = 2
"""Minimum side of a box, in pixels; narrower ghosts have no box."""


class MaskRcnnLearner(Learner):
    """Learner of Mask R-CNN by the sum of its five losses.

    Parameters
    ----------
    recipe
        Recipe of the training.
    network
        Network to train; an untrained one if None.
    frozen_statistics
        Has no effect, because the network has no batch statistics; it exists for a common signature.
    """

    def __init__(
        self, recipe: TrainingRecipe, *, network: MaskRcnn | None = None, frozen_statistics: bool = False
    ) -> None:
        super().__init__(recipe, network or MaskRcnn(len(CLASS_NAMES)), frozen_statistics=frozen_statistics)

    def training_loss(self, batch: GhostBatch) -> Tensor:
        """Return the loss of a batch."""
        return torch.stack(list(self.network(batch.pixels, targets_of(batch)).values())).sum()

    def validate(self, batch: GhostBatch) -> None:
        """Record the losses of a batch."""
        # the network returns losses only in training mode; it has no batch statistics that this would change
        self.network.train()
        parts = self.network(batch.pixels, targets_of(batch))
        self.network.eval()
        self.record(**{name.replace("_", " "): part for name, part in parts.items()})
        self.record(**{"validation loss": sum(float(part) for part in parts.values())})


def targets_of(batch: GhostBatch) -> list[dict[str, Tensor]]:
    """Return the boxes, labels and masks of the ghosts of each picture in a batch.

    Masks have cells of 4 x 4 pixels; a cell belongs to a ghost that covers at least half of it.

    Parameters
    ----------
    batch
        The batch.

    Returns
    -------
    list of dict
        Targets of :meth:`skysieve.ghosts.networks.mask_rcnn.MaskRcnn.forward`.
    """
    inside = batch.masks >= 0.5
    masks = inside.repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)
    boxes = torch.stack([_box(mask) for mask in masks]) if len(masks) else masks.new_zeros((0, 4)).float()
    large_enough = (boxes[:, 2:] - boxes[:, :2] >= MIN_BOX).all(dim=1)
    targets = []
    for picture in range(len(batch.pixels)):
        own = large_enough & (batch.pictures == picture)
        targets.append(
            {"boxes": boxes[own], "labels": batch.labels[own] + 1, "masks": masks[own].to(torch.uint8)}
        )
    return targets


def _box(mask: Tensor) -> Tensor:
    """Return the left, upper, right and lower edge of a mask; zeros if it is empty."""
    rows, columns = (torch.nonzero(mask.any(dim=axis)).flatten() for axis in (1, 0))
    if not len(rows):
        return torch.zeros(4, device=mask.device)
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
