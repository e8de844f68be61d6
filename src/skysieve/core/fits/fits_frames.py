"""Frames in an open FITS file: the planes of its image HDUs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from skysieve.core.errors import SourceError
from skysieve.core.fits.frames import check_rows
from skysieve.core.fits.pixels import Scaling, to_pixels
from skysieve.core.fits.tall_tiles import UnpackedImage, unpacks_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skysieve.core.fits.mask_values import StoredMask
    from skysieve.core.fits.sections import Sections

__all__ = ["RESIDENT_PIXELS", "FitsFrame", "FrameHDU", "OtherHDU", "Shelf"]

RESIDENT_PIXELS = 2**25
"""Frames up to this size are read once and kept while in use; larger ones are read in strips."""


class Shelf:
    """What the frames of one open file share: a lock, and room for one frame's pixels.

    A job goes through the frames one after the other, so the pixels of the
    frame last used are kept, and no others: a cube of 14 planes takes the
    memory of one.

    Attributes
    ----------
    lock
        To be held while the file is read, since its position is shared.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._closed = False
        self._owner: FitsFrame | None = None
        self._kept: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None
        self._unpacked: dict[int, UnpackedImage] = {}

    def unpacked(self, hdu: fits.CompImageHDU) -> UnpackedImage:
        """Return the unpacked values of an HDU, the same for all of its planes."""
        return self._unpacked.setdefault(id(hdu), UnpackedImage(hdu))

    def whole(self, frame: FitsFrame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return all pixels of a frame, and where it has no data, reading them if they are not kept."""
        with self.lock:
            if self._kept is None or self._owner is not frame:
                self._owner, self._kept = None, None  # before the next one is read, not after
                self._kept = frame.read(0, frame.shape[0])
                self._owner = frame
            return self._kept

    def check_open(self, label: str) -> None:
        """Make sure that the file is open.

        Raises
        ------
        ValueError
            If it is not: an error of the program, not of its user.
        """
        if self._closed:
            raise ValueError(
                f"{label}: its file was closed; read frames inside the 'with' of their FrameFile"
            )

    def close(self) -> None:
        """Let go of the pixels, and of the file."""
        with self.lock:
            self._closed, self._owner, self._kept = True, None, None
            for image in self._unpacked.values():
                image.close()


class FitsFrame:
    """One plane of an image HDU in an open file; a :class:`~skysieve.core.fits.frames.Frame`.

    Strips may be asked for from several threads.

    Parameters
    ----------
    hdu
        An image HDU opened with ``do_not_scale_image_data=True``.
    plane
        Index into the axes before the last two, in the order of NumPy; empty
        for a 2-D image.
    label
        What to call the frame in messages.
    scaling
        How the stored values are scaled.
    shelf
        The one of the file.
    mask
        Mask of the same shape, which says where this frame has no data.
    sections
        Which parts saw light, by the header; None if it does not tell.
    """

    def __init__(
        self,
        hdu: fits.ImageHDU | fits.CompImageHDU,
        *,
        plane: tuple[int, ...],
        label: str,
        scaling: Scaling,
        shelf: Shelf,
        mask: StoredMask | None = None,
        sections: Sections | None = None,
    ) -> None:
        again = isinstance(hdu, fits.CompImageHDU) and unpacks_again(hdu, RESIDENT_PIXELS)
        self._section: Any = shelf.unpacked(hdu) if again else hdu.section
        height, width = hdu.shape[-2:]
        self._shape = (int(height), int(width))
        self._plane = plane
        self._label = label
        self._scaling = scaling
        self._shelf = shelf
        self._mask = mask
        self.sections = sections

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return self._shape

    @property
    def label(self) -> str:
        """What to call the frame in messages: ``file.fits[SCI,1] plane 3``, planes counted from 1."""
        return self._label

    @property
    def plane(self) -> tuple[int, ...]:
        """Index into the axes before the last two, in the order of NumPy; empty for a 2-D image."""
        return self._plane

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return rows and where they have no data; see :meth:`skysieve.core.fits.frames.Frame.rows`."""
        check_rows(self, start, stop)
        if self._shape[0] * self._shape[1] > RESIDENT_PIXELS:
            return self.read(start, stop)
        pixels, nodata = self._shelf.whole(self)
        return pixels[start:stop].copy(), nodata[start:stop].copy()

    def read(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return rows as :meth:`rows` does, from the file at every call."""
        self._shelf.check_open(self._label)
        if start == stop:
            return np.empty((0, self._shape[1]), np.float32), np.empty((0, self._shape[1]), np.bool_)
        with self._reporting(start, stop):
            pixels, nodata = to_pixels(self.stored(start, stop), self._scaling)
        if self._mask is not None:
            nodata |= self._mask.read(start, stop)
            pixels[nodata] = 0
        return pixels, nodata

    def stored(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows as the file stores them, without scaling.

        Raises
        ------
        SourceError
            If they cannot be read.
        """
        with self._reporting(start, stop), self._shelf.lock:
            stored: NDArray[Any] = self._section[(*self._plane, slice(start, stop), slice(None))]
        return stored

    @contextmanager
    def _reporting(self, start: int, stop: int) -> Iterator[None]:
        """Report whatever fails as an error of the source."""
        try:
            yield
        except Exception as error:  # each decompressor raises errors of its own
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
class FrameHDU:
    """An image HDU that holds frames.

    Attributes
    ----------
    index
        Number of the HDU in the file, 0 for the primary.
    name, version
        EXTNAME, empty if there is none, and EXTVER.
    header
        The image header as stored, BSCALE, BZERO and BLANK included; of a
        compressed image, that of the image in it.
    shape
        Of the HDU, in the order of NumPy: (H, W), (N, H, W) or (M, N, H, W).
    planes
        Its frames, one for an image, N or M x N for a cube, in the order of NumPy.
    linearised
        What made its values linear, if they are stored on an asinh scale; else empty.
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
        As of :class:`FrameHDU`.
    reason
        Why it holds none, in a few words: ``table``, ``no data``, ``mask of the frames``.
    left_out
        Whether it is an image that would be a frame if its HDU was named.
    """

    index: int
    name: str
    version: int
    header: fits.Header
    reason: str
    left_out: bool = False
