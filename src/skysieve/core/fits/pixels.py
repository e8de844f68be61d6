"""Convert stored values to pixels: float32, and a mask of pixels without data.

Astropy's own scaling is not used: it treats BLANK pixels of unsigned integers as data, and makes float64 or
float32 arrays of a whole HDU at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import FrameError

if TYPE_CHECKING:
    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["AsinhScale", "Scaling", "check_dtype", "header_scaling", "linear_header", "to_pixels"]

# Working memory of one conversion: 8 bytes each for a few temporaries.
_BLOCK_PIXELS = 2**20
_SOFTENING, _OFFSET = "BSOFTEN", "BOFFSET"
_PER_MAGNITUDE = 0.4 * math.log(10)


@dataclass(frozen=True)
class AsinhScale:
    """Asinh scale of Pan-STARRS images, on which ``v`` stands for ``BOFFSET + 2 BSOFTEN sinh(v / a)``.

    With a = 2.5 / ln 10 the scale is close to magnitudes for bright pixels and linear for faint ones.

    Attributes
    ----------
    softening, offset
        BSOFTEN, where the scale changes from linear to logarithmic, and BOFFSET; in the unit of the linear
        pixels.

    References
    ----------
    Waters et al. 2020, ApJS 251, 4, section 5 (Pan-STARRS pixel processing: compression); Lupton, Gunn &
    Szalay 1999, AJ 118, 1406.
    """

    softening: float
    offset: float

    def linear(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert values on this scale to linear values.

        Parameters
        ----------
        values
            Values of any shape.

        Returns
        -------
        ndarray of float64
            Linear values, of the same shape.
        """
        return self.offset + 2 * self.softening * np.sinh(values * _PER_MAGNITUDE)

    def __str__(self) -> str:
        """Return the formula that makes stored values ``x`` linear, as headers state it."""
        return f"{self.offset:g} + 2 * {self.softening:g} * sinh(0.4 ln(10) x)"


@dataclass(frozen=True)
class Scaling:
    """Conversion of stored values to physical ones: ``zero + scale * stored``, optionally on an asinh scale.

    Attributes
    ----------
    scale, zero
        BSCALE and BZERO.
    blank
        Stored value of integer pixels without data, or None.
    asinh
        Asinh scale of the physical values; None if they are linear.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.5.
    """

    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    asinh: AsinhScale | None = None


def header_scaling(header: fits.Header, label: str) -> Scaling:
    """Return the scaling that an image header states.

    Parameters
    ----------
    header
        Header of the image.
    label
        Name of the image in messages.

    Returns
    -------
    Scaling
        The scaling.

    Raises
    ------
    FrameError
        If BSCALE or BZERO is not a number, BSCALE is zero, or the image is on an asinh scale and BSOFTEN is
        not a number above 0 or BOFFSET is not a number.
    """
    scale, zero = (_number(header, key, default, label) for key, default in (("BSCALE", 1.0), ("BZERO", 0.0)))
    if scale == 0:
        raise FrameError(f"{label}: BSCALE is 0, so every pixel would be {zero:g}; mend the header")
    try:
        blank = header.get("BLANK")
    except ValueError:  # astropy's VerifyError: an unreadable card
        blank = None
    # In the standard BLANK is an integer, for integer pixels only; other values are ignored.
    whole = isinstance(blank, int | float) and blank == blank // 1
    return Scaling(scale, zero, int(blank) if whole else None, _asinh_scale(header, label))


def linear_header(header: fits.Header) -> fits.Header:
    """Return the header of an image after its pixels were made linear: a copy without the asinh scale.

    A HISTORY card states the formula. The header of a linear image is returned as it is.

    Parameters
    ----------
    header
        Header of the image as stored.

    Returns
    -------
    astropy.io.fits.Header
        Header of the linear image.
    """
    scale = _asinh_scale(header, "header")
    if scale is None:
        return header
    linear = header.copy()
    for keyword in (_SOFTENING, _OFFSET):
        linear.remove(keyword, ignore_missing=True)
    linear["HISTORY"] = f"skysieve: asinh scale made linear: {scale}"
    return linear


