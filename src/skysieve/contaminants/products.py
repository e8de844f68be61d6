"""Masks onto disk: one mask HDU for each science HDU, as bit planes."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.contaminants.classes import NODATA
from skysieve.contaminants.planes import schema_of
from skysieve.imaging.domain import WARNING_SCORE, describe
from skysieve.imaging.fits_out import mask_hdu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.contaminants.bitmaps import BitMap
    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.cards import HeaderCard
    from skysieve.imaging.domain import Unlikeness
    from skysieve.imaging.fits_frames import FrameHDU
    from skysieve.imaging.fits_out import Compression

__all__ = ["Format", "bad_cards", "bits_hdu", "stacked", "unlikeness_cards"]

Format = Literal["bits", "cube", "single", "probabilities"]


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
    tables: bool = False,
) -> fits.ImageHDU | fits.CompImageHDU:
    """Return the mask HDU of a science HDU, in our bits or another survey's; see :func:`mask_hdu`."""
    planes = [bit_map.translate(result.bits) if bit_map else result.bits for result in results]
    schema = schema_of(results[0].classes).header_cards() if bit_map is None else _map_cards(bit_map)
    schema += bad_cards(results[0], bit_map)
    return mask_hdu(
        stacked(hdu, planes),
        header=hdu.header,
        compression=compression,
        cards=[*schema, *cards],
        tables=tables,
    )


def bad_cards(result: MaskResult, bit_map: BitMap | None = None) -> list[HeaderCard]:
    """Return the card with the bits of bad pixels: ``BADBITS & value`` is not 0 for them.

    Values of a map that are codes have no bits, and so no such card.
    """
    if bit_map is None:
        return [("BADBITS", result.bad_bits(), "bits of bad pixels, no data among them")]
    if bit_map.kind == "codes":
        return []
    wanted = {NODATA.name, *(c.name for c in result.classes if c.code & result.bad_bits())}
    bits = reduce(or_, (value for name, value in bit_map.values.items() if name in wanted), 0)
    return [("BADBITS", bits, "bits of bad pixels, no data among them")]


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
