"""Processors that this process may use, recorded before torch is imported.

If ``OMP_PROC_BIND`` is set, importing torch binds the process, and all processes that it starts, to a single
processor.  So import this module first.
"""

from __future__ import annotations

import os

__all__ = ["default_workers", "lower_priority", "use_all_processors"]

ALLOWED = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def default_workers() -> int:
    """Return the default number of worker processes: one for each processor.

    The workers run at low priority, so they do not slow the network down.

    Returns
    -------
    int
        At least 1.
    """
    return os.cpu_count() or 1 if ALLOWED is None else len(ALLOWED)


def use_all_processors() -> None:
    """Let this process run on every processor that was available when the training started."""
    if ALLOWED is not None:
        os.sched_setaffinity(0, ALLOWED)


def lower_priority() -> None:
    """Set the lowest priority for this process.

    The threads of a network wait for each other at every layer, so a process that competes with one thread
    delays all of them. On two processors this makes training a quarter faster.
    """
    if hasattr(os, "nice"):
        os.nice(19)
