"""Endless batches of patches to learn clusters from, cut by several processes that share the maps."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np
import torch
from torch.utils.data import DataLoader

from skysieve.clusters.train.patches import ShownPatch
from skysieve.core.training.feed import begin_worker
from skysieve.core.training.shuffled_stream import ShuffledStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from torch import Tensor

    from skysieve.clusters.train.patches import ClusterPatches
    from skysieve.core.training.shuffled_stream import Order

__all__ = ["ClusterBatch", "PatchStream", "patch_batches"]

BUFFER = 128
"""Patches among which a worker draws the next."""


class ClusterBatch(NamedTuple):
    """Patches ``(N, B, H, W)``, targets ``(N, C, H, W)`` and what counts ``(N, 1, H, W)``, all float32."""

    pixels: Tensor
    targets: Tensor
    counted: Tensor


class PatchStream(ShuffledStream[ShownPatch, ShownPatch]):
    """Endless patches, mirrored anew each time that they are shown: the sky has no handedness.

    Parameters
    ----------
    source
        Where patches come from.
    **order
        See :class:`skysieve.core.training.shuffled_stream.Order`.
    """

    def __init__(self, source: ClusterPatches, **order: Unpack[Order]) -> None:
        super().__init__(**order)
        self.source = source

    def _room(self, _turn: int) -> int:
        return BUFFER

    def _make(self, number: int, _rng: Generator) -> list[ShownPatch]:
        return [self.source.patch(number)]

    def _show(self, made: ShownPatch, rng: Generator) -> ShownPatch:
        return _mirrored(made, left_right=bool(rng.integers(2)), up_down=bool(rng.integers(2)))


def patch_batches(
    stream: PatchStream | Sequence[ShownPatch], *, batch: int, workers: int = 0
) -> DataLoader[ShownPatch]:
    """Return the batches of a stream, or of a list.

    Processes that cut are forked, where the system can: they see the maps of this one, and copy none.
    """
    forks = workers and "fork" in multiprocessing.get_all_start_methods()
    return DataLoader(
        stream,  # type: ignore[arg-type]  # a sequence will do
        batch_size=batch,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=begin_worker,
        multiprocessing_context="fork" if forks else None,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def collate(patches: Sequence[ShownPatch]) -> ClusterBatch:
    """Return patches as a batch."""
    return ClusterBatch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*patches, strict=True)))


def _mirrored(shown: ShownPatch, *, left_right: bool, up_down: bool) -> ShownPatch:
    axes = tuple(axis for axis, mirror in ((1, up_down), (2, left_right)) if mirror)
    return ShownPatch(*(np.ascontiguousarray(np.flip(values, axes)) for values in shown))
