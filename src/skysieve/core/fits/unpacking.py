"""Packed FITS files: gzip, bzip2 and LZW (``compress``, ``.Z``), unpacked into a temporary file.

Unpacking follows the headers in the file and stops where its last HDU ends.  A file of kilobytes can unpack
to terabytes: what no HDU claims is not unpacked, and what one claims must be in proportion to the file and
fit on the disk.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import os
import shutil
import tempfile
import zlib
from typing import IO, TYPE_CHECKING, cast

from skysieve.core.errors import SourceError
from skysieve.core.fits.fits_units import BLOCK, FETCH, MOST_HDUS, one_line, read_header, unit_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["unpack"]

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 2**23
# Programs fill files up after the last HDU; so far is unpacked, as check sums stand at the very end.
_MOST_FILLING = 2**22
# Noise does not shrink: frames pack to a third, masks to a hundredth.  Small files may hold one value alone.
_MOST_RATIO = 200
_ALWAYS_ALLOWED = 2**32
_NOT_READ = {
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
}


def unpack(stream: IO[bytes], path: Path) -> IO[bytes]:
    """Return an open file with the unpacked content; a file that is not packed is returned as it is.

    Parameters
    ----------
    stream
        The open file; closed if another is returned, or with an error.
    path
        Its name, for messages.

    Returns
    -------
    file
        Plain, at its start.  What was packed is in an unnamed temporary file.

    Raises
    ------
    SourceError
        If it is damaged, its content is larger than any frame that packs so well, there is no room for it,
        or it is packed in a way that is not read.
    """
    magic = stream.read(6)
    stream.seek(0)
    kind = next((name for start, name in _NOT_READ.items() if magic.startswith(start)), None)
    if kind is not None:
        stream.close()
        raise SourceError(f"{path}: is packed by {kind}, which is not read; unpack it first")
    if magic.startswith(b"BZh"):
        return _unpacked(stream, bz2.BZ2File(stream), path)
    if magic.startswith(b"\x1f\x8b\x08"):
        return _unpacked(stream, cast("IO[bytes]", gzip.GzipFile(fileobj=stream)), path)
    if magic.startswith(b"\x1f\x9d"):
        from uncompresspy import LZWFile

        try:
            # The end of an LZW file is not marked: the headers in it tell whether it is whole.
            reader = LZWFile(stream, warn_truncation=False, save_checkpoints=False)
        except ValueError as error:
            stream.close()
            raise SourceError(
                f"{path}: is damaged, and cannot be unpacked as LZW ({one_line(error)}); {FETCH}"
            ) from error
        return _unpacked(stream, cast("IO[bytes]", reader), path)
    return stream


def _unpacked(packed: IO[bytes], reader: IO[bytes], path: Path) -> IO[bytes]:
    """Return a temporary file with the HDUs of a packed file, and close the packed one."""
    with packed, reader, tempfile.TemporaryFile() as copy:
        try:
            _copy_hdus(reader, cast("IO[bytes]", copy), path, os.fstat(packed.fileno()).st_size)
            copy.flush()
        except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
            if getattr(error, "errno", None):
                folder = tempfile.gettempdir()
                reason = (
                    f"cannot be unpacked into {folder} ({one_line(error)}); set TMPDIR to a folder with room"
                )
            else:
                reason = f"is damaged, and cannot be unpacked ({one_line(error)}); {FETCH}"
            raise SourceError(f"{path}: {reason}") from error
        # Astropy refuses a handle that can also write, which is all that tempfile offers.
        stream = os.fdopen(os.dup(copy.fileno()), "rb")
    stream.seek(0)
    return stream


def _copy_hdus(reader: IO[bytes], copy: IO[bytes], path: Path, packed_bytes: int) -> None:
    """Copy HDU after HDU, each as long as its header says, and what little follows the last."""
    position = 0
    for index in range(MOST_HDUS):
        start = reader.read(BLOCK)
        if not start.startswith(b"XTENSION" if index else b"SIMPLE"):
            break
        content = read_header(_Behind(start, reader), index, path)
        position += copy.write(content)
        if len(content) % BLOCK:
            return  # it ends within this header, and whoever walks the file says so
        unit = unit_of(content, index, position - len(content), path)
        _check_size(unit.end, packed_bytes, index, path)
        position += _copy(reader, copy, unit.end - unit.data_start)
    else:
        raise SourceError(f"{path}: has more than {MOST_HDUS} HDUs; it is damaged, {FETCH}")
    copy.write(start)
    _copy(reader, copy, _MOST_FILLING)
    if reader.read(1):
        logger.debug("%s: what follows the last HDU is not unpacked", path)


class _Behind:
    """A stream of which the first bytes were read before."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; `size` is that of a block."""
        start, self._start = self._start, b""
        return start or self._rest.read(size)


def _check_size(needed: int, packed_bytes: int, index: int, path: Path) -> None:
    """Refuse content that is out of proportion to its file, or for which there is no room."""
    claim = f"{path}: unpacked up to HDU {index} it would take {needed / 1e9:.3g} GB"
    if needed > max(_ALWAYS_ALLOWED, _MOST_RATIO * packed_bytes):
        raise SourceError(
            f"{claim}, and it has {packed_bytes / 1e6:.3g} MB: more than frames shrink by packing; {FETCH},"
            " or unpack it first if it is right"
        )
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SourceError(
            f"{claim}, and {folder} has room for {free / 1e9:.3g} GB; set TMPDIR to a folder with room"
        )


def _copy(reader: IO[bytes], copy: IO[bytes], size: int) -> int:
    """Copy so many bytes, or all that are left, and return their number."""
    done = 0
    while done < size:
        chunk = reader.read(min(size - done, _CHUNK_BYTES))
        if not chunk:
            break
        done += copy.write(chunk)
    return done
