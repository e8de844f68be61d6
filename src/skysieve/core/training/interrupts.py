"""Stop a training between two steps, where its state is consistent."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Interrupts"]

logger = logging.getLogger(__name__)

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupts:
    """Record interrupts, so that the training can stop after the current step or validation batch.

    Interrupts are SIGINT (Ctrl-C), SIGTERM (for example from a scheduler at the end of the allotted time) and
    SIGHUP (a closed terminal).  A second one raises KeyboardInterrupt at once.

    Attributes
    ----------
    asked
        Whether an interrupt has come.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Handle the signals while the block runs.

        Yields
        ------
        None
            Without effect in other threads than the main one.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # Signals that this process ignores, as under nohup, stay ignored
        handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._ask) for number in handled}
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
