"""Devices of a training: the processor, one GPU, or several GPUs with one process each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEVICES", "Trainer", "check_device", "process_rank", "start_trainers"]

DEVICES = ("auto", "cpu", "cuda")

RANK, RANKS = "RANK", "WORLD_SIZE"
"""Environment variables of a process among several, as torch's own launcher sets them."""

PATIENCE = 60.0
"""Seconds that the other processes have to end after the first one."""


@dataclass(frozen=True)
class Trainer:
    """A process that trains.

    Attributes
    ----------
    device
        Device of the process.
    rank, ranks
        Index of the process among several, and their number.
    """

    device: torch.device
    rank: int = 0
    ranks: int = 1

    @property
    def name(self) -> str:
        """Number and name of the GPUs, or ``cpu``."""
        if self.device.type != "cuda":
            return "cpu"
        return f"{self.ranks} × {torch.cuda.get_device_name(self.device)}"

    def uses_bf16(self, precision: str) -> bool:
        """Return whether to compute in bfloat16.

        Parameters
        ----------
        precision
            Precision that the recipe asks for.

        Returns
        -------
        bool
            True if it asks for ``bf16`` and the device supports it.
        """
        if self.device.type == "cuda":
            supported = torch.cuda.is_bf16_supported()
        else:
            supported = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 (torch has no public function)
        return precision == "bf16" and supported

    def any_of(self, *flags: bool) -> list[bool]:
        """Return for each flag whether any process has set it.

        Parameters
        ----------
        *flags
            Flags of this process. All processes must call this at the same step.

        Returns
        -------
        list of bool
            The same in all processes.
        """
        if self.ranks == 1:
            return list(flags)
        values = torch.tensor(flags, dtype=torch.uint8, device=self.device)
        distributed.all_reduce(values, op=distributed.ReduceOp.MAX)
        return [bool(value) for value in values.tolist()]

    def to_device(self, batch: Any) -> Any:
        """Copy a batch to the device of this process.

        Parameters
        ----------
        batch
            A tensor, or a tuple or list of batches.

        Returns
        -------
        object
            Of the same type.
        """
        if isinstance(batch, Tensor):
            return batch.to(self.device, non_blocking=True)
        moved = [self.to_device(one) for one in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else type(batch)(moved)


def check_device(name: str) -> str:
    """Return the type of a device that the user named.

    Parameters
    ----------
    name
        One of :data:`DEVICES`.

    Returns
    -------
    str
        ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigError
        If the device is unknown or not available.
    """
    if name not in DEVICES:
        raise ConfigError(f"--device {name}: choose from {', '.join(DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no GPU; use cpu")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def process_rank() -> int:
    """Return the index of this process among those that train together.

    Returns
    -------
    int
        0 for the first one, or the only one.
    """
    return int(os.environ.get(RANK, "0"))


@contextmanager
def start_trainers(kind: str) -> Iterator[Trainer]:
    """Start a process for each further GPU, and connect them.

    Each process runs the same command.

    Parameters
    ----------
    kind
        ``cpu`` or ``cuda``.

    Yields
    ------
    Trainer
        This process.
    """
    started = RANK in os.environ and RANKS in os.environ
    count = torch.cuda.device_count() if kind == "cuda" else 1
    ranks = int(os.environ[RANKS]) if started else count
    if ranks == 1:
        yield Trainer(torch.device(kind))
        return
    others = [] if started else _start_others(ranks)
    rank = process_rank()
    index = int(os.environ.get("LOCAL_RANK", rank)) if kind == "cuda" else None
    device = torch.device(kind) if index is None else torch.device(kind, index)
    if index is not None:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", rank=rank, world_size=ranks)
    try:
        yield Trainer(device, rank, ranks)
        for other in others:
            with suppress(subprocess.TimeoutExpired):
                other.wait(PATIENCE)
    finally:
        for other in others:
            other.terminate()  # without effect on those that have ended
        distributed.destroy_process_group()


def _start_others(ranks: int) -> list[subprocess.Popen[bytes]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, *sys.orig_argv[1:]]
    return [
        subprocess.Popen(command, env={**os.environ, RANK: str(rank), RANKS: str(ranks)})  # noqa: S603
        for rank in range(1, ranks)
    ]
