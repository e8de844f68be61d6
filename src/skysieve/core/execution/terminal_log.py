"""The log of the package on the terminal, of a command and of its processes."""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress

from skysieve.core.printable import one_line

__all__ = ["start_logging"]

logger = logging.getLogger(__name__)


def start_logging(*, verbose: bool = False) -> None:
    """Print the package's log on the terminal, one line per message.

    Parameters
    ----------
    verbose
        Whether to print messages at the level INFO too, not only warnings and errors.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("skysieve: %(levelname)s: %(message)s"))
    package = logging.getLogger("skysieve")
    package.handlers = [handler]
    package.setLevel(logging.INFO if verbose else logging.WARNING)
    package.propagate = False
    _log_library_warnings()


def _log_library_warnings() -> None:
    """Log warnings of libraries at debug level only: users cannot change the headers of archives."""
    from astropy import log
    from astropy.logger import LoggingError

    with suppress(LoggingError):  # already disabled
        log.disable_warnings_logging()

    def show(message: Warning | str, *_more: object, **_named: object) -> None:
        logger.debug("%s", message)

    warnings.showwarning = show


class _OneLine(logging.Formatter):
    """Formats each message as one printable line."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))
