"""A frame: one 2-D image, of which strips of rows can be had.

What processes frames sees only :class:`Frame`.  Frames of files come from
:class:`skysieve.core.fits.frame_files.FrameFile`; objects in memory become
frames by :func:`as_frame`.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
from astropy.io import fits

from skysieve.core.errors import FrameError
from skysieve.core.fits.pixels import Scaling, check_dtype, header_scaling, to_pixels
from skysieve.core.fits.sections import read_sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

logger = logging.getLogger(__name__)

__all__ = ["ArrayFrame", "Frame", "as_frame", "check_rows", "is_cutout", "is_nddata"]


@runtime_checkable
class Frame(Protocol):
    """One 2-D image, in memory or in a file."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        ...

    @property
    def label(self) -> str:
        """What to call the frame in messages: ``file.fits[SCI,1] plane 3``."""
        ...

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the rows from `start` up to, not including, `stop`.

        Parameters
        ----------
        start, stop
            ``0 <= start <= stop <= H``.

        Returns
        -------
        pixels : ndarray of float32, shape (stop - start, W)
            In the frame's own unit; 0 where there is no data.
        nodata : ndarray of bool, shape (stop - start, W)
            True for NaN, infinite, BLANK and masked pixels, and those beyond float32.

        Both belong to the caller, who may write in them.

        Raises
        ------
        SourceError
            If a file cannot be read.
        ValueError
            If the rows are not in the frame.
        """
        ...


class ArrayFrame:
    """A frame in memory.

    The array is kept as it is, and converted a strip at a time.  What its header
    says of the parts of the detector is in `sections`.

    Parameters
    ----------
    data
        Shape (H, W), or with axes of length 1 in front, as (1, H, W); of any real
        or boolean type and byte order; a masked array brings its mask along.
    mask
        Shape (H, W), or that of the data; boolean or numeric; non-zero pixels have no data.
    label
        What to call the frame in messages.
    scaling
        How the values are scaled, if they are as stored in FITS.
    header
        Of the frame, if it has one; it may say which parts saw light.

    Raises
    ------
    FrameError
        If the array is not 2-D, is empty, or holds no real numbers, or the mask
        has another shape or type.
    """

    def __init__(
        self,
        data: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        label: str = "array",
        scaling: Scaling | None = None,
        header: fits.Header | Mapping[str, Any] | None = None,
    ) -> None:
        self._label = label
        values, own_mask = _unmask(data)
        self._data = _one_plane(values)
        if self._data.ndim != 2:
            raise FrameError(f"{label}: a frame has 2 dimensions, not {self._data.ndim}; choose a plane")
        if self._data.size == 0:
            raise FrameError(f"{label}: the frame is empty, of shape {self._data.shape}")
        check_dtype(self._data.dtype, label)
        self._scaling = scaling
        self.sections = None if header is None else read_sections(header, self.shape)
        self._masks: list[NDArray[Any]] = []
        for given in (own_mask, mask):
            if given is None or given is np.ma.nomask:
                continue
            array = _one_plane(np.asarray(given))
            if array.shape != self._data.shape:
                raise FrameError(
                    f"{label}: the mask has shape {array.shape}, the frame {self._data.shape}; make them one"
                )
            check_dtype(array.dtype, f"{label}, mask")
            self._masks.append(array)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (H, W) in pixels."""
        return cast("tuple[int, int]", self._data.shape)

    @property
    def label(self) -> str:
        """What to call the frame in messages."""
        return self._label

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return rows and where they have no data; see :meth:`Frame.rows`."""
        check_rows(self, start, stop)
        pixels, nodata = to_pixels(self._data[start:stop], self._scaling)
        for mask in self._masks:
            nodata |= mask[start:stop] != 0
        pixels[nodata] = 0
        return pixels, nodata


def as_frame(data: object, *, mask: ArrayLike | None = None, label: str | None = None) -> Frame:
    """Return a frame for whatever holds one 2-D image.

    Parameters
    ----------
    data
        A 2-D array or masked array, an astropy ``Quantity``, ``NDData`` or ``CCDData``
        (its ``mask`` holds) or ``Cutout2D``, an image HDU, or a frame, which is returned
        as it is.  Axes of length 1 in front of the two are left out.
    mask
        Shape (H, W), boolean or numeric; non-zero pixels have no data, besides
        those that `data` itself says have none.
    label
        What to call the frame in messages; made from the kind of object if None.

    Raises
    ------
    FrameError
        If there is not exactly one 2-D image of real numbers in it.
    """
    if isinstance(data, Frame):
        if mask is not None:
            raise FrameError(f"{data.label}: a mask cannot be added to a frame; give it with the array")
        return data
    if isinstance(data, str | os.PathLike):
        raise FrameError(f"{os.fspath(data)!r} is a name, not an image; open it with FrameFile")
    if isinstance(data, fits.HDUList):
        raise FrameError(
            "an HDUList may hold many frames; give one HDU of it, or open the file with FrameFile"
        )
    if isinstance(data, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
        return _hdu_frame(data, mask, label or f"HDU {data.name or 'without a name'}")
    if is_nddata(data):
        label = label or type(data).__name__
        held: Any = data
        if "BSOFTEN" in (held.meta or {}):
            logger.warning(
                "%s: its metadata state an asinh scale (BSOFTEN), not whether its pixels are still on it; "
                "they are taken as linear: give the file or HDU if they are not",
                label,
            )
        try:
            inner = np.ma.masked_array(held.data, mask=np.ma.nomask if held.mask is None else held.mask)
        except np.ma.MaskError as error:
            raise FrameError(f"{label}: its mask and its data differ in shape ({error})") from error
        return ArrayFrame(inner, mask=mask, label=label, header=getattr(held, "meta", None))
    if is_cutout(data):
        cutout: Any = data
        return ArrayFrame(cutout.data, mask=mask, label=label or "Cutout2D")
    return ArrayFrame(cast("ArrayLike", data), mask=mask, label=label or "array")


def is_nddata(data: object) -> bool:
    """Tell whether this is astropy's ``NDData``, or made like it, without the cost of importing that."""
    return hasattr(data, "uncertainty") and hasattr(data, "mask")


