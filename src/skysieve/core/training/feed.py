"""Processes that simulate while the network learns, and what becomes of their errors."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch.utils.data import DataLoader

from skysieve.core.errors import ConfigError, SkysieveError
from skysieve.core.training.processors import give_way, use_all_processors

if TYPE_CHECKING:
    from torch.utils.data import IterableDataset

    from skysieve.core.training.fit import Trainee

__all__ = ["Feed", "begin_worker", "in_one_line", "stream_batches"]


def stream_batches(stream: IterableDataset[Any], *, batch: int, workers: int) -> DataLoader[Any]:
    """Return the batches of an endless stream.

    Parameters
    ----------
    stream
        Tells by itself which part of it each worker yields.
    batch
        Items in a batch.
    workers
        Processes; with none, this one does the work.
    """
    return DataLoader(
        stream,
        batch_size=batch,
        num_workers=workers,
        worker_init_fn=begin_worker,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


class Feed(lightning.LightningDataModule):
    """Batches for Lightning, from where the training stands.

    Parameters
    ----------
    trainee
        What is trained.
    workers
        Processes that simulate, for all GPUs together.
    """

    def __init__(self, trainee: Trainee, workers: int) -> None:
        super().__init__()
        self.trainee, self.workers = trainee, workers

    def train_dataloader(self) -> DataLoader[Any]:
        """Return endless batches to learn from."""
        trainer = self.trainer
        if trainer is None:
            return self.trainee.training_batches(done=0, workers=self.workers, rank=0, ranks=1)
        ranks = trainer.world_size
        workers = max(1, self.workers // ranks) if self.workers else 0
        return self.trainee.training_batches(
            done=trainer.global_step, workers=workers, rank=trainer.global_rank, ranks=ranks
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the batches that are scored on the way."""
        return self.trainee.validation_batches()


def in_one_line(error: Exception) -> Exception:
    """Return an error of a process that simulates as one line; other errors as they are.

    torch puts the whole traceback of the process into the message.
    """
    text = str(error)
    if "DataLoader worker" not in text:
        return error
    if "exited unexpectedly" in text or "is killed by signal" in text:
        return ConfigError(
            "a process that simulates was killed, as happens where memory ends; give fewer --workers: "
            "the training goes on where it stopped"
        )
    last = text.strip().splitlines()[-1]
    kind, _, message = last.partition(": ")
    if isinstance(error, SkysieveError):
        return type(error)(message)
    return RuntimeError(f"in a process that simulates: {kind.rpartition('.')[2]}: {message}")


def begin_worker(_number: int) -> None:
    """Set up a process that simulates."""
    # Ctrl-C reaches all processes: the trainer ends the others when it has taken what it needs
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_all_processors()
    give_way()
    torch.set_num_threads(1)
