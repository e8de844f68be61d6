"""The frame protocol: one 2-D image, read in strips of rows.

All processing code uses the :class:`Frame` protocol only. :class:`skysieve.core.fits.frame_files.FrameFile`
gives the frames of files; :func:`as_frame` makes frames of objects in memory.
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
        """Name of the frame in messages: ``file.fits[SCI,1] plane 3``."""
        ...

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the rows from `start` up to, not including, `stop`.

        The caller owns both arrays and may write to them.

        Parameters
        ----------
        start, stop
            ``0 <= start <= stop <= H``.

        Returns
        -------
        pixels : ndarray of float32, shape (stop - start, W)
            In the frame's own unit; 0 where there is no data.
        nodata : ndarray of bool, shape (stop - start, W)
            True for NaN, infinite, BLANK and masked pixels, and for values beyond float32.

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

    The frame keeps the array as it is and converts one strip at a time. Its attribute `sections` holds the
    active and overscan areas that the header states.

    Parameters
    ----------
    data
        Shape (H, W), or with leading axes of length 1, as (1, H, W). Any real or boolean type and byte order.
        The mask of a masked array is used too.
    mask
        Shape (H, W), or that of `data`; boolean or numeric; non-zero pixels have no data.
    label
        Name of the frame in messages.
    scaling
        Scaling of the values, if they are as stored in FITS.
    header
        Header of the frame, if it has one; may state active and overscan areas.

    Raises
    ------
    FrameError
        If the array is not 2-D, is empty, or holds no real numbers, or if the mask has another shape or type.
    """

    def __init__(
        self,
        data: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        label: str = "array",
        scaling: Scaling | None = None,
        header: fits.Header | Mapping[str, object] | None = None,
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
        self._masks: list[NDArray[np.generic]] = []
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
        """Name of the frame in messages."""
        return self._label

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """See :meth:`Frame.rows`."""
        check_rows(self, start, stop)
        pixels, nodata = to_pixels(self._data[start:stop], self._scaling)
        for mask in self._masks:
            nodata |= mask[start:stop] != 0
        pixels[nodata] = 0
        return pixels, nodata


def as_frame(data: object, *, mask: ArrayLike | None = None, label: str | None = None) -> Frame:
    """Return a frame for any object that holds one 2-D image.

    Parameters
    ----------
    data
        2-D array or masked array, astropy ``Quantity``, ``NDData``, ``CCDData`` (with its ``mask``) or
        ``Cutout2D``, image HDU, or frame (returned as it is). Leading axes of length 1 are dropped.
    mask
        Shape (H, W), boolean or numeric; non-zero pixels have no data, in addition to those of `data`.
    label
        Name of the frame in messages; made from the type of the object if None.

    Returns
    -------
    Frame
        The frame.

    Raises
    ------
    FrameError
        If `data` does not hold exactly one 2-D image of real numbers.
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
    """Check whether an object is astropy's ``NDData`` or has its attributes; does not import astropy.nddata.

    Parameters
    ----------
    data
        Any object.

    Returns
    -------
    bool
        Whether it has the attributes of ``NDData``.
    """
    return hasattr(data, "uncertainty") and hasattr(data, "mask")


def is_cutout(data: object) -> bool:
    """Check whether an object is astropy's ``Cutout2D``; does not import astropy.nddata.

    Parameters
    ----------
    data
        Any object.

    Returns
    -------
    bool
        Whether it has the attributes of ``Cutout2D``.
    """
    return hasattr(data, "bbox_original") and hasattr(data, "data")


def check_rows(frame: Frame, start: int, stop: int) -> None:
    """Check that rows are in the frame.

    Parameters
    ----------
    frame
        The frame.
    start, stop
        Rows `start` up to, not including, `stop`.

    Raises
    ------
    ValueError
        If they are not. This is a programming error, not a user error.
    """
    if not 0 <= start <= stop <= frame.shape[0]:
        raise ValueError(f"{frame.label}: rows {start}:{stop} are not within 0:{frame.shape[0]}")


def _one_plane(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an array with one plane, such as (1, H, W), without its leading axes."""
    leading = array.shape[:-2]
    return array.reshape(array.shape[-2:]) if leading and set(leading) == {1} else array


def _unmask(data: ArrayLike) -> tuple[NDArray[np.generic], ArrayLike | None]:
    """Return the values and the mask of a masked array (NumPy or astropy), or of a plain array."""
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.getdata(data), np.ma.getmask(data)
    held: Any = data
    if hasattr(held, "unmasked"):  # astropy.utils.masked.Masked
        return np.asarray(held.unmasked), held.mask
    return np.asarray(data), None


def _hdu_frame(
    hdu: fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU, mask: ArrayLike | None, label: str
) -> ArrayFrame:
    """Return the frame of an HDU object.

    The data type shows whether astropy has scaled the data. As stored, FITS integers are signed, except those
    of 8 bits; BZERO makes the other types.
    """
    try:
        data = hdu.data
    except Exception as error:  # astropy fails in many ways; int8 with BLANK is one
        raise FrameError(
            f"{label}: astropy cannot read its data ({error}); open the file with FrameFile"
        ) from error
    if data is None:
        raise FrameError(f"{label}: the HDU has no data")
    # Astropy removes the scaling cards when it scales to float: cards that remain still apply.
    scaling = header_scaling(hdu.header, label)
    if scaling.asinh is not None:
        logger.warning("%s: is on an asinh scale (BSOFTEN); made linear: %s", label, scaling.asinh)
    bits = 8 * data.dtype.itemsize
    if data.dtype.kind == ("i" if bits == 8 else "u"):
        shift = -128 if bits == 8 else 2 ** (bits - 1)
        blank = None if scaling.blank is None else scaling.blank + shift
        scaling = Scaling(blank=blank, asinh=scaling.asinh)
    return ArrayFrame(data, mask=mask, label=label, scaling=scaling, header=hdu.header)
