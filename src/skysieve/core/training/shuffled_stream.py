"""Endless stream of training examples in random order, made by several processes and reused a few times."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, NotRequired, TypedDict, TypeVar, Unpack

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator

__all__ = ["Order", "ShuffledStream"]

Made = TypeVar("Made")
Shown = TypeVar("Shown")


class Order(TypedDict):
    """Order of the examples, and the trainer that they are for.

    Attributes
    ----------
    reuse
        Number of times that an example is yielded.
    seed
        Seed of the order and of the augmentation.
    first
        Number of the first example to make, to resume a training; 0 by default.
    rank, ranks
        Index of the trainer among several, and their number; 0 of 1 by default.
    """

    reuse: int
    seed: int
    first: NotRequired[int]
    rank: NotRequired[int]
    ranks: NotRequired[int]


class ShuffledStream(IterableDataset[Shown], Generic[Made, Shown]):
    """Endless stream of examples.

    Each process makes the examples of its own numbers, keeps a buffer of them, and yields random ones, each
    time with a new rotation or reflection.

    Parameters
    ----------
    **order
        See :class:`Order`.
    """

    def __init__(self, **order: Unpack[Order]) -> None:
        self.reuse, self.seed, self.first = order["reuse"], order["seed"], order.get("first", 0)
        self.rank, self.ranks = order.get("rank", 0), order.get("ranks", 1)

    def __iter__(self) -> Iterator[Shown]:
        """Yield examples without end."""
        torch.set_num_threads(1)
        worker = get_worker_info()
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        index, workers = index + self.rank * workers, workers * self.ranks
        rng = np.random.default_rng([self.seed, index, self.first])
        number = self.first + index
        held: list[tuple[Made, int]] = []
        while True:
            while len(held) < self._room(number // workers):
                held.extend((made, self.reuse) for made in self._make(number, rng))
                number += workers
            chosen = int(rng.integers(len(held)))
            made, left = held[chosen]
            if left > 1:
                held[chosen] = (made, left - 1)
            else:
                held[chosen] = held[-1]
                held.pop()
            yield self._show(made, rng)

    @abstractmethod
    def _room(self, turn: int) -> int:
        """Return the size of the buffer after a process has made the examples of `turn` numbers."""

    @abstractmethod
    def _make(self, number: int, rng: Generator) -> Sequence[Made]:
        """Return the examples of a number; there may be none."""

    @abstractmethod
    def _show(self, made: Made, rng: Generator) -> Shown:
        """Return an example with a random augmentation."""
