"""Suppress messages of Lightning that are not for users of a command."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet_lightning"]

# Messages on devices, advertisements, and the end of the training, which we report ourselves
NOISY_LOGGERS = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
    "lightning.fabric.utilities.distributed",
    "lightning.pytorch.trainer.connectors.signal_connector",
)

# Patterns of warnings, and why they do not apply here
IGNORED_WARNINGS = (
    ".*does not have many workers",  # there is one for each processor
    ".*ended before the epoch ended",  # the stream of tiles is endless and resumes from its own counter
    ".*callbacks used to create the checkpoint",  # the checkpoint is from another release of Skysieve
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated",  # within Lightning
    ".*in eval mode at the start of training",  # frozen modules
    ".*using torch.load with `weights_only=False`",  # it is True
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Suppress Lightning's messages below a warning and :data:`IGNORED_WARNINGS` while the block runs.

    Yields
    ------
    None
        The log levels are restored at the end.
    """
    loggers = [logging.getLogger(name) for name in NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in IGNORED_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
