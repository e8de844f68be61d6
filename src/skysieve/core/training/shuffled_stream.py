"""Endless examples to learn from, made by several processes, in random order, each shown a few times."""

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
    """In which order examples are shown, and to whom.

    Attributes
    ----------
    reuse
        How often an example is shown.
    seed
        Of the order and the turns.
    first
        Number that is made first, to go on where a training stopped; 0 by default.
    rank, ranks
        Which of several trainers the examples are for; 0 of 1 by default.
    """

    reuse: int
    seed: int
    first: NotRequired[int]
    rank: NotRequired[int]
    ranks: NotRequired[int]


class ShuffledStream(IterableDataset[Shown], Generic[Made, Shown]):
    """Endless examples.

    Each process makes what its numbers stand for, holds a few of them, and shows one of these after another,
    turned or mirrored anew each time.

    Parameters
    ----------
    **order
        See :class:`Order`.
    """

    def __init__(self, **order: Unpack[Order]) -> None:
        self.reuse, self.seed, self.first = order["reuse"], order["seed"], order.get("first", 0)
        self.rank, self.ranks = order.get("rank", 0), order.get("ranks", 1)

    def __iter__(self) -> Iterator[Shown]:
        """Yield examples for ever."""
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
            place = int(rng.integers(len(held)))
            made, left = held[place]
            if left > 1:
                held[place] = (made, left - 1)
            else:
                held[place] = held[-1]
                held.pop()
            yield self._show(made, rng)

    @abstractmethod
    def _room(self, turn: int) -> int:
        """Return among how many examples the next is drawn, when a process has had so many numbers."""

    @abstractmethod
    def _make(self, number: int, rng: Generator) -> Sequence[Made]:
        """Return the examples that a number stands for; there may be none."""

    @abstractmethod
    def _show(self, made: Made, rng: Generator) -> Shown:
        """Return an example as it is shown this time."""
