"""Endless batches of training patches, cut by several processes that share the maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import torch

from skysieve.clusters.train.patches import LabelledPatch
from skysieve.core.training.shuffled_stream import ShuffledStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from torch import Tensor

    from skysieve.clusters.train.patches import ClusterPatches
    from skysieve.core.training.shuffled_stream import Order

__all__ = ["ClusterBatch", "PatchStream", "collate"]

BUFFER = 128
"""Number of patches from which a worker draws the next at random."""


class ClusterBatch(NamedTuple):
    """A batch of patches, all float32.

    Attributes
    ----------
    pixels
        Network input ``(N, B, H, W)``.
    targets
        Labels ``(N, C, H, W)``.
    valid
        ``(N, 1, H, W)``, 1 for pixels that count in loss and scores, 0 for others.
    """

    pixels: Tensor
    targets: Tensor
    valid: Tensor


class PatchStream(ShuffledStream[LabelledPatch, LabelledPatch]):
    """Endless patches with random flips, drawn anew each time a patch is used: the sky has no handedness.

    Parameters
    ----------
    source
        Source of the patches.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: ClusterPatches, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def collate(self, patches: Sequence[LabelledPatch]) -> ClusterBatch:
        """See :func:`collate`."""
        return collate(patches)

    def _room(self, _turn: int) -> int:
        return BUFFER

    def _make(self, number: int, _rng: Generator) -> list[LabelledPatch]:
        return [self.source.patch(number)]

    def _show(self, made: LabelledPatch, rng: Generator) -> LabelledPatch:
        return _mirrored(made, left_right=bool(rng.integers(2)), up_down=bool(rng.integers(2)))


def collate(patches: Sequence[LabelledPatch]) -> ClusterBatch:
    """Stack patches into a batch.

    Parameters
    ----------
    patches
        Patches of one shape.

    Returns
    -------
    ClusterBatch
        As tensors.
    """
    return ClusterBatch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*patches, strict=True)))


def _mirrored(shown: LabelledPatch, *, left_right: bool, up_down: bool) -> LabelledPatch:
    axes = tuple(axis for axis, mirror in ((1, up_down), (2, left_right)) if mirror)
    return LabelledPatch(*(np.ascontiguousarray(np.flip(values, axes)) for values in shown))