def _asinh_scale(header: fits.Header, label: str) -> AsinhScale | None:
    """Return the asinh scale that a header states, or None."""
    if _SOFTENING not in header:
        return None
    softening, offset = _number(header, _SOFTENING, 0.0, label), _number(header, _OFFSET, 0.0, label)
    if softening <= 0:
        raise FrameError(f"{label}: BSOFTEN is {softening:g}, not above 0; correct the header")
    return AsinhScale(softening, offset)


def check_dtype(dtype: np.dtype[np.generic], label: str) -> None:
    """Check that pixels of this type are real numbers.

    Parameters
    ----------
    dtype
        Type of the pixels.
    label
        Name of the image in messages.

    Raises
    ------
    FrameError
        If they are complex, text, objects, dates or records.
    """
    if dtype.kind == "c":
        raise FrameError(f"{label}: the pixels are complex numbers; take the real part or the modulus")
    if dtype.kind not in "biuf":
        raise FrameError(f"{label}: the pixels are of type {dtype}, not real numbers")


def to_pixels(
    stored: NDArray[np.generic], scaling: Scaling | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Convert stored values to pixels.

    Parameters
    ----------
    stored : ndarray, shape (H, W)
        Any real type in any byte order.
    scaling
        Scaling of the values; None for no scaling.

    Returns
    -------
    pixels : ndarray of float32, shape (H, W)
        Physical values, 0 where there is no data.
    nodata : ndarray of bool, shape (H, W)
        True for NaN, infinite and BLANK values, and for values beyond float32.
    """
    scaling = scaling or Scaling()
    pixels = np.empty(stored.shape, np.float32)
    nodata = np.empty(stored.shape, np.bool_)
    step = max(1, _BLOCK_PIXELS // max(1, stored.shape[1]))
    for start in range(0, stored.shape[0], step):
        rows = slice(start, start + step)
        _convert(stored[rows], scaling, pixels[rows], nodata[rows])
    return pixels, nodata


def _convert(
    stored: NDArray[np.generic], scaling: Scaling, pixels: NDArray[np.float32], nodata: NDArray[np.bool_]
) -> None:
    """Fill a block of `pixels` and `nodata`."""
    bits = 8 * stored.dtype.itemsize
    # Values that overflow have no data; a signalling NaN is a NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        if scaling.asinh is not None:
            pixels[...] = scaling.asinh.linear(stored.astype(np.float64) * scaling.scale + scaling.zero)
        elif (scaling.scale, scaling.zero) == (1, 0):
            pixels[...] = stored
        elif stored.dtype.kind == "i" and (scaling.scale, scaling.zero) == (1, 2 ** (bits - 1)):
            # FITS convention for unsigned integers. A sum in floating point would lose small
            # counts: -2147483600 + 2147483648 is 0 or 128 in float32, never 48.
            unsigned = stored.astype(f"=i{bits // 8}").view(f"=u{bits // 8}")
            pixels[...] = unsigned ^ unsigned.dtype.type(2 ** (bits - 1))
        else:
            pixels[...] = stored.astype(np.float64) * scaling.scale + scaling.zero
    np.logical_not(np.isfinite(pixels), out=nodata)
    if scaling.blank is not None and stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype.str)
        if limits.min <= scaling.blank <= limits.max:
            nodata |= stored == scaling.blank
    pixels[nodata] = 0


def _number(header: fits.Header, key: str, default: float, label: str) -> float:
    """Return the value of a numeric card, or the default if there is no such card."""
    try:
        value = header.get(key, default)
        number: float = value if isinstance(value, int) else float(value)
    except (TypeError, ValueError) as error:
        raise FrameError(f"{label}: {key} is not a number; mend the header") from error
    if not np.isfinite(float(number)):
        raise FrameError(f"{label}: {key} is {number}, not a finite number; mend the header")
    return number
