"""Frames of an open FITS file: the 2-D planes of its image HDUs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.errors import SourceError
from skysieve.core.fits.frames import check_rows
from skysieve.core.fits.pixels import Scaling, to_pixels
from skysieve.core.fits.tall_tiles import UnpackedImage, decompresses_repeatedly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.mask_values import MaskRule
    from skysieve.core.fits.sections import Sections

__all__ = ["RESIDENT_PIXELS", "FitsFrame", "FrameCache", "FrameHDU", "OtherHDU", "StoredMask"]

RESIDENT_PIXELS = 2**25
"""Frames of up to this many pixels are read once and kept while in use. Larger ones are read in strips."""


class FrameCache:
    """The lock and the pixel cache that all frames of one open file share.

    A job processes one frame after the other. The cache therefore keeps the pixels of the last frame only: a
    cube of 14 planes needs the memory of one plane.

    Attributes
    ----------
    lock
        Hold it while reading the file: all frames share one file position.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._closed = False
        self._owner: FitsFrame | None = None
        self._kept: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None
        self._unpacked: dict[int, UnpackedImage] = {}

    def unpacked(self, hdu: fits.CompImageHDU) -> UnpackedImage:
        """Return the decompressed values of an HDU; all of its planes share them.

        Parameters
        ----------
        hdu
            Compressed image.

        Returns
        -------
        UnpackedImage
            Values as stored, decompressed on first access.
        """
        return self._unpacked.setdefault(id(hdu), UnpackedImage(hdu))

    def frame_pixels(self, frame: FitsFrame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return all pixels of a frame and its no-data mask; read them unless they are in the cache.

        Parameters
        ----------
        frame
            Frame of this file.

        Returns
        -------
        pixels : ndarray of float32, shape (H, W)
            Physical values, 0 where there is no data.
        nodata : ndarray of bool, shape (H, W)
            True where the frame has no data.

        Raises
        ------
        SourceError
            If the rows cannot be read.
        """
        with self.lock:
            if self._kept is None or self._owner is not frame:
                self._owner, self._kept = None, None  # free the memory before reading the next frame
                self._kept = frame.read(0, frame.shape[0])
                self._owner = frame
            return self._kept

    def check_open(self, label: str) -> None:
        """Check that the file is open.

        Parameters
        ----------
        label
            Name of the frame in messages.

        Raises
        ------
        ValueError
            If the file is closed. This is a programming error, not a user error.
        """
        if self._closed:
            raise ValueError(
                f"{label}: its file was closed; read frames inside the 'with' of their FrameFile"
            )

    def close(self) -> None:
        """Free the cached pixels and close the temporary files."""
        with self.lock:
            self._closed, self._owner, self._kept = True, None, None
            for image in self._unpacked.values():
                image.close()


class FitsFrame:
    """One plane of an image HDU in an open file; a :class:`~skysieve.core.fits.frames.Frame`.

    Several threads may request strips at the same time.

    Parameters
    ----------
    hdu
        Image HDU opened with ``do_not_scale_image_data=True``.
    plane
        Index into the axes before the last two, in NumPy order; empty for a 2-D image.
    label
        Name of the frame in messages.
    scaling
        Scaling of the stored values.
    cache
        Cache of the file.
    mask
        Mask of the same shape; its marked pixels have no data.
    sections
        Active and overscan areas stated by the header; None if it states none.
    """

    def __init__(
        self,
        hdu: fits.ImageHDU | fits.CompImageHDU,
        *,
        plane: tuple[int, ...],
        label: str,
        scaling: Scaling,
        cache: FrameCache,
        mask: StoredMask | None = None,
        sections: Sections | None = None,
    ) -> None:
        again = isinstance(hdu, fits.CompImageHDU) and decompresses_repeatedly(hdu, RESIDENT_PIXELS)
        self._section: UnpackedImage | fits.Section = cache.unpacked(hdu) if again else hdu.section
        height, width = hdu.shape[-2:]
        self._shape = (int(height), int(width))
        self._plane = plane
        self._label = label
        self._scaling = scaling
        self._cache = cache
        self._mask = mask
        self.sections = sections

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return self._shape

    @property
    def label(self) -> str:
        """Name of the frame in messages: ``file.fits[SCI,1] plane 3``; planes count from 1."""
        return self._label

    @property
    def plane(self) -> tuple[int, ...]:
        """Index into the axes before the last two, in NumPy order; empty for a 2-D image."""
        return self._plane

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """See :meth:`skysieve.core.fits.frames.Frame.rows`."""
        check_rows(self, start, stop)
        if self._shape[0] * self._shape[1] > RESIDENT_PIXELS:
            return self.read(start, stop)
        pixels, nodata = self._cache.frame_pixels(self)
        return pixels[start:stop].copy(), nodata[start:stop].copy()

    def read(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read rows from the file, bypassing the cache.

        Parameters
        ----------
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        pixels : ndarray of float32, shape (stop - start, W)
            Physical values, 0 where there is no data.
        nodata : ndarray of bool, shape (stop - start, W)
            True where the frame has no data.

        Raises
        ------
        SourceError
            If the rows cannot be read.
        ValueError
            If the file is closed.
        """
        self._cache.check_open(self._label)
        if start == stop:
            return np.empty((0, self._shape[1]), np.float32), np.empty((0, self._shape[1]), np.bool_)
        with self._reporting(start, stop):
            pixels, nodata = to_pixels(self.stored(start, stop), self._scaling)
        if self._mask is not None:
            nodata |= self._mask.read(start, stop)
            pixels[nodata] = 0
        return pixels, nodata

    def stored(self, start: int, stop: int) -> NDArray[np.generic]:
        """Return rows as stored in the file, without scaling.

        Parameters
        ----------
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        ndarray, shape (stop - start, W)
            Values in the type of the file.

        Raises
        ------
        SourceError
            If the rows cannot be read.
        """
        with self._reporting(start, stop), self._cache.lock:
            stored: NDArray[np.generic] = self._section[(*self._plane, slice(start, stop), slice(None))]
        return stored

    @contextmanager
    def _reporting(self, start: int, stop: int) -> Iterator[None]:
        """Turn any exception into a SourceError that names the frame and the rows."""
        try:
            yield
        except Exception as error:  # each decompressor raises its own kind of error
            reason = " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, MemoryError):
                size = f"{self._shape[1]} x {self._shape[0]} pixels"
                raise SourceError(f"{self._label}: {size} do not fit into memory ({reason})") from error
            if isinstance(error, SourceError):
                raise SourceError(reason if self._label in reason else f"{self._label}: {reason}") from error
            raise SourceError(
                f"{self._label}: rows {start} to {stop} cannot be read ({reason}); fetch the file again"
            ) from error


@dataclass(frozen=True)
class StoredMask:
    """One plane of a mask HDU, with the rule for its values.

    Attributes
    ----------
    plane
        The plane, read like a frame.
    scaling
        Scaling of its values.
    rule
        Which of its values mean no data.
    """

    plane: FitsFrame
    scaling: Scaling
    rule: MaskRule

    def read(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return where rows of the frame have no data.

        Parameters
        ----------
        start, stop
            Rows `start` up to, not including, `stop`.

        Returns
        -------
        ndarray of bool, shape (stop - start, W)
            True where there is no data.
        """
        return self.rule.marks(self.plane.stored(start, stop), self.scaling)


@dataclass(frozen=True)
class FrameHDU:
    """An image HDU that holds frames.

    Attributes
    ----------
    index
        Number of the HDU in the file, 0 for the primary.
    name, version
        EXTNAME, empty if there is none, and EXTVER.
    header
        Image header as stored, with BSCALE, BZERO and BLANK; for a compressed image, the header of the image.
    shape
        Shape of the HDU in NumPy order: (H, W), (N, H, W) or (M, N, H, W).
    planes
        Its frames in NumPy order: 1 for an image, N or M x N for a cube.
    linearised
        How values on an asinh scale were made linear; empty for linear values.
    """

    index: int
    name: str
    version: int
    header: fits.Header
    shape: tuple[int, ...]
    planes: tuple[FitsFrame, ...]
    linearised: str = ""


@dataclass(frozen=True)
class OtherHDU:
    """An HDU that holds no frames.

    Attributes
    ----------
    index, name, version, header
        See :class:`FrameHDU`.
    reason
        Why it holds none, in a few words: ``table``, ``no data``, ``mask of the frames``.
    left_out
        Whether it is an image that would be a frame if the user named its HDU.
    """

    index: int
    name: str
    version: int
    header: fits.Header
    reason: str
    left_out: bool = False
