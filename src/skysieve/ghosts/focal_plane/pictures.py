"""Read existing pictures of a focal plane: 8-bit grey PNG, JPEG, NPY and FITS files of 400 x 400 pixels."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.auxiliary import classify_name
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits
    from numpy.typing import NDArray
    from PIL import Image

__all__ = [
    "PICTURE_SHAPE",
    "PICTURE_SUFFIXES",
    "check_picture",
    "find_pictures",
    "is_picture",
    "read_picture",
]

PICTURE_SHAPE = (400, 400)
"""Rows and columns of a picture of DECam."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".npy")
"""File name extensions of pictures.  A FITS file may hold a picture or an exposure."""

MAX_CHANNEL_DIFFERENCE = 2
"""Maximum difference of the channels of a grey picture, from rounding in JPEG decoders."""

_ADVICE = "scale it to 0 ... 255 and save it with 8 bits a pixel"


def is_picture(location: Path | Location, *, shape: tuple[int, int] = PICTURE_SHAPE) -> bool:
    """Tell whether a file is a picture of a focal plane rather than an exposure.

    Files with the extensions of PNG, JPEG and NPY always are.  A FITS file is a picture if its only image, or
    the image that the location names, has this shape.  Only headers are read.

    Parameters
    ----------
    location
        The file, optionally with an HDU.
    shape
        Rows and columns of pictures.

    Returns
    -------
    bool
        False also for unreadable files: reading them as exposures then raises the error.
    """
    location = location if isinstance(location, Location) else Location(location)
    if location.path.suffix.lower() in PICTURE_SUFFIXES:
        return True
    try:
        with open_intact(location.path, sums=False) as hdus:
            return _has_one_image(hdus, location, shape)
    except Exception:  # noqa: BLE001 - astropy raises various errors for invalid files
        return False


def find_pictures(folder: Path, *, shape: tuple[int, int] = PICTURE_SHAPE) -> list[Path]:
    """Find the pictures of focal planes in a folder by their size.

    Previews and contact sheets have other sizes.  Hidden and unreadable files are left out.

    Parameters
    ----------
    folder
        The folder.
    shape
        Rows and columns of pictures.

    Returns
    -------
    list of Path
        PNG, JPEG and NPY files of this size, sorted by name.
    """
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and _picture_size(path) == shape
    ]


def read_picture(location: Path | Location, *, shape: tuple[int, int] = PICTURE_SHAPE) -> NDArray[np.uint8]:
    """Read a picture of a focal plane.

    Parameters
    ----------
    location
        The file: PNG, JPEG or NPY by its extension, else FITS.  The first row is at the top, also for FITS.
    shape
        Expected rows and columns.

    Returns
    -------
    ndarray of uint8, shape `shape`
        Grey levels.

    Raises
    ------
    SourceError
        If the file is missing, damaged, or has another format.
    FrameError
        If the picture has another size, colours, more than 8 bits, or missing pixels.
    """
    location = location if isinstance(location, Location) else Location(location)
    path = location.path
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        return _read_fits(location, shape)
    if location.hdu is not None:
        raise SourceError(f"{location}: only FITS files have HDUs; leave the brackets out")
    if not path.is_file():
        raise SourceError(f"{path}: no such file; check the name")
    if path.suffix.lower() == ".npy":
        return check_picture(_read_npy(path), str(path), shape=shape)
    return check_picture(_read_image(path, shape), str(path), shape=shape)


