"""FITS output: HDUs of masks and probabilities, and files of HDUs."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np
from astropy.io import fits

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError
from skysieve.core.fits.cards import inherit_cards, keep_cards, set_cards
from skysieve.core.fits.hdu_layout import quiet
from skysieve.core.fits.mask_compression import Compression, choose_compression, tile_shape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["HDU", "Compression", "StoredHDU", "mask_hdu", "primary_hdu", "stored_hdu", "write_fits"]

Extension: TypeAlias = fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU | fits.TableHDU

# Types that FITS stores without BZERO, by the type of the input.
_STORED_AS: dict[str, type[np.generic]] = {
    "bool": np.uint8,
    "uint8": np.uint8,
    "int8": np.int16,
    "int16": np.int16,
    "uint16": np.int32,
    "int32": np.int32,
    "float16": np.float32,
    "float32": np.float32,
    "float64": np.float64,
}
# The name that CFITSIO gives to compressed images without a name.
_PLACEHOLDER_NAME = "COMPRESSED_IMAGE"
_FITS_BLOCK = 2880
# Astropy uses level 9 and gzip(1) level 6. On masks, 6 is several times faster and within 1 % in size.
_GZIP_LEVEL = 6
# Headers come from other people's files: fix what can be fixed, without a warning.
_VERIFY = "silentfix+exception"


def mask_hdu(
    bits: NDArray[np.generic],
    *,
    header: fits.Header | None,
    name: str | None = None,
    version: int | None = None,
    compression: Compression | None = None,
    cards: Iterable[HeaderCard] = (),
    tables: bool = False,
    unsigned: bool = False,
) -> fits.ImageHDU | fits.CompImageHDU:
    """Return an image extension with a mask, or with probabilities.

    Parameters
    ----------
    bits : ndarray, shape (H, W) or (N, H, W)
        Integers or booleans, dimensionless; or floats such as probabilities. Types that FITS lacks are
        widened; the values never change.
    header
        Science header. World coordinates, position on the detector and names are copied; see
        :func:`skysieve.core.fits.cards.inherit_cards`.
    name, version
        ``EXTNAME`` and ``EXTVER``; those of the science header if None.
    compression
        ``PLIO_1``, ``GZIP_2`` (lossless for floats too) or ``none``. None selects PLIO_1 for a 2-D mask that
        it can hold, and GZIP_2 for all other data.
    cards
        Further cards, as ``(keyword, value, comment)``.
    tables
        Whether the file will hold the distortion tables that the science header refers to. They apply to
        masks with two axes only.
    unsigned
        Whether 16-bit unsigned integers keep their type, by BZERO, instead of becoming signed 32-bit ones.

    Returns
    -------
    astropy.io.fits.ImageHDU or astropy.io.fits.CompImageHDU
        The extension.

    Raises
    ------
    OutputError
        If the array has another shape, is empty, has a type or values that cannot be stored, or does not suit
        the compression.
    """
    if bits.ndim not in (2, 3) or bits.size == 0:
        raise OutputError(f"a mask has shape (H, W) or (N, H, W), none of them 0; this has {bits.shape}")
    data = bits if unsigned and bits.dtype == np.uint16 else _as_stored(bits)
    chosen = choose_compression(data, compression)
    own = _mask_header(header, dimensions=data.ndim, name=name, version=version, tables=tables)
    set_cards(own, cards)
    if chosen == "none":
        return fits.ImageHDU(data, own)
    return fits.CompImageHDU(
        data,
        own,
        compression_type=chosen,
        tile_shape=tile_shape(data.shape, chosen),
        # 0 means: do not quantise floats
        quantize_level=0,
    )


def primary_hdu(header: fits.Header | None, *, cards: Iterable[HeaderCard] = ()) -> fits.PrimaryHDU:
    """Return an empty primary HDU with the source's primary header.

    Parameters
    ----------
    header
        Primary header of the source. Cards that describe pixels and unreadable cards are left out; see
        :func:`skysieve.core.fits.cards.keep_cards`.
    cards
        Further cards, as ``(keyword, value, comment)``.

    Returns
    -------
    astropy.io.fits.PrimaryHDU
        The HDU.
    """
    own = fits.Header() if header is None else keep_cards(header)
    set_cards(own, cards)
    return fits.PrimaryHDU(header=own)


@dataclass(frozen=True)
class StoredHDU:
    """An extension in the form in which it is written to a file.

    Attributes
    ----------
    content
        Header and data, padded to whole FITS blocks.
    """

    content: memoryview


HDU: TypeAlias = fits.PrimaryHDU | Extension | StoredHDU
"""What :func:`write_fits` writes."""


def stored_hdu(hdu: Extension) -> StoredHDU:
    """Serialise an extension, with ``CHECKSUM`` and ``DATASUM``.

    All errors of the HDU occur here, and not in the middle of a file.

    Parameters
    ----------
    hdu
        The extension.

    Returns
    -------
    StoredHDU
        Its bytes.

    Raises
    ------
    astropy.io.fits.VerifyError, Exception
        If the extension breaks the FITS standard, or astropy cannot read its data.
    """
    buffer = io.BytesIO()
    with quiet("a product"):
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer, output_verify=_VERIFY, checksum=True)
    return StoredHDU(buffer.getbuffer()[_FITS_BLOCK:])


def write_fits(hdus: fits.HDUList | Iterable[HDU], path: Path, *, overwrite: bool) -> None:
    """Write HDUs to a file, completely or not at all, with ``CHECKSUM`` and ``DATASUM`` in each.

    A first HDU that is an image extension becomes the primary HDU. If it cannot, as a compressed image or a
    table, an empty primary HDU is written in front of it. A name that ends in ``.gz`` makes a gzip file.

    Parameters
    ----------
    hdus
        HDUs in file order; a generator may make each HDU after the previous one is written.
    path
        The file; missing folders are made.
    overwrite
        Whether to replace an existing file.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, if it cannot be written, or if an HDU breaks the FITS
        standard.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        try:
            with temporary.open("wb") as stream:
                if path.suffix.lower() == ".gz":
                    # No name and no time: the same content gives the same file.
                    with gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0) as packed:
                        _write_all(hdus, packed)
                else:
                    _write_all(hdus, stream)
        except fits.VerifyError as error:
            reason = " ".join(str(error).split())
            raise OutputError(f"cannot write {path}: not valid FITS: {reason}") from error


