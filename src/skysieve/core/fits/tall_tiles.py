"""Compressed images with tiles taller than the strips in which they are read.

Tile compression was designed for tiles of one row, where reading a strip decompresses only that strip. A tile
of the whole image would be decompressed again for every strip. Such an image is decompressed once, into a
temporary file.
"""

from __future__ import annotations

import tempfile
from itertools import product
from math import prod
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import SourceError
from skysieve.core.fits.hdu_layout import one_line
from skysieve.core.fits.header_checks import tile_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["UnpackedImage", "decompresses_repeatedly", "tile_bands"]

_MAX_TILE_ROWS = 64
"""Tiles with more rows are tall. Strips have some hundred rows, so lower tiles cost little extra."""

_BAND_ROWS = 256

Index = tuple[int | slice, ...]


def decompresses_repeatedly(hdu: fits.CompImageHDU, resident_pixels: int) -> bool:
    """Check whether reading a compressed image by planes and strips would decompress tiles repeatedly.

    Parameters
    ----------
    hdu
        The image.
    resident_pixels
        Planes of up to this many pixels are read at once.

    Returns
    -------
    bool
        Whether it would.
    """
    *deep, tall, _ = tile_shape(hdu)
    by_strips = hdu.shape[-2] * hdu.shape[-1] > resident_pixels
    return any(depth > 1 for depth in deep) or (by_strips and tall > _MAX_TILE_ROWS)


def tile_bands(hdu: fits.CompImageHDU) -> Iterator[Index]:
    """Split a compressed image into bands of whole rows such that each tile is in one band only.

    A band has as many planes as its tiles. It has some hundred rows, or as many as its tiles if these are
    taller.

    Parameters
    ----------
    hdu
        The image.

    Yields
    ------
    tuple of slice
        Index of each band, in NumPy order.
    """
    *deep, tall, _ = tile_shape(hdu)
    *lengths, height, _ = hdu.shape
    tall *= -(-_BAND_ROWS // tall)
    steps = [*deep, tall]
    starts = [range(0, length, step) for length, step in zip([*lengths, height], steps, strict=True)]
    for corner in product(*starts):
        part = (slice(start, start + step) for start, step in zip(corner, steps, strict=True))
        yield (*part, slice(None))


class UnpackedImage:
    """The stored values of a compressed image, decompressed on first access.

    One band of tiles at a time is in memory; the rest is in an unnamed temporary file.

    Parameters
    ----------
    hdu
        The image, opened with ``do_not_scale_image_data=True``.
    """

    def __init__(self, hdu: fits.CompImageHDU) -> None:
        self._hdu = hdu
        self._shape = tuple(int(length) for length in hdu.shape)
        self._file: IO[bytes] | None = None
        self._dtype = np.dtype(np.uint8)

    def __getitem__(self, index: Index) -> NDArray[np.generic]:
        """Return rows of a plane.

        Parameters
        ----------
        index
            Index of the plane, a slice of rows, and all columns.

        Returns
        -------
        ndarray, shape (rows, W)
            Values in the type of the file.

        Raises
        ------
        SourceError
            If there is no room for the decompressed image.
        """
        file = self._unpack() if self._file is None else self._file
        plane: Any
        rows: Any
        *plane, rows, _ = index
        *lengths, height, width = self._shape
        number = int(np.ravel_multi_index(plane, lengths)) if lengths else 0
        start, stop, _ = rows.indices(height)
        file.seek((number * height + start) * width * self._dtype.itemsize)
        content = file.read((stop - start) * width * self._dtype.itemsize)
        return np.frombuffer(content, self._dtype).reshape(stop - start, width)

    def close(self) -> None:
        """Delete the temporary file."""
        if self._file is not None:
            self._file.close()

    def _unpack(self) -> IO[bytes]:
        """Decompress the image into a temporary file, and return the file."""
        *lengths, height, width = self._shape
        file: IO[bytes] | None = None
        try:
            file = tempfile.TemporaryFile(prefix="skysieve-")  # noqa: SIM115 (open until close() is called)
            for part in tile_bands(self._hdu):
                values = self._hdu.section[part]
                self._dtype = values.dtype
                rows, planes = part[-2], part[:-2]
                first = rows.start if isinstance(rows, slice) else 0
                ranges = [range(*s.indices(n)) for s, n in zip(planes, lengths, strict=True)]  # type: ignore[union-attr]
                for plane, band in zip(product(*ranges), values.reshape(-1, *values.shape[-2:]), strict=True):
                    number = int(np.ravel_multi_index(plane, lengths)) if lengths else 0
                    file.seek((number * height + first) * width * values.dtype.itemsize)
                    file.write(np.ascontiguousarray(band).data)
            file.flush()
        except BaseException as error:
            if file is not None:
                file.close()
            if not isinstance(error, OSError) or error.errno is None:
                raise
            size = prod(self._shape) * self._dtype.itemsize / 1e9
            raise SourceError(
                f"cannot be unpacked into {tempfile.gettempdir()}, {size:.3g} GB ({one_line(error)});"
                " set TMPDIR to a folder with room"
            ) from error
        self._file = file
        return file