def check_picture(
    pixels: NDArray[np.generic], label: str, *, shape: tuple[int, int] = PICTURE_SHAPE
) -> NDArray[np.uint8]:
    """Check that an array is a grey picture of a focal plane, and convert it to uint8.

    Parameters
    ----------
    pixels
        Array ``(H, W)``, or ``(H, W, 3)`` with equal channels; uint8, or floats with integer values 0 to 255.
    label
        Name of the picture in messages.
    shape
        Expected rows and columns.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Grey levels.

    Raises
    ------
    FrameError
        If the array has another shape or type, or its channels differ.
    """
    if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[2] not in {1, 3}):
        raise FrameError(f"{label}: has shape {pixels.shape}; a picture has {shape}, or 3 equal channels")
    _check_size(pixels.shape[:2], label, shape)
    if pixels.dtype.kind not in "uif":
        raise FrameError(f"{label}: the pixels are of type {pixels.dtype}, not grey levels; {_ADVICE}")
    if pixels.dtype.kind in "ui" and pixels.dtype != np.uint8:
        bits = 8 * pixels.dtype.itemsize
        raise FrameError(
            f"{label}: has {bits} bits a pixel ({pixels.dtype}), not 8 without a sign; {_ADVICE}"
        )
    if pixels.dtype.kind == "f":
        integer = np.isfinite(pixels).all() and (pixels == np.rint(pixels)).all()
        if not integer or pixels.min() < 0 or pixels.max() > 255:
            raise FrameError(f"{label}: its numbers are not all whole and from 0 to 255; {_ADVICE}")
    levels: NDArray[np.uint8] = pixels.astype(np.uint8)
    if levels.ndim == 3:
        spread = levels.max(axis=2).astype(int) - levels.min(axis=2)
        if spread.max() > MAX_CHANNEL_DIFFERENCE:
            raise FrameError(f"{label}: is a colour picture, its channels differ; give one band in grey")
        levels = levels[..., levels.shape[2] // 2]  # green is nearest to the luminance of a decoded JPEG
    return np.ascontiguousarray(levels)


def _picture_size(path: Path) -> tuple[int, ...]:
    """Return the rows and columns of a picture from its header; an empty tuple if it cannot be read."""
    from PIL import Image

    try:
        if path.suffix.lower() == ".npy":
            return tuple(np.load(path, mmap_mode="r", allow_pickle=False).shape[:2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return image.size[::-1]
    except Exception:  # noqa: BLE001 - decoders raise various errors
        return ()


def _check_size(size: tuple[int, ...], label: str, shape: tuple[int, int]) -> None:
    """Raise an error if a picture has another size."""
    if tuple(size) != shape:
        raise FrameError(
            f"{label}: is {size[1]} x {size[0]} pixels, not {shape[1]} x {shape[0]}; give the picture of a "
            "whole focal plane of that size, or the exposure itself"
        )


def _has_one_image(hdus: fits.HDUList, location: Location, shape: tuple[int, int]) -> bool:
    """Tell whether the image that a location names, or the only image of a file, has a shape."""
    if location.hdu is not None:
        key = location.hdu if location.version is None else (location.hdu, location.version)
        return tuple(getattr(hdus[key], "shape", ())) == shape
    found = 0
    for hdu in hdus:
        if classify_name(hdu.name) is not None:
            continue  # such as the truth of a simulated picture
        size = tuple(getattr(hdu, "shape", ())) if getattr(hdu, "is_image", False) else ()
        if size and size != shape:
            return False
        found += size == shape
    return found == 1


def _read_image(path: Path, shape: tuple[int, int]) -> NDArray[np.generic]:
    """Decode a PNG or JPEG; the size is checked first, because a large picture may fill the memory."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(image.size[::-1], str(path), shape)
                image.load()
                return _channels(image, str(path))
    except FrameError:
        raise
    except Exception as error:  # decoders raise various errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{path}: cannot be read as a picture ({reason}); fetch the file again") from error


def _channels(image: Image.Image, label: str) -> NDArray[np.generic]:
    """Return the pixels of a decoded picture; convert palettes and other colour spaces to RGB."""
    if image.mode in {"P", "PA", "LA", "RGBA"}:
        full = np.asarray(image.convert("RGBA"))
        if full[..., 3].min() < 255:
            raise FrameError(f"{label}: is partly transparent; save it without alpha channel")
        return full[..., :3]
    if image.mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
        return np.asarray(image.convert("RGB"))
    return np.asarray(image)


def _read_npy(path: Path) -> NDArray[np.generic]:
    """Load an array, but no pickle."""
    try:
        with path.open("rb") as stream:
            array: NDArray[np.generic] = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # a wrong magic string, a short file, an array of objects
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(
            f"{path}: cannot be read as one NPY array ({reason}); save it with numpy.save"
        ) from error
    return array


def _read_fits(location: Location, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read the one image of a FITS file."""
    with FrameFile(location) as file:
        if len(file.planes) != 1:
            raise FrameError(
                f"{location}: holds {len(file.planes)} frames, a picture of a focal plane is one; name an HDU"
            )
        frame, hdu = file.planes[0], file.frames[0]
        _check_size(frame.shape, frame.label, shape)
        bits = hdu.header.get("BITPIX")
        if bits in {16, 32, 64}:
            raise FrameError(f"{frame.label}: has {bits} bits a pixel (BITPIX), not 8; {_ADVICE}")
        pixels, nodata = frame.read(0, shape[0])
        if nodata.any():
            raise FrameError(
                f"{frame.label}: {int(nodata.sum())} pixels have no value; fill them with 23, as gaps are"
            )
        return check_picture(pixels, frame.label, shape=shape)