def _write_all(hdus: Iterable[HDU], stream: BinaryIO | gzip.GzipFile) -> None:
    """Write HDUs one after another, so that only one need be in memory.

    A FITS file is a sequence of HDUs. Each extension is serialised behind an empty primary HDU, which is then
    cut off.
    """
    source = iter(hdus)
    primary, rest = _with_primary(next(source, None))
    # stored at once: only the bytes of an HDU, not its pixels, stay in memory while the next one is made
    stored = map(_stored_form, chain(rest, source))
    following = next(stored, None)
    if following is not None:
        primary.header["EXTEND"] = True
    with quiet("a product"):
        fits.HDUList([primary]).writeto(stream, output_verify=_VERIFY, checksum=True)
    while following is not None:
        stream.write(following.content)
        following = next(stored, None)


def _stored_form(hdu: HDU) -> StoredHDU:
    """Return an HDU in the form in which it is written."""
    return hdu if isinstance(hdu, StoredHDU) else stored_hdu(hdu)


def _as_stored(bits: NDArray[np.generic]) -> NDArray[np.generic]:
    stored = _STORED_AS.get(bits.dtype.name)
    if stored is None:
        if bits.dtype.kind not in "iu":
            raise OutputError(f"FITS holds no values of type {bits.dtype}; give integers, booleans or floats")
        # Tiles cannot hold 64 bits. FITS offsets unsigned integers, which readers of flags may ignore.
        limits = np.iinfo(np.int32)
        lowest, highest = int(bits.min()), int(bits.max())
        if lowest < limits.min or highest > limits.max:
            raise OutputError(f"a mask holds values of 31 bits; these reach from {lowest} to {highest}")
        stored = np.int32
    return np.ascontiguousarray(bits, dtype=stored)


def _mask_header(
    science: fits.Header | None, *, dimensions: int, name: str | None, version: int | None, tables: bool
) -> fits.Header:
    header = fits.Header() if science is None else inherit_cards(science, tables=tables and dimensions == 2)
    if header.get("EXTNAME") == _PLACEHOLDER_NAME:
        del header["EXTNAME"]
    names: tuple[HeaderCard, ...] = (
        *((("EXTNAME", name, "name of the frame that is masked"),) if name else ()),
        *((("EXTVER", version, "version of the frame that is masked"),) if version is not None else ()),
    )
    set_cards(header, names)
    if dimensions == 3 and "CTYPE1" in header and "WCSAXES" not in header:
        # Without WCSAXES, readers take the planes as a third coordinate axis, for which there is no matrix.
        header.insert(0, ("WCSAXES", 2, "axes of the world coordinates"))
    return header


def _with_primary(first: HDU | None) -> tuple[fits.PrimaryHDU, list[HDU]]:
    """Return the primary HDU of a file, and the first HDU if it has to follow as an extension."""
    if first is None:
        return fits.PrimaryHDU(), []
    if isinstance(first, fits.PrimaryHDU):
        return first, []
    if isinstance(first, fits.ImageHDU) and not isinstance(first, fits.CompImageHDU):
        header = first.header.copy(strip=True)
        # INHERIT makes an extension use the cards of the primary header; a primary HDU must not have it.
        header.remove("INHERIT", ignore_missing=True)
        return fits.PrimaryHDU(first.data, header), []
    return fits.PrimaryHDU(), [first]
