"""Headers of FITS files and the size of their data, by the standard's own equations.

What a header claims is bounded before anything is read by it: a header without an end, or one that claims
more HDUs than any file has, must not take all memory or all day.
"""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
from astropy.io import fits

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "BLOCK",
    "FETCH",
    "MOST_HDUS",
    "Readable",
    "Unit",
    "fold",
    "one_line",
    "ones_sum",
    "quiet",
    "read_header",
    "unit_of",
]

logger = logging.getLogger(__name__)

BLOCK = 2880
"""FITS files are made of blocks of this many bytes."""

MOST_HDUS = 2**15
"""Files with more are damaged: each takes a millisecond to open, and none of an observatory has a tenth."""

FETCH = "fetch the file again"
"""What helps against damage, in messages."""

# The standard allows no more axes, and no more columns.
_MOST_FIELDS = 999
_MOST_HEADER_BYTES = 2**24  # 200 000 cards
_END = re.compile(rb"END {77}|END\Z|END {0,76}[^A-Z0-9_ -]")
_CARD = 80
_CHUNK_BYTES = 2**23
_ALL_ONES = 0xFFFFFFFF
# Filters of warnings belong to the process, not to a thread.
_warnings_lock = threading.RLock()


@dataclass(frozen=True)
class Unit:
    """Where a header and its data are in a file, in bytes, and what sums the header states."""

    index: int
    header_start: int
    data_start: int
    data_size: int
    datasum: int | None
    checksum: bool

    @property
    def end(self) -> int:
        """Where the next HDU begins."""
        return self.data_start + self.data_size + -self.data_size % BLOCK


class Readable(Protocol):
    """What bytes are read from, one after another."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer at the end."""
        ...


def read_header(stream: Readable, index: int, path: Path) -> bytes:
    """Return the blocks of a header, up to the one with END, from where the stream is.

    Raises
    ------
    SourceError
        If the file ends before, or the header has no end.
    """
    blocks: list[bytes] = []
    for _ in range(_MOST_HEADER_BYTES // BLOCK):
        block = stream.read(BLOCK)
        blocks.append(block)
        cards = (block[place : place + _CARD] for place in range(0, len(block), _CARD))
        if len(block) < BLOCK or any(_END.match(card) for card in cards):
            return b"".join(blocks)
    raise SourceError(
        f"{path}: the header of HDU {index} has no END card in its first {_MOST_HEADER_BYTES // _CARD} cards;"
        f" {FETCH}"
    )


def unit_of(content: bytes, index: int, start: int, path: Path) -> Unit:
    """Return what a header says of its HDU (FITS Standard 4.0, equations 1, 2 and 4).

    Parameters
    ----------
    content
        The blocks of the header.
    index, start
        Number of the HDU, and where its header begins in the file.
    path
        The file, for messages.

    Raises
    ------
    SourceError
        If the header is truncated or damaged.
    """
    try:
        with quiet(path):
            header = fits.Header.fromfile(io.BytesIO(content))
            axes = [_whole(header, f"NAXIS{axis}") for axis in range(1, _whole(header, "NAXIS") + 1)]
            if axes and axes[0] == 0 and header.get("GROUPS") is True:
                axes = axes[1:]  # random groups
            values = _whole(header, "GCOUNT", 1) * (_whole(header, "PCOUNT", 0) + prod(axes))
            size = abs(_whole(header, "BITPIX")) * values // 8 if axes else 0
            for key in ("NAXIS", "TFIELDS", "ZNAXIS"):
                if not 0 <= _whole(header, key, 0) <= _MOST_FIELDS:
                    raise ValueError(f"{key} is {header[key]}, not 0 to {_MOST_FIELDS}")  # noqa: TRY301
            sums = [str(header.get(key, "")).strip() for key in ("DATASUM", "CHECKSUM")]
    except Exception as error:  # whatever astropy raises for a header it cannot understand
        raise SourceError(
            f"{path}: the header of HDU {index} is truncated or damaged ({one_line(error)}); {FETCH}"
        ) from error
    if size < 0 or any(length < 0 for length in axes):
        raise SourceError(f"{path}: the header of HDU {index} states a negative size; {FETCH}")
    return Unit(
        index,
        start,
        start + len(content),
        size,
        datasum=int(sums[0]) if sums[0].isdecimal() and len(sums[0]) <= len(str(_ALL_ONES)) else None,
        checksum=bool(sums[1].strip("0")),  # empty or zeros: not computed
    )


def ones_sum(stream: IO[bytes], start: int, size: int) -> int:
    """Return the 32-bit ones' complement sum of bytes of a file, filled up with zeros.

    Raises
    ------
    SourceError
        If the file has become shorter than its headers say.

    References
    ----------
    FITS Standard 4.0 (2018), appendix J.
    """
    stream.seek(start)
    total = 0
    while size > 0:
        chunk = stream.read(min(size, _CHUNK_BYTES))
        if not chunk:
            raise SourceError(f"the file became shorter by {size} bytes while it was read; {FETCH}")
        size -= len(chunk)
        words = np.frombuffer(chunk + bytes(-len(chunk) % 4), dtype=">u4")
        total = fold(total + int(words.sum(dtype=np.uint64)))
    return total


def fold(total: int) -> int:
    """Carry what overflows 32 bits back in."""
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


@contextmanager
def quiet(path: Path | str) -> Iterator[None]:
    """Log at debug level what astropy warns of: users cannot change headers of archives."""
    with _warnings_lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logger.debug("%s: %s", path, one_line(warning.message))


def one_line(error: object) -> str:
    """Return a message of others on one line, or the kind of error where there is none."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__


def _whole(header: fits.Header, keyword: str, default: int | None = None) -> int:
    """Return a card that holds a whole number.

    Raises
    ------
    KeyError
        If it is not there, and there is no default.
    ValueError
        If it holds anything else.
    """
    value: Any = header[keyword] if default is None else header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{keyword} is {str(value)[:40]!r}, not a whole number")  # noqa: TRY004 (of a file)
    return value
