"""An end between two steps, when all that is kept fits together."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import lightning

__all__ = ["StopBetweenSteps"]

logger = logging.getLogger(__name__)

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopBetweenSteps(Callback):
    """Ends a training after the step, or the batch of a validation, in which it is interrupted.

    That is by Ctrl-C, by the signal with which systems end what has used its time, or by the end of the
    terminal; a second one ends it at once.

    Attributes
    ----------
    asked
        Whether there was one.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take interrupts, while the block runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # not those that this process was told to ignore, as by nohup
        heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._ask) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        logger.warning("interrupted: ends after this step; once more ends it at once")

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """End here if asked to; all trainers on several GPUs do so at the same step."""
        self._end_if_asked(trainer)

    def on_validation_batch_end(self, trainer: lightning.Trainer, *_: Any, **__: Any) -> None:
        """End here if asked to."""
        self._end_if_asked(trainer)

    def _end_if_asked(self, trainer: lightning.Trainer) -> None:
        if trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            raise KeyboardInterrupt
