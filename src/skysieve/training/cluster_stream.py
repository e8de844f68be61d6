"""Endless batches of patches to learn clusters from, cut by several processes that share the maps."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from skysieve.training.cluster_patches import ShownPatch
from skysieve.training.feed import begin_worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from skysieve.training.cluster_patches import ClusterPatches

__all__ = ["ClusterBatch", "PatchStream", "patch_batches"]

BUFFER = 128
"""Patches among which a worker draws the next."""


class ClusterBatch(NamedTuple):
    """Patches ``(N, B, H, W)``, targets ``(N, C, H, W)`` and what counts ``(N, 1, H, W)``, all float32."""

    pixels: Tensor
    targets: Tensor
    counted: Tensor


class PatchStream(IterableDataset[ShownPatch]):
    """Endless patches, mirrored anew each time that they are shown: the sky has no handedness.

    Parameters
    ----------
    source
        Where patches come from.
    reuse
        How often a patch is shown.
    seed
        Of the order and the mirrors.
    first
        Number of the first patch, to go on where a training stopped.
    rank, ranks
        Which of several trainers the patches are for.
    """

    def __init__(
        self, source: ClusterPatches, *, reuse: int, seed: int, first: int = 0, rank: int = 0, ranks: int = 1
    ) -> None:
        self.source, self.reuse, self.seed, self.first = source, reuse, seed, first
        self.rank, self.ranks = rank, ranks

    def __iter__(self) -> Iterator[ShownPatch]:
        """Yield patches for ever."""
        torch.set_num_threads(1)
        worker = get_worker_info()
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        index, workers = index + self.rank * workers, workers * self.ranks
        rng = np.random.default_rng([self.seed, index, self.first])
        number = self.first + index
        buffer: list[tuple[ShownPatch, int]] = []
        while True:
            while len(buffer) < BUFFER:
                buffer.append((self.source.patch(number), self.reuse))
                number += workers
            place = int(rng.integers(len(buffer)))
            shown, left = buffer[place]
            if left > 1:
                buffer[place] = (shown, left - 1)
            else:
                buffer[place] = buffer[-1]
                buffer.pop()
            yield _mirrored(shown, left_right=bool(rng.integers(2)), up_down=bool(rng.integers(2)))


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
