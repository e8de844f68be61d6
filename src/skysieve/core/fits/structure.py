"""Products that keep the structure of their source: one HDU for each HDU, in the same order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeAlias

from astropy.io import fits

from skysieve.core.fits.distortion_tables import find_tables
from skysieve.core.fits.fits_out import StoredHDU, primary_hdu, stored_hdu
from skysieve.core.fits.hdu_layout import one_line, quiet
from skysieve.core.fits.header_checks import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU

__all__ = ["HDU", "ImageExtension", "keep_structure"]

logger = logging.getLogger(__name__)

ImageExtension: TypeAlias = fits.ImageHDU | fits.CompImageHDU
"""Image extension, plain or compressed."""
HDU: TypeAlias = fits.PrimaryHDU | ImageExtension | StoredHDU


def keep_structure(
    hdus: fits.HDUList,
    frames: Mapping[int, FrameHDU],
    make: Callable[[FrameHDU, bool], ImageExtension],
    *,
    one_only: bool = False,
    frames_only: bool = False,
    cards: Sequence[HeaderCard] = (),
) -> Iterator[HDU]:
    """Yield the HDUs of a product that keeps the structure of its source.

    The primary header is kept, and `make` replaces each science HDU. Tables are copied unchanged, and so are
    the distortion tables that the world coordinates of a science HDU refer to. All other images become an
    empty HDU with their name, which keeps the order of the source. A damaged table also becomes an empty HDU,
    and the log names it.

    Parameters
    ----------
    hdus
        The open source.
    frames
        Its science HDUs, by number.
    make
        Returns the HDU for a science HDU. Its second argument states whether the product holds the distortion
        tables that the science header refers to. A compressed image cannot be primary: it follows the primary
        header, as with ``fpack``.
    one_only
        Whether the product holds only the primary header and the one science HDU, as primary HDU if possible,
        followed by its distortion tables.
    frames_only
        Whether the product holds only the science HDUs, with an empty primary HDU if that of the source has
        no image.
    cards
        Further cards for a primary header without a science image.

    Yields
    ------
    PrimaryHDU, ImageHDU, CompImageHDU or StoredHDU
        The HDUs in file order.
    """
    found = {
        index: None if frames_only else find_tables(hdus, frame.header) for index, frame in frames.items()
    }
    tables = frozenset().union(*(numbers for numbers in found.values() if numbers))
    for index, hdu in enumerate(hdus):
        if index in frames:
            has_tables = found[index] is not None
            # no variable keeps an HDU, so that its pixels are freed before those of the next are made
            if index == 0 or one_only:
                yield from _with_header(make(frames[index], has_tables), hdus[0].header)
            else:
                yield make(frames[index], has_tables)
        elif index in tables:
            yield _table(hdu, index, hdus.filename() or "the file") or _placeholder(hdu)
        elif one_only or (frames_only and index > 0):
            continue
        elif index == 0:
            yield primary_hdu(hdu.header, cards=cards)
        elif isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(hdu, fits.CompImageHDU):
            yield _table(hdu, index, hdus.filename() or "the file") or _placeholder(hdu)
        else:
            yield _placeholder(hdu)


def _table(hdu: fits.BinTableHDU | fits.TableHDU, index: int, label: str) -> StoredHDU | None:
    """Return a table in its stored form, or None, with a warning, if it is damaged."""
    try:
        with quiet(label):
            return stored_hdu(hdu.copy())
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - astropy raises many kinds for tables that break the standard
        name = f" {hdu.name}" if hdu.name else ""
        logger.warning(
            "%s: HDU %d%s, a table, is damaged and is left out (%s)", label, index, name, one_line(error)
        )
        return None


def _placeholder(hdu: fits.ImageHDU | fits.BinTableHDU | fits.TableHDU) -> fits.ImageHDU:
    return fits.ImageHDU(name=hdu.name or None, ver=version_of(hdu) if hdu.name else None)


def _with_header(hdu: ImageExtension, header: fits.Header) -> Iterator[HDU]:
    """Yield an image with the source's primary header, as primary HDU or behind an empty one."""
    if isinstance(hdu, fits.CompImageHDU):
        yield primary_hdu(header)
        yield hdu
    else:
        yield _as_primary(hdu, header)


def _as_primary(hdu: fits.ImageHDU, header: fits.Header) -> fits.PrimaryHDU:
    """Return the image as primary HDU, with the missing cards of the source's primary header."""
    cards = primary_hdu(header).header
    cards.update(hdu.header.copy(strip=True))
    # INHERIT makes an extension use the cards of the primary header.
    cards.remove("INHERIT", ignore_missing=True)
    return fits.PrimaryHDU(hdu.data, cards)
