"""Entry point of the installed command: set up the handling of interrupts, then import the rest."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

MAX_CLEANUP = 3.0
"""Seconds that a run has to clean up and end; an interrupt after that ends it at once."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the convention of shells: 128 plus the number of the signal."""


def main() -> None:
    """Run the command line; Ctrl-C, SIGTERM and SIGHUP end it between two files, with a one-line message."""
    interrupts = _Interrupts()
    code: int | str | None = 1
    try:
        code = _run(interrupts)
    except KeyboardInterrupt:
        code = None
    finally:
        interrupts.ignore()
    if code is None:  # printed only now, as a lost interrupt may be raised once more before
        _print_interrupted()
        code = INTERRUPTED
    if code == INTERRUPTED and interrupts.number:
        code = 128 + interrupts.number
    # If an interrupt hits code compiled from text, as the methods of dataclasses, `python -m` ends as if by
    # SIGINT, whatever the exit code. Running more such code avoids this.
    exec("")  # noqa: S102 (nothing)
    sys.exit(code)


def _run(interrupts: _Interrupts) -> int | str:
    """Run the command line and return its exit code, or its last message."""
    try:
        interrupts.listen()
        from skysieve.cli.app import main as run

        run()
    except SystemExit as end:
        return end.code or 0
    return 0


class _Interrupts:
    """Handler of the signals that end a run.

    The first signal raises KeyboardInterrupt. Later ones are ignored, as they would interrupt the clean-up,
    unless the clean-up takes too long; then they end the process at once.
    """

    def __init__(self) -> None:
        self.number = 0  # of the first signal
        self._time = 0.0
        self._raised = False
        self._over = False

    def listen(self) -> None:
        """Install the handler for all signals that the process does not ignore, as under ``nohup``."""
        for number in self._signals():
            signal.signal(number, self._take)
        sys.unraisablehook = self._repeat

    def ignore(self) -> None:
        """Ignore the signals while the interpreter ends."""
        self._over = True
        for number in self._signals():
            signal.signal(number, signal.SIG_IGN)

    def _signals(self) -> list[int]:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        known = [getattr(signal, name) for name in names if hasattr(signal, name)]
        return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._over:
            return
        if not self._raised:
            self.number = self.number or number
            self._raised, self._time = True, time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self._time > MAX_CLEANUP:
            from skysieve.core.temporaries import remove_own_temporaries

            remove_own_temporaries()
            _print_interrupted()
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(128 + self.number)  # worker processes end with their parent

    def _repeat(self, lost: sys.UnraisableHookArgs) -> None:
        """Raise the interrupt again if the interpreter dropped the first one, as inside ``__del__``."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        number, self._raised = self.number or signal.SIGINT, False

        def again() -> None:
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(threading.main_thread().ident or 0, number)
            else:
                signal.raise_signal(number)

        timer = threading.Timer(0.05, again)
        timer.daemon = True
        timer.start()


def _print_interrupted() -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write("skysieve: interrupted; finished files are kept\n")
        sys.stderr.flush()
