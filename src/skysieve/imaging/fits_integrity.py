"""FITS files that are whole: opened for reading, or refused with the reason.

Astropy pads a truncated file in silence, or fails in the middle of the work;
it only warns of a wrong checksum, and its check of compressed images fails
for good ones.  So the file is walked here, header by header, before astropy
has it.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import os
import shutil
import stat
import tempfile
import threading
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_intact", "open_intact", "stored_data_sum"]

logger = logging.getLogger(__name__)

_ALL_ONES = 0xFFFFFFFF
_CHUNK_BYTES = 2**23
_FETCH = "fetch the file again"
# Filters of warnings belong to the process, not to a thread.
_warnings_lock = threading.RLock()


@dataclass(frozen=True)
class _Unit:
    """Where a header and its data lie in a file, in bytes, and what sums they state."""

    index: int
    header_start: int
    data_start: int
    data_size: int
    datasum: int | None
    checksum: bool


def open_intact(path: Path) -> fits.HDUList:
    """Open a FITS file after making sure that it is whole.

    Images are left as stored: astropy applies no BSCALE, BZERO or BLANK.
    Strips of them are read from the file when they are asked for.  A file in
    gzip or bzip2 is unpacked into an anonymous temporary file for that.

    Returns
    -------
    astropy.io.fits.HDUList
        With all HDUs loaded; to be closed by the caller.

    Raises
    ------
    SourceError
        If the file is missing, unreadable, empty, not FITS, truncated or
        damaged, or fails its DATASUM or CHECKSUM.
    """
    stream = _open_stream(path)
    try:
        units = _walk(stream, path)
        for unit in units:
            _verify_sums(stream, unit, path)
        stream.seek(0)
        with _quiet(path):
            # Not mapped into memory: if the file were cut by another program while it is read, the system
            # would kill this process, and all pages that were read would count as its memory.
            hdus = fits.open(
                stream, mode="readonly", memmap=False, do_not_scale_image_data=True, lazy_load_hdus=False
            )
            for hdu in hdus:
                _ = (hdu.header, hdu.name, hdu.ver)  # now, so that warnings about them come here
    except SourceError:
        stream.close()
        raise
    except Exception as error:  # whatever astropy raises for a header it cannot understand
        stream.close()
        raise SourceError(f"{path}: cannot be opened as FITS ({_one_line(error)}); {_FETCH}") from error
    if len(hdus) < len(units):
        count = len(hdus)
        hdus.close()
        raise SourceError(f"{path}: the header of HDU {count} is damaged; {_FETCH}")
    return hdus


def is_intact(path: Path) -> bool:
    """Tell whether a FITS file is there and whole, by the rules of :func:`open_intact`."""
    try:
        open_intact(path).close()
    except SourceError:
        return False
    return True


def stored_data_sum(hdu: fits.PrimaryHDU | fits.ImageHDU) -> int:
    """Return the 32-bit sum of the data of an HDU in an open file, read a piece at a time.

    Raises
    ------
    SourceError
        If the file has become shorter than its headers say.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    place = hdu.fileinfo()
    return _ones_sum(place["file"], place["datLoc"], hdu.size)


def _open_stream(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked if it is in gzip or bzip2."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: is a directory; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path}: is no regular file; save its content to a file first")
        if status.st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes); {_FETCH}")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be opened ({_one_line(error)}); check the permissions") from error
    magic = stream.read(3)
    stream.seek(0)
    if magic == b"BZh":
        return _unpack(stream, bz2.BZ2File(stream), path)
    if magic == b"\x1f\x8b\x08":
        return _unpack(stream, gzip.GzipFile(fileobj=stream), path)
    return stream


def _unpack(packed: IO[bytes], unpacked: bz2.BZ2File | gzip.GzipFile, path: Path) -> IO[bytes]:
    """Return a temporary file with the unpacked content, whose check sum held, and close the packed one."""
    with packed, unpacked, tempfile.TemporaryFile() as copy:
        try:
            shutil.copyfileobj(unpacked, copy, _CHUNK_BYTES)
            copy.flush()
        except (OSError, EOFError, zlib.error) as error:
            if getattr(error, "errno", None):
                folder = tempfile.gettempdir()
                reason = (
                    f"cannot be unpacked into {folder} ({_one_line(error)}); set TMPDIR to a folder with room"
                )
            else:
                reason = f"is damaged, and cannot be unpacked ({_one_line(error)}); {_FETCH}"
            raise SourceError(f"{path}: {reason}") from error
        # Astropy refuses a handle that can also write, which is all that tempfile offers.
        stream = os.fdopen(os.dup(copy.fileno()), "rb")
    stream.seek(0)
    return stream


