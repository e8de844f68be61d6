"""Compressed images whose tiles are taller than the strips that are read of them.

Tile compression was made for tiles of one row: of these a strip unpacks what it needs.  A tile of the whole
image would be unpacked again for every strip.  Such an image is unpacked once, into a temporary file.
"""

from __future__ import annotations

import tempfile
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import SourceError
from skysieve.core.fits.fits_units import one_line
from skysieve.core.fits.hdu_claims import tile_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["UnpackedImage", "tile_bands", "unpacks_again"]

_TALL = 64
"""Tiles of more rows are tall: strips are of some hundred rows, so that lower ones cost little twice."""

_STRIP = 256

Index = tuple[int | slice, ...]


def unpacks_again(hdu: fits.CompImageHDU, resident_pixels: int) -> bool:
    """Tell whether reading a compressed image by planes and strips would unpack tiles many times.

    Parameters
    ----------
    hdu
        The image.
    resident_pixels
        Planes of at most this size are read at once.
    """
    *deep, tall, _ = tile_shape(hdu)
    by_strips = hdu.shape[-2] * hdu.shape[-1] > resident_pixels
    return any(depth > 1 for depth in deep) or (by_strips and tall > _TALL)


def tile_bands(hdu: fits.CompImageHDU) -> Iterator[Index]:
    """Yield the parts of a compressed image, in whole rows, such that no tile is in two of them.

    A part holds as many planes as its tiles, and some hundred rows, or as many as its tiles if these are
    taller.
    """
    *deep, tall, _ = tile_shape(hdu)
    *lengths, height, _ = hdu.shape
    tall *= -(-_STRIP // tall)
    steps = [*deep, tall]
    starts = [range(0, length, step) for length, step in zip([*lengths, height], steps, strict=True)]
    for corner in product(*starts):
        part = (slice(start, start + step) for start, step in zip(corner, steps, strict=True))
        yield (*part, slice(None))


class UnpackedImage:
    """The stored values of a compressed image, unpacked when they are first asked for.

    Memory holds one band of tiles at a time; the rest is in an unnamed temporary file.

    Parameters
    ----------
    hdu
        The image, opened with ``do_not_scale_image_data=True``.
    """

    def __init__(self, hdu: fits.CompImageHDU) -> None:
        self._hdu = hdu
        self._shape = tuple(int(length) for length in hdu.shape)
        self._file: Any = None
        self._dtype = np.dtype(np.uint8)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Return rows of a plane: the index is that of the plane, a slice of rows, and all columns.

        Raises
        ------
        SourceError
            If there is no room for the unpacked image.
        """
        if self._file is None:
            self._unpack()
        plane: Any
        rows: Any
        *plane, rows, _ = index
        *lengths, height, width = self._shape
        number = int(np.ravel_multi_index(plane, lengths)) if lengths else 0
        start, stop, _ = rows.indices(height)
        self._file.seek((number * height + start) * width * self._dtype.itemsize)
        content = self._file.read((stop - start) * width * self._dtype.itemsize)
        return np.frombuffer(content, self._dtype).reshape(stop - start, width)

    def close(self) -> None:
        """Let go of the temporary file."""
        if self._file is not None:
            self._file.close()

    def _unpack(self) -> None:
        *lengths, height, width = self._shape
        file: Any = None
        try:
            file = tempfile.TemporaryFile(prefix="skysieve-")  # noqa: SIM115 (it lives as long as this)
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
