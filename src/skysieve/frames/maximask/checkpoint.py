"""Reader of TensorFlow checkpoints (tensor bundles) without TensorFlow.

A checkpoint consists of two files: ``variables.index``, a LevelDB table that maps
the key of a tensor to its type, shape and offset, and ``variables.data-00000-of-00001``,
the raw bytes of all tensors.  The reader checks both against their CRC-32C sums.

References
----------
LevelDB table format, https://github.com/google/leveldb/blob/main/doc/table_format.md;
``tensorflow/core/protobuf/tensor_bundle.proto``.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ModelError
from skysieve.core.extras import install_command
from skysieve.core.models.protobuf import Message, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["checkpoint_keys", "read_checkpoint"]

TABLE_MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
BLOCK_TRAILER_BYTES = 5
DTYPES: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
}
STRING_DTYPE = 7
VALUE_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def read_checkpoint(index: bytes, data: bytes) -> dict[str, NDArray[np.generic]]:
    """Read every numeric tensor of a one-shard checkpoint.

    Parameters
    ----------
    index
        Content of ``variables.index``.
    data
        Content of ``variables.data-00000-of-00001``.

    Returns
    -------
    dict
        Tensors by key, without the suffix ``/.ATTRIBUTES/VARIABLE_VALUE``.

    Raises
    ------
    ModelError
        If a file is truncated, corrupt, compressed or of another format.
    """
    try:
        entries = dict(_table_entries(index))
        header = Message(entries.pop(b""))
        if header.integer(1, default=1) != 1 or header.integer(2) != 0:
            raise ModelError("checkpoint: only little-endian files of one shard can be read")
        return dict(_tensors(entries, data))
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise ModelError(f"checkpoint: the index is damaged or of another format ({error!r})") from error


def checkpoint_keys(index: bytes) -> set[str]:
    """Return the keys of the tensors of a checkpoint.

    Parameters
    ----------
    index
        Content of ``variables.index``.

    Returns
    -------
    set of str
        Keys without suffix, as in :func:`read_checkpoint`.

    Raises
    ------
    ModelError
        If the index is truncated, corrupt or of another format.
    """
    try:
        return {key.decode().removesuffix(VALUE_SUFFIX) for key, _ in _table_entries(index)}
    except (IndexError, ValueError, struct.error) as error:
        raise ModelError(f"checkpoint: the index is damaged or of another format ({error!r})") from error


def _tensors(entries: dict[bytes, bytes], data: bytes) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for key, value in entries.items():
        entry = Message(value)
        dtype_code = entry.integer(1)
        if dtype_code == STRING_DTYPE:
            continue
        name = key.decode()
        if dtype_code not in DTYPES:
            raise ModelError(f"checkpoint: tensor {name!r} has the unknown type code {dtype_code}")
        shape = tuple(Message(dim).integer(1) for dim in Message(entry.raw(2)).all_raw(2))
        start, size = entry.integer(4), entry.integer(5)
        raw = data[start : start + size]
        dtype = DTYPES[dtype_code]
        if len(raw) != size or size != math.prod(shape) * dtype.itemsize:
            raise ModelError(
                f"checkpoint: tensor {name!r} wants {size} bytes at {start}, "
                f"but the data file has {len(data)}: it is truncated or belongs to another index"
            )
        if _masked_crc32c(raw) != entry.integer(6):
            raise ModelError(f"checkpoint: tensor {name!r} fails its checksum: the data file is corrupt")
        yield name.removesuffix(VALUE_SUFFIX), np.frombuffer(raw, dtype).reshape(shape)


def _table_entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(table) < FOOTER_BYTES or struct.unpack("<Q", table[-8:])[0] != TABLE_MAGIC:
        raise ModelError("checkpoint: the index is no LevelDB table, or it is truncated")
    footer = table[-FOOTER_BYTES:]
    position = varint(footer, varint(footer, 0)[1])[1]  # skip the metaindex handle
    for _, handle in _block_entries(_block(table, footer[position:])):
        yield from _block_entries(_block(table, handle))


def _block(table: bytes, handle: bytes) -> bytes:
    offset, position = varint(handle, 0)
    size, _ = varint(handle, position)
    block = table[offset : offset + size]
    trailer = table[offset + size : offset + size + BLOCK_TRAILER_BYTES]
    if len(block) != size or len(trailer) != BLOCK_TRAILER_BYTES:
        raise ModelError("checkpoint: the index is truncated")
    compression, checksum = struct.unpack("<BI", trailer)
    if _masked_crc32c(block + trailer[:1]) != checksum:
        raise ModelError("checkpoint: a block of the index fails its checksum")
    if compression != 0:
        raise ModelError("checkpoint: compressed index blocks are not supported")
    return block


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = varint(block, position)
        unshared, position = varint(block, position)
        length, position = varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _masked_crc32c(data: bytes) -> int:
    """Return the CRC-32C, rotated and offset as LevelDB stores it."""
    try:
        import google_crc32c
    except ImportError as error:
        problem = f"reading checkpoints needs google_crc32c; run: {install_command('maximask')}"
        raise ModelError(problem) from error
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