def _walk(stream: IO[bytes], path: Path) -> list[_Unit]:
    """Return the header and data units of a file, none of which ends beyond its end."""
    size = stream.seek(0, os.SEEK_END)
    units: list[_Unit] = []
    position = 0
    while position < size:
        stream.seek(position)
        start = stream.read(8)
        if not units and not start.startswith(b"SIMPLE"):
            raise SourceError(f"{path}: is not a FITS file; give a FITS file, plain or in .fz, .gz or .bz2")
        if units and not b"XTENSION".startswith(start):
            # The standard allows special records after the last HDU.
            logger.debug("%s: %d bytes after the last HDU are left alone", path, size - position)
            break
        stream.seek(position)
        unit = _read_unit(stream, len(units), path)
        missing = unit.data_start + unit.data_size - size
        if missing > 0:
            raise SourceError(
                f"{path}: is truncated, {missing} bytes of HDU {unit.index} are missing; {_FETCH}"
            )
        units.append(unit)
        position = unit.data_start + unit.data_size + -unit.data_size % 2880
    return units


def _read_unit(stream: IO[bytes], index: int, path: Path) -> _Unit:
    """Read a header, and work out the size of its data (FITS Standard 4.0, equations 1, 2 and 4)."""
    start = stream.tell()
    try:
        with _quiet(path):
            header = fits.Header.fromfile(stream)
            axes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header["NAXIS"]) + 1)]
            if axes and axes[0] == 0 and header.get("GROUPS") is True:
                axes = axes[1:]  # random groups
            values = int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + prod(axes))
            size = abs(int(header["BITPIX"])) * values // 8 if axes else 0
            sums = [str(header.get(key, "")).strip() for key in ("DATASUM", "CHECKSUM")]
    except (OSError, EOFError, KeyError, ValueError, TypeError) as error:
        raise SourceError(
            f"{path}: the header of HDU {index} is truncated or damaged ({_one_line(error)}); {_FETCH}"
        ) from error
    if size < 0:
        raise SourceError(f"{path}: the header of HDU {index} states a negative size; {_FETCH}")
    return _Unit(
        index,
        start,
        stream.tell(),
        size,
        datasum=int(sums[0]) if sums[0].isdecimal() else None,
        checksum=bool(sums[1].strip("0")),  # empty or zeros: not computed
    )


def _verify_sums(stream: IO[bytes], unit: _Unit, path: Path) -> None:
    """Make sure that the data are those of which the header states the sum.

    A wrong sum does not always mean damage.  Programs that cut out or edit
    frames leave the old cards behind.  CHECKSUM is such that header and data
    add up to all ones; if the header and the *stated* DATASUM do not, the
    header was changed too since the sums were written, and they say nothing
    about the data.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    if unit.datasum is None and not unit.checksum:
        return
    header = _ones_sum(stream, unit.header_start, unit.data_start - unit.header_start)
    data = _ones_sum(stream, unit.data_start, unit.data_size)
    intact = not unit.checksum or _fold(header + data) == _ALL_ONES
    if unit.datasum is None:
        if not intact:
            raise SourceError(f"{path}: HDU {unit.index} fails its CHECKSUM: the file is corrupt; {_FETCH}")
    elif data != unit.datasum:
        if not unit.checksum or _fold(header + unit.datasum) == _ALL_ONES:
            raise SourceError(f"{path}: HDU {unit.index} fails its DATASUM: the file is corrupt; {_FETCH}")
        logger.warning(
            "%s: HDU %d: header and data are newer than CHECKSUM and DATASUM, which are therefore ignored",
            path,
            unit.index,
        )
    elif not intact:
        logger.debug("%s: HDU %d: the header was edited after its CHECKSUM", path, unit.index)


def _ones_sum(stream: IO[bytes], start: int, size: int) -> int:
    """Return the 32-bit ones' complement sum of bytes, filled up with zeros."""
    stream.seek(start)
    total = 0
    while size > 0:
        chunk = stream.read(min(size, _CHUNK_BYTES))
        if not chunk:
            raise SourceError(f"the file became shorter by {size} bytes while it was read; {_FETCH}")
        size -= len(chunk)
        words = np.frombuffer(chunk + bytes(-len(chunk) % 4), dtype=">u4")
        total = _fold(total + int(words.sum(dtype=np.uint64)))
    return total


def _fold(total: int) -> int:
    """Carry what overflows 32 bits back in."""
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


@contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Log at debug level what astropy warns of: users cannot mend headers of archives."""
    with _warnings_lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logger.debug("%s: %s", path, _one_line(warning.message))


def _one_line(error: object) -> str:
    """Return a message of others on one line."""
    return " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__
