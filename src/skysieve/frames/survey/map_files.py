"""Write bit-packed healsparse maps block by block, so that the memory does not grow with the map.

The file is the one that :meth:`healsparse.HealSparseMap.write` makes of a bit-packed map: the coverage map as
the primary image, and the blocks as the tiles of a compressed image ``SPARSE``.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Self

import numpy as np
from astropy.io import fits

from skysieve.core.atomic import atomic_write
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.hdu_layout import BLOCK, ones_complement_sum
from skysieve.frames.survey.settings import NSIDE_COVERAGE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import IO

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["MapWriter"]

LEVEL = 6

LONGEST_AXIS = 2**31 - 1
"""Length of the longest axis of a compressed image; longer maps get two axes, as healsparse does it."""

_DESCRIPTOR = np.dtype([("size", ">i8"), ("offset", ">i8")])


class MapWriter:
    """A map that is being written; a context manager.

    The file is complete or does not exist.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    nside
        NSIDE of the map.
    blocks
        ``(N,)`` int64, numbers of the pixels of the coverage map, NESTED, ascending.
    cards
        Cards for both headers.
    """

    def __init__(self, path: Path, nside: int, blocks: NDArray[np.int64], cards: list[HeaderCard]) -> None:
        self._cards, self._nside, self._blocks = cards, nside, blocks
        self._bytes = (nside // NSIDE_COVERAGE) ** 2 // 8
        self._file: AbstractContextManager[Path] = atomic_write(path, overwrite=True)
        self._stream: IO[bytes] | None = None
        self._start, self._heap, self.marked = 0, 0, 0
        self._tiles = np.zeros(len(blocks) + 1, _DESCRIPTOR)
        self._count = 0

    def __enter__(self) -> Self:
        """Begin the file."""
        from healsparse.healSparseCoverage import HealSparseCoverage

        coverage = HealSparseCoverage.make_from_pixels(NSIDE_COVERAGE, self._nside, self._blocks)
        path = self._file.__enter__()
        try:
            primary = fits.PrimaryHDU(np.asarray(coverage[:]))
            set_cards(
                primary.header,
                [
                    ("EXTNAME", "COV", ""),
                    ("PIXTYPE", "HEALSPARSE", ""),
                    ("NSIDE", NSIDE_COVERAGE, "of the coverage map"),
                    *self._cards,
                ],
            )
            primary.writeto(path, checksum=True)
            self._stream = path.open("r+b")
            self._start = self._stream.seek(0, 2)
            self._stream.write(self._header().tostring().encode("ascii"))
            self._stream.write(bytes(self._tiles.nbytes))
            self._add(bytes(self._bytes))  # the first block stands for all of the sky that is not covered
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def add(self, marked: NDArray[np.bool_]) -> None:
        """Add the next block.

        Parameters
        ----------
        marked
            ``(size,)`` bool, the pixels of the block in NESTED order.
        """
        self.marked += int(np.count_nonzero(marked))
        self._add(np.packbits(marked, bitorder="little").tobytes())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file, or remove it after an error."""
        try:
            if self._stream is not None:
                with self._stream:
                    if error is None:
                        self._finish(self._stream)
        except BaseException as wrong:
            self._file.__exit__(type(wrong), wrong, wrong.__traceback__)
            raise
        self._file.__exit__(kind, error, trace)

    def _add(self, content: bytes) -> None:
        assert self._stream is not None  # noqa: S101 (in the block of the context manager)
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)  # gzip without a time
        tile = packer.compress(content) + packer.flush()
        self._stream.write(tile)
        self._tiles[self._count] = len(tile), self._heap
        self._count += 1
        self._heap += len(tile)

    def _finish(self, stream: IO[bytes]) -> None:
        if self._count != len(self._tiles):
            raise ValueError(f"{self._count - 1} blocks of {len(self._blocks)} were added")
        header = self._header()
        size = len(header.tostring())
        used = self._tiles.nbytes + self._heap
        stream.write(bytes(-used % BLOCK))
        stream.seek(self._start + size)
        stream.write(self._tiles.tobytes())
        stream.flush()
        header["DATASUM"] = str(ones_complement_sum(stream, self._start + size, used + -used % BLOCK))
        stream.seek(self._start)
        stream.write(header.tostring().encode("ascii"))

    def _header(self) -> fits.Header:
        """Return the header of the compressed image; its length does not depend on the values."""
        blocks, longest = len(self._tiles), int(self._tiles["size"].max())
        two = blocks * self._bytes > LONGEST_AXIS
        axes = (self._bytes, blocks) if two else (blocks * self._bytes, 1)
        header = fits.Header()
        cards: list[HeaderCard] = [
            ("XTENSION", "BINTABLE", "compressed image"),
            ("BITPIX", 8, ""),
            ("NAXIS", 2, ""),
            ("NAXIS1", _DESCRIPTOR.itemsize, ""),
            ("NAXIS2", blocks, "number of tiles"),
            ("PCOUNT", self._heap, "size of the compressed tiles"),
            ("GCOUNT", 1, ""),
            ("TFIELDS", 1, ""),
            ("TTYPE1", "COMPRESSED_DATA", ""),
            ("TFORM1", f"1QB({longest})", ""),
            ("ZIMAGE", True, ""),
            ("ZCMPTYPE", "GZIP_1", ""),
            ("ZBITPIX", 8, ""),
            ("ZNAXIS", 2 if two else 1, ""),
            ("ZNAXIS1", axes[0], ""),
            *([("ZNAXIS2", axes[1], "")] if two else []),
            ("ZTILE1", self._bytes, ""),
            *([("ZTILE2", 1, "")] if two else []),
            ("EXTNAME", "SPARSE", ""),
            ("PIXTYPE", "HEALSPARSE", ""),
            ("NSIDE", self._nside, "of the map"),
            ("SENTINEL", False, ""),
            ("BITPACK", True, "8 pixels a byte, the first in the lowest bit"),
            ("RESHAPED", two, ""),
            ("NMARKED", self.marked, "number of marked pixels"),
            *self._cards,
        ]
        for keyword, value, comment in cards:
            if keyword in ("HISTORY", "COMMENT"):
                header[keyword] = value
            else:
                header[keyword] = (value, comment)
        header["DATASUM"] = ("0", "")
        return header
