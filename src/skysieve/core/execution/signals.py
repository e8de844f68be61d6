"""Termination signals: SIGINT (Ctrl-C), SIGTERM (end of the allotted time) and SIGHUP (closed terminal)."""

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
    """Return the termination signals that exist on this system and that this process does not ignore.

    Under ``nohup``, for example, a process ignores SIGHUP.

    Returns
    -------
    list
        Signals.
    """
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def hold_signals() -> Iterator[None]:
    """Delay termination signals while the block starts another process.

    The new process inherits the mask and unblocks the signals when it is ready for them.  This process delays
    them too, until the new one has all of its input.  The mask is not enough for that: it holds for one
    thread, and a signal to any thread interrupts the main thread.

    Yields
    ------
    None
        The first delayed signal is handled when the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = ending_signals()
    in_main_thread = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in numbers} if in_main_thread else {}
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
    """Return whether an error was raised while an interrupt was handled.

    For example, the clean-up may release a lock twice.

    Parameters
    ----------
    error
        Any exception.

    Returns
    -------
    bool
        True if there is a KeyboardInterrupt in the chain of its contexts.
    """
    context = error.__context__
    while context is not None and not isinstance(context, KeyboardInterrupt):
        context = context.__context__
    return context is not None
