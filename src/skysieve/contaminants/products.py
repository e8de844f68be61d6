"""Masks onto disk: the bit-plane product, with one mask HDU for each science HDU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy.io import fits

from skysieve.contaminants.planes import schema_of
from skysieve.imaging.domain import WARNING_SCORE, describe
from skysieve.imaging.fits_out import mask_hdu, primary_hdu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.contaminants.bitmaps import BitMap
    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.cards import HeaderCard
    from skysieve.imaging.domain import Unlikeness
    from skysieve.imaging.fits_frames import FrameHDU
    from skysieve.imaging.fits_out import Compression
    from skysieve.imaging.frame_files import FrameFile

__all__ = ["Format", "bits_hdu", "file_structure", "stacked", "unlikeness_cards"]

Format = Literal["bits", "cube", "single", "probabilities"]


def file_structure(
    file: FrameFile,
    make: Callable[[FrameHDU], fits.ImageHDU | fits.CompImageHDU],
    cards: Sequence[HeaderCard] = (),
) -> Iterator[fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU | fits.TableHDU]:
    """Yield the HDUs of a product that keeps the structure of its source.

    The primary header is kept, each science HDU is replaced by what ``make`` returns for it, tables pass
    through untouched, and other images leave an empty HDU with their name, so that the order is that of
    the source.  Where only one HDU was asked for, the product holds the primary header and that one: as
    primary HDU if it can be.

    Parameters
    ----------
    file
        The open source.
    make
        Returns the HDU for a science HDU.  A compressed image cannot be primary: it follows the primary
        header, as with ``fpack``.
    cards
        Further cards for a primary header without a science image.
    """
    frames = {hdu.index: hdu for hdu in file.frames}
    one_only = file.location.hdu is not None
    for index, hdu in enumerate(file.hdus):
        if index in frames:
            made = make(frames[index])
            if index == 0 or one_only:
                header = file.hdus[0].header
                if isinstance(made, fits.CompImageHDU):
                    yield primary_hdu(header)
                else:
                    made = _as_primary(made, header)
            yield made
        elif one_only:
            continue
        elif index == 0:
            yield primary_hdu(hdu.header, cards=cards)
        elif isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(hdu, fits.CompImageHDU):
            yield hdu.copy()
        else:
            yield fits.ImageHDU(name=hdu.name or None, ver=hdu.ver if hdu.name else None)


def _as_primary(hdu: fits.ImageHDU, header: fits.Header) -> fits.PrimaryHDU:
    """Return the image as primary HDU, with the cards of the source's primary header that it lacks."""
    cards = primary_hdu(header).header
    cards.update(hdu.header.copy(strip=True))
    # It tells an extension to take over the cards of the primary header.
    cards.remove("INHERIT", ignore_missing=True)
    return fits.PrimaryHDU(hdu.data, cards)


def stacked(hdu: FrameHDU, planes: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Return the arrays of an HDU's frames in the shape of the HDU; one array stays as it is."""
    return planes[0] if len(hdu.shape) == 2 else np.stack(planes)


def bits_hdu(
    hdu: FrameHDU,
    results: Sequence[MaskResult],
    *,
    bit_map: BitMap | None,
    compression: Compression | None,
    cards: Sequence[HeaderCard],
) -> fits.ImageHDU | fits.CompImageHDU:
    """Return the mask HDU of a science HDU, in our bits or another survey's."""
    planes = [bit_map.translate(result.bits) if bit_map else result.bits for result in results]
    schema = schema_of(results[0].classes).header_cards() if bit_map is None else _map_cards(bit_map)
    return mask_hdu(
        stacked(hdu, planes),
        header=hdu.header,
        compression=compression,
        cards=[*schema, *cards],
    )


def unlikeness_cards(found: Unlikeness | None) -> list[HeaderCard]:
    """Return the cards that say how far a frame is from what the model was trained on, if that is known."""
    if found is None:
        return []
    cards: list[HeaderCard] = [
        ("UNLIKE", round(found.score, 2), "distance from training frames; warned above 1")
    ]
    if found.score > WARNING_SCORE:
        cards.append(("UNLIKEBY", describe(found.worst), "in what it lies furthest"))
    return cards


def _map_cards(bit_map: BitMap) -> list[HeaderCard]:
    """Return the cards of a foreign bit map; its codes are no bits, so that they go to HISTORY."""
    cards: list[HeaderCard] = [("BITMAP", bit_map.name, f"meaning of the values ({bit_map.kind})")]
    return cards + [
        ("HISTORY", f"class {name} has the value {value}", "") for name, value in bit_map.values.items()
    ]
