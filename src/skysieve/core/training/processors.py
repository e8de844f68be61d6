"""Which processors this process may use, as it was before torch came.

Where ``OMP_PROC_BIND`` is set, importing torch binds the process to a single processor, and all processes
that it starts would crowd there: import this module first.
"""

from __future__ import annotations

import os

__all__ = ["default_workers", "give_way", "use_all_processors"]

ALLOWED = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def default_workers() -> int:
    """Return how many processes simulate: one on each processor, since they give way to the network."""
    return os.cpu_count() or 1 if ALLOWED is None else len(ALLOWED)


def use_all_processors() -> None:
    """Let this process run on every processor that the training was started on."""
    if ALLOWED is not None:
        os.sched_setaffinity(0, ALLOWED)


def give_way() -> None:
    """Let this process run only where no other wants to.

    The threads of a network wait for each other at every layer: a process that takes the processor of one
    holds all of them up. On two processors training is a quarter faster so.
    """
    if hasattr(os, "nice"):
        os.nice(19)