def is_cutout(data: object) -> bool:
    """Tell whether this is astropy's ``Cutout2D``, without the cost of importing that."""
    return hasattr(data, "bbox_original") and hasattr(data, "data")


def check_rows(frame: Frame, start: int, stop: int) -> None:
    """Make sure that the rows are in the frame.

    Raises
    ------
    ValueError
        If they are not: an error of the program, not of its user.
    """
    if not 0 <= start <= stop <= frame.shape[0]:
        raise ValueError(f"{frame.label}: rows {start}:{stop} are not within 0:{frame.shape[0]}")


def _one_plane(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of one plane, as (1, H, W), without the axes in front."""
    leading = array.shape[:-2]
    return array.reshape(array.shape[-2:]) if leading and set(leading) == {1} else array


def _unmask(data: ArrayLike) -> tuple[NDArray[Any], ArrayLike | None]:
    """Return the values and the mask of a NumPy or astropy masked array, or of a plain one."""
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.getdata(data), np.ma.getmask(data)
    held: Any = data
    if hasattr(held, "unmasked"):  # astropy.utils.masked.Masked
        return np.asarray(held.unmasked), held.mask
    return np.asarray(data), None


def _hdu_frame(hdu: Any, mask: ArrayLike | None, label: str) -> ArrayFrame:
    """Return the frame of an HDU object.

    The type of the data tells whether astropy has scaled it: as stored, FITS
    integers are signed, but for 8 bits; BZERO makes the other kinds.
    """
    try:
        data = hdu.data
    except Exception as error:  # it fails in many ways; int8 with BLANK is one
        raise FrameError(
            f"{label}: astropy cannot read its data ({error}); open the file with FrameFile"
        ) from error
    if data is None:
        raise FrameError(f"{label}: the HDU has no data")
    # Astropy takes the cards away when it scales to float, so what they say still holds.
    scaling = header_scaling(hdu.header, label)
    if scaling.asinh is not None:
        logger.warning("%s: is on an asinh scale (BSOFTEN); made linear: %s", label, scaling.asinh)
    bits = 8 * data.dtype.itemsize
    if data.dtype.kind == ("i" if bits == 8 else "u"):
        shift = -128 if bits == 8 else 2 ** (bits - 1)
        blank = None if scaling.blank is None else scaling.blank + shift
        scaling = Scaling(blank=blank, asinh=scaling.asinh)
    return ArrayFrame(data, mask=mask, label=label, scaling=scaling, header=hdu.header)
