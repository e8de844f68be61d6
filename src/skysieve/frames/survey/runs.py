"""Runs of pixels with the same bits: how a projected mask is kept until the maps are made."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["add_runs", "pack_runs"]

LEVEL = 4
"""Compression of zlib."""


def pack_runs(pixels: NDArray[np.int64], bits: NDArray[np.int64], size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the runs of pixels of each block of the sky, packed.

    Parameters
    ----------
    pixels
        ``(N,)`` int64, ascending, each once.
    bits
        ``(N,)`` int64, bits of each.
    size
        Number of pixels of a block.

    Yields
    ------
    tuple of int and bytes
        Number of the block, and its runs: gap before each run and its length, int32, and its bits, int64, all
        little-endian, compressed with zlib.
    """
    if not pixels.size:
        return
    blocks = pixels // size
    new = (np.diff(pixels) != 1) | (np.diff(bits) != 0) | (np.diff(blocks) != 0)
    starts = np.flatnonzero(np.concatenate([[True], new]))
    ends = np.append(starts[1:], pixels.size)
    first, length, value = pixels[starts], ends - starts, bits[starts]
    edges = np.flatnonzero(np.diff(blocks[starts], prepend=-1))
    for begin, end in zip(edges, np.append(edges[1:], starts.size), strict=True):
        block = int(blocks[starts[begin]])
        before = np.concatenate([[block * size], (first + length)[begin : end - 1]])
        content = (
            (first[begin:end] - before).astype("<i4").tobytes()
            + length[begin:end].astype("<i4").tobytes()
            + value[begin:end].astype("<i8").tobytes()
        )
        yield block, zlib.compress(content, LEVEL)


def add_runs(packed: bytes, planes: dict[int, int], target: NDArray[np.int64]) -> None:
    """Set the bits of a block's runs.

    Parameters
    ----------
    packed
        The runs, as :func:`pack_runs` packs them.
    planes
        Bits of the target by bits of the runs; other bits of the runs are ignored.
    target
        ``(size,)`` int64, the block, changed in place.

    Raises
    ------
    SourceError
        If the content is damaged.
    """
    try:
        content = zlib.decompress(packed)
    except zlib.error as error:
        raise SourceError(f"damaged runs ({error})") from error
    count, rest = divmod(len(content), 16)
    gap, length = np.frombuffer(content, "<i4", 2 * count).reshape(2, count).astype(np.int64)
    value = np.frombuffer(content, "<i8", count, 8 * count)
    end = np.cumsum(gap + length)
    if rest or (count and (gap.min() < 0 or length.min() < 1 or end[-1] > target.size)):
        raise SourceError("damaged runs")
    translated = np.zeros(count, np.int64)
    for given, wanted in planes.items():
        translated[(value & given) != 0] |= wanted
    some = translated != 0
    end, length, translated = end[some], length[some], translated[some]
    offset = np.cumsum(length) - length
    index = np.arange(int(length.sum())) + np.repeat(end - length - offset, length)
    target[index] |= np.repeat(translated, length)
