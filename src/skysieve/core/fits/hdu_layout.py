"""Headers of FITS files and the size of their data, by the equations of the FITS standard.

The size of a header and of its claims is limited before they are used. A header without an end, or a file
with far too many HDUs, must not take all memory or run for hours.
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
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np
from astropy.io import fits

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "BLOCK",
    "FETCH",
    "MAX_HDUS",
    "HDULayout",
    "Readable",
    "fold_carries",
    "one_line",
    "ones_complement_sum",
    "parse_layout",
    "quiet",
    "read_header",
]

logger = logging.getLogger(__name__)

BLOCK = 2880
"""Size of a FITS block in bytes."""

MAX_HDUS = 2**15
"""Largest number of HDUs of an undamaged file.

Opening one HDU takes a millisecond. Files of observatories have less than a tenth of this number.
"""

FETCH = "fetch the file again"
"""Advice in messages about damaged files."""

# Largest number of axes and of columns in the standard.
_MAX_FIELDS = 999
_MAX_HEADER_BYTES = 2**24  # 200 000 cards
_END = re.compile(rb"END {77}|END\Z|END {0,76}[^A-Z0-9_ -]")
_CARD = 80
_CHUNK_BYTES = 2**23
_ALL_ONES = 0xFFFFFFFF
# Warning filters are global to the process.
_warnings_lock = threading.RLock()


@dataclass(frozen=True)
class HDULayout:
    """Byte offsets of a header and its data in a file, and the checksums that the header states.

    Attributes
    ----------
    index
        Number of the HDU in the file.
    header_start, data_start
        Offsets of the header and the data in the file, in bytes.
    data_size
        Size of the data in bytes, without padding.
    datasum
        DATASUM, or None if the header states none.
    checksum
        Whether the header states a CHECKSUM.
    """

    index: int
    header_start: int
    data_start: int
    data_size: int
    datasum: int | None
    checksum: bool

    @property
    def end(self) -> int:
        """Offset of the next HDU in bytes."""
        return self.data_start + self.data_size + -self.data_size % BLOCK


class Readable(Protocol):
    """A stream that is read sequentially."""

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes, or fewer at the end of the stream.

        Parameters
        ----------
        size
            Number of bytes.

        Returns
        -------
        bytes
            The bytes.
        """
        ...


def read_header(stream: Readable, index: int, path: Path) -> bytes:
    """Read the blocks of a header up to the one with END.

    Parameters
    ----------
    stream
        Stream at the start of the header.
    index
        Number of the HDU, for messages.
    path
        Path of the file, for messages.

    Returns
    -------
    bytes
        The blocks; the last one may be short.

    Raises
    ------
    SourceError
        If the header has no END card.
    """
    blocks: list[bytes] = []
    for _ in range(_MAX_HEADER_BYTES // BLOCK):
        block = stream.read(BLOCK)
        blocks.append(block)
        cards = (block[offset : offset + _CARD] for offset in range(0, len(block), _CARD))
        if len(block) < BLOCK or any(_END.match(card) for card in cards):
            return b"".join(blocks)
    raise SourceError(
        f"{path}: the header of HDU {index} has no END card in its first {_MAX_HEADER_BYTES // _CARD} cards;"
        f" {FETCH}"
    )


def parse_layout(content: bytes, index: int, start: int, path: Path) -> HDULayout:
    """Parse the layout of an HDU from its header (FITS Standard 4.0, equations 1, 2 and 4).

    Parameters
    ----------
    content
        Blocks of the header.
    index, start
        Number of the HDU, and offset of its header in the file.
    path
        Path of the file, for messages.

    Returns
    -------
    HDULayout
        The layout.

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
                if not 0 <= _whole(header, key, 0) <= _MAX_FIELDS:
                    raise ValueError(f"{key} is {header[key]}, not 0 to {_MAX_FIELDS}")  # noqa: TRY301
            sums = [str(header.get(key, "")).strip() for key in ("DATASUM", "CHECKSUM")]
    except Exception as error:  # astropy raises many kinds of errors for headers that it cannot parse
        raise SourceError(
            f"{path}: the header of HDU {index} is truncated or damaged ({one_line(error)}); {FETCH}"
        ) from error
    if size < 0 or any(length < 0 for length in axes):
        raise SourceError(f"{path}: the header of HDU {index} states a negative size; {FETCH}")
    return HDULayout(
        index,
        start,
        start + len(content),
        size,
        datasum=int(sums[0]) if sums[0].isdecimal() and len(sums[0]) <= len(str(_ALL_ONES)) else None,
        checksum=bool(sums[1].strip("0")),  # empty or zeros: not computed
    )


def ones_complement_sum(stream: IO[bytes], start: int, size: int) -> int:
    """Return the 32-bit ones' complement sum of a part of a file, zero-padded to whole words.

    Parameters
    ----------
    stream
        The open file.
    start, size
        Offset and size of the part in bytes.

    Returns
    -------
    int
        The sum.

    Raises
    ------
    SourceError
        If the file has become shorter than its headers state.

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
        total = fold_carries(total + int(words.sum(dtype=np.uint64)))
    return total


def fold_carries(total: int) -> int:
    """Add the carries beyond 32 bits to the lower bits.

    Parameters
    ----------
    total
        Sum of 32-bit words.

    Returns
    -------
    int
        The 32-bit ones' complement sum.
    """
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


@contextmanager
def quiet(path: Path | str) -> Iterator[None]:
    """Log astropy's warnings at debug level: users cannot change the headers of archives.

    Parameters
    ----------
    path
        Name of the file in the log.

    Yields
    ------
    None
        The context.
    """
    with _warnings_lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logger.debug("%s: %s", path, one_line(warning.message))


def one_line(error: object) -> str:
    """Return the message of a foreign error on one line, or the name of its class if it has no message.

    Parameters
    ----------
    error
        Exception or warning.

    Returns
    -------
    str
        The message.
    """
    return " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__


def _whole(header: fits.Header, keyword: str, default: int | None = None) -> int:
    """Return the value of an integer card.

    Raises
    ------
    KeyError
        If the card is missing and there is no default.
    ValueError
        If its value is not an integer.
    """
    value: object = header[keyword] if default is None else header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{keyword} is {str(value)[:40]!r}, not a whole number")  # noqa: TRY004 (of a file)
    return value
