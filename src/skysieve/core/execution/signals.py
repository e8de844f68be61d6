"""The signals that end a run: Ctrl-C, the end of its time, the end of its terminal."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["caused_by_interrupt", "ending_signals", "hold_signals"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def ending_signals() -> list[signal.Signals]:
    """Return those that this system has and that this process was not told to ignore, as by ``nohup``."""
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def hold_signals() -> Iterator[None]:
    """Hold these signals back from a process that starts now, until it is ready for them.

    From this process, too, until the other has been told all that it waits for: the mask alone holds a
    signal back from one thread, and whichever thread gets it, the first one is interrupted.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = ending_signals()
    in_charge = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in numbers} if in_charge else {}
    taken = {number: handler for number, handler in handlers.items() if callable(handler)}
    held: list[tuple[int, FrameType | None]] = []
    for number in taken:
        signal.signal(number, lambda number, frame: held.append((number, frame)))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in taken.items():
            signal.signal(number, handler)
        if held:
            first, frame = held[0]
            handler = taken[signal.Signals(first)]
            if callable(handler):
                handler(first, frame)


def caused_by_interrupt(error: BaseException) -> bool:
    """Tell whether an error was raised on the way out of an interrupt, as by a lock that was let go twice."""
    context = error.__context__
    while context is not None and not isinstance(context, KeyboardInterrupt):
        context = context.__context__
    return context is not None
