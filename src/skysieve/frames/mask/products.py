"""Masks onto disk: one mask HDU for each science HDU, as bit planes."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.fits.fits_out import mask_hdu
from skysieve.frames.image.domain import WARNING_SCORE
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.mask.planes import schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.frames.image.domain import Unlikeness
    from skysieve.frames.mask.bitmaps import BitMap
    from skysieve.frames.mask.layout import Layout
    from skysieve.frames.mask.result import MaskResult

__all__ = ["bad_cards", "bits_hdu", "stacked", "unlikeness_cards"]


def stacked(hdu: FrameHDU, planes: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Return the arrays of an HDU's frames in the shape of the HDU; one array stays as it is."""
    return planes[0] if len(hdu.shape) == 2 else np.stack(planes)


def bits_hdu(
    hdu: FrameHDU,
    results: Sequence[MaskResult],
    *,
    layout: Layout,
    cards: Sequence[HeaderCard],
    tables: bool = False,
) -> fits.ImageHDU | fits.CompImageHDU:
    """Return the mask HDU of a science HDU, in our bits or other values; see :func:`mask_hdu`."""
    planes = [layout.values(result) for result in results]
    return mask_hdu(
        planes[0] if layout.frames_only else stacked(hdu, planes),
        header=hdu.header,
        compression=layout.compression,
        cards=[*_value_cards(results[0], layout), *cards],
        tables=tables,
        unsigned=True,
    )


def _value_cards(result: MaskResult, layout: Layout) -> list[HeaderCard]:
    """Return the cards that say what the values mean."""
    if layout.value is not None:
        bad = [c.name for c in (*result.classes, NODATA) if c.code & result.bad_bits()]
        return [
            ("BADVALUE", layout.value, "value of bad pixels; that of all others is 0"),
            ("HISTORY", f"bad pixels are those of the classes {', '.join(bad)}", ""),
        ]
    if layout.bit_map is None:
        return [*schema_of(result.classes).header_cards(), *bad_cards(result)]
    return [*_map_cards(layout.bit_map), *bad_cards(result, layout.bit_map)]


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
        cards.append(("UNLIKEBY", found.worst, "in what it lies furthest"))
    return cards


def _map_cards(bit_map: BitMap) -> list[HeaderCard]:
    """Return the cards of a foreign bit map: the names of its bits, if they have any, and all values."""
    cards: list[HeaderCard] = [("BITMAP", bit_map.name, f"meaning of the values ({bit_map.kind})")]
    return [*cards, *bit_map.schema.header_cards()] + [
        ("HISTORY", f"class {name} has the value {value}", "") for name, value in bit_map.values.items()
    ]
