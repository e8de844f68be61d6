"""What Lightning says to its developers, kept from the user of a command."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet_lightning"]

# Devices, tips for products of its maker, the end of the training: all of which we say ourselves.
TALKATIVE = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
    "lightning.fabric.utilities.distributed",
    "lightning.pytorch.trainer.connectors.signal_connector",
)

# The beginnings of messages, and why they are of no use here.
NEEDLESS = (
    ".*does not have many workers",  # as many as there are processors
    ".*ended before the epoch ended",  # the stream of tiles is endless and goes on from its own number
    ".*callbacks used to create the checkpoint",  # of another release of ours
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated",  # within Lightning
    ".*in eval mode at the start of training",  # what stays as it is
    ".*using torch.load with `weights_only=False`",  # it is True
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Leave out messages of Lightning below a warning, and those of its warnings that concern nobody."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in NEEDLESS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
