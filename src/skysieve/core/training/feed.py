"""Batches made by worker processes during training, and the errors of these processes."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from skysieve.core.errors import ConfigError, SkysieveError
from skysieve.core.training.processors import lower_priority, use_all_processors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.utils.data import IterableDataset

__all__ = ["init_worker", "list_batches", "shorten_worker_error", "stream_batches"]


def stream_batches(stream: IterableDataset[Any], *, batch: int, workers: int) -> DataLoader[Any]:
    """Return the batches of an endless stream.

    Parameters
    ----------
    stream
        Dataset that itself decides which items each worker yields. If it has a method `collate`, that makes
        the batches.
    batch
        Number of items in a batch.
    workers
        Number of worker processes; 0 to load in this process.

    Returns
    -------
    DataLoader
        Endless; the workers stay alive between iterations.
    """
    return DataLoader(
        stream,
        batch_size=batch,
        num_workers=workers,
        collate_fn=getattr(stream, "collate", None),
        worker_init_fn=init_worker,
        # forked workers share frames and maps in memory; elsewhere a fork is not safe
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def list_batches(
    items: Sequence[Any], *, batch: int, collate: Callable[[Sequence[Any]], Any] | None = None
) -> DataLoader[Any]:
    """Return the batches of a list, in its order.

    Parameters
    ----------
    items
        Examples.
    batch
        Number of items in a batch.
    collate
        Makes a batch of a list of examples; by default torch's stacking of tensors.

    Returns
    -------
    DataLoader
        The same batches each time.
    """
    return DataLoader(items, batch_size=batch, collate_fn=collate, pin_memory=torch.cuda.is_available())  # type: ignore[arg-type]  # a list works too


def shorten_worker_error(error: Exception) -> Exception:
    """Shorten an error of a worker process to one line.

    torch puts the whole traceback of the process into the message.

    Parameters
    ----------
    error
        Error that the training raised.

    Returns
    -------
    Exception
        New error with the last line of the traceback; the same error if it is not of a worker process.
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


def init_worker(_number: int) -> None:
    """Set up a worker process: ignore Ctrl-C, use all processors with low priority, one thread.

    Parameters
    ----------
    _number
        Index of the worker, which torch passes.
    """
    # Ctrl-C reaches all processes; the trainer ends the workers when it has the batches it needs
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_all_processors()
    lower_priority()
    torch.set_num_threads(1)
