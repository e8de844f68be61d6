"""Decompress FITS files in gzip, bzip2 and LZW (``compress``, ``.Z``) into a temporary file.

Decompression follows the headers of the file and stops at the end of its last HDU. A file of kilobytes can
decompress to terabytes. Therefore data beyond the last HDU are not decompressed, and the size that an HDU
states must be plausible for the size of the file and fit on the disk.
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
from skysieve.core.fits.hdu_layout import BLOCK, FETCH, MAX_HDUS, one_line, parse_layout, read_header

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["unpack"]

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 2**23
# Padding after the last HDU that is still decompressed: the checksum of the compressed file follows it.
_MAX_TRAILING_BYTES = 2**22
# Largest compression ratio. Noise limits it: 3 for frames, 100 for masks. Constant images compress better, so
# content of up to _ALWAYS_ALLOWED_BYTES is always accepted.
_MAX_RATIO = 200
_ALWAYS_ALLOWED_BYTES = 2**32
_UNSUPPORTED = {
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
}


def unpack(stream: IO[bytes], path: Path) -> IO[bytes]:
    """Return an open file with the decompressed content; return an uncompressed file as it is.

    Parameters
    ----------
    stream
        The open file; closed if another one is returned, or with an error.
    path
        Its name, for messages.

    Returns
    -------
    file
        Uncompressed file at its start; an unnamed temporary file if it was compressed.

    Raises
    ------
    SourceError
        If the file is damaged, its content is implausibly large or does not fit on the disk, or its
        compression is not supported.
    """
    magic = stream.read(6)
    stream.seek(0)
    kind = next((name for start, name in _UNSUPPORTED.items() if magic.startswith(start)), None)
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
            # LZW files have no end marker: the FITS headers show whether the file is complete.
            reader = LZWFile(stream, warn_truncation=False, save_checkpoints=False)
        except ValueError as error:
            stream.close()
            raise SourceError(
                f"{path}: is damaged, and cannot be unpacked as LZW ({one_line(error)}); {FETCH}"
            ) from error
        return _unpacked(stream, cast("IO[bytes]", reader), path)
    return stream


def _unpacked(packed: IO[bytes], reader: IO[bytes], path: Path) -> IO[bytes]:
    """Return a temporary file with the HDUs of a compressed file, and close the compressed one."""
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
        # Astropy refuses writable file handles, and tempfile only opens such.
        stream = os.fdopen(os.dup(copy.fileno()), "rb")
    stream.seek(0)
    return stream


def _copy_hdus(reader: IO[bytes], copy: IO[bytes], path: Path, packed_bytes: int) -> None:
    """Copy the HDUs, each with the size that its header states, and the few bytes after the last one."""
    position = 0
    for index in range(MAX_HDUS):
        start = reader.read(BLOCK)
        if not start.startswith(b"XTENSION" if index else b"SIMPLE"):
            break
        content = read_header(_PrependedStream(start, reader), index, path)
        position += copy.write(content)
        if len(content) % BLOCK:
            return  # the file ends within this header; the integrity check reports it
        layout = parse_layout(content, index, position - len(content), path)
        _check_size(layout.end, packed_bytes, index, path)
        position += _copy(reader, copy, layout.end - layout.data_start)
    else:
        raise SourceError(f"{path}: has more than {MAX_HDUS} HDUs; it is damaged, {FETCH}")
    copy.write(start)
    _copy(reader, copy, _MAX_TRAILING_BYTES)
    if reader.read(1):
        logger.debug("%s: what follows the last HDU is not unpacked", path)


class _PrependedStream:
    """A stream whose first bytes were already read."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; `size` is that of a block."""
        start, self._start = self._start, b""
        return start or self._rest.read(size)


def _check_size(needed: int, packed_bytes: int, index: int, path: Path) -> None:
    """Refuse content that is implausibly large for its file, or that does not fit on the disk."""
    claim = f"{path}: unpacked up to HDU {index} it would take {needed / 1e9:.3g} GB"
    if needed > max(_ALWAYS_ALLOWED_BYTES, _MAX_RATIO * packed_bytes):
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
    """Copy up to `size` bytes and return their number."""
    done = 0
    while done < size:
        chunk = reader.read(min(size - done, _CHUNK_BYTES))
        if not chunk:
            break
        done += copy.write(chunk)
    return done
