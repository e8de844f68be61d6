"""Mask HDUs with bit planes, one for each science HDU."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.fits.fits_out import mask_hdu
from skysieve.frames.image.domain import WARNING_SCORE
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.mask.planes import bad_cards, schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.frames.image.domain import OODScore
    from skysieve.frames.mask.bitmaps import BitMap
    from skysieve.frames.mask.layout import Layout
    from skysieve.frames.mask.result import MaskResult

__all__ = ["bits_hdu", "ood_cards", "stack_planes"]


def stack_planes(hdu: FrameHDU, planes: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Combine the arrays of an HDU's frames to the shape of the HDU.

    Parameters
    ----------
    hdu
        The science HDU.
    planes
        One array for each of its frames.

    Returns
    -------
    ndarray
        The single array of an image; the stacked arrays ``(N, ...)`` of a cube.
    """
    return planes[0] if len(hdu.shape) == 2 else np.stack(planes)


def bits_hdu(
    hdu: FrameHDU,
    results: Sequence[MaskResult],
    *,
    layout: Layout,
    cards: Sequence[HeaderCard],
    tables: bool = False,
) -> fits.ImageHDU | fits.CompImageHDU:
    """Return the mask HDU of a science HDU.

    Parameters
    ----------
    hdu
        The science HDU.
    results
        One result for each of its frames.
    layout
        Layout of the mask: bits of Skysieve or of another survey, or one value for bad pixels.
    cards
        Further header cards.
    tables
        Whether the file will contain the distortion tables to which the science header refers.

    Returns
    -------
    ImageHDU or CompImageHDU
        See :func:`skysieve.core.fits.fits_out.mask_hdu`.
    """
    planes = [layout.values(result) for result in results]
    return mask_hdu(
        planes[0] if layout.frames_only else stack_planes(hdu, planes),
        header=hdu.header,
        compression=layout.compression,
        cards=[*_value_cards(results[0], layout), *cards],
        tables=tables,
        unsigned=True,
    )


def _value_cards(result: MaskResult, layout: Layout) -> list[HeaderCard]:
    """Return the header cards that define the values of a mask."""
    if layout.value is not None:
        bad = [c.name for c in (*result.classes, NODATA) if c.code & result.bad_bits()]
        return [
            ("BADVALUE", layout.value, "value of bad pixels; that of all others is 0"),
            ("HISTORY", f"bad pixels are those of the classes {', '.join(bad)}", ""),
        ]
    bit_map = layout.bit_map
    if bit_map is None:
        return [*schema_of(result.classes).header_cards(), *bad_cards(result.bad_bits())]
    if bit_map.kind == "codes":  # codes have no bits
        return _map_cards(bit_map)
    names = {NODATA.name, *(c.name for c in result.classes if c.code & result.bad_bits())}
    bits = reduce(or_, (value for name, value in bit_map.values.items() if name in names), 0)
    return [*_map_cards(bit_map), *bad_cards(bits)]


def ood_cards(found: OODScore | None) -> list[HeaderCard]:
    """Return the header cards of the out-of-distribution score.

    Parameters
    ----------
    found
        Score of the frame; None if it is unknown.

    Returns
    -------
    list
        ``UNLIKE``, and ``UNLIKEBY`` with the main reason if the score is above the limit; empty if it is
        unknown.
    """
    if found is None:
        return []
    cards: list[HeaderCard] = [
        ("UNLIKE", round(found.score, 2), "distance from training frames; warned above 1")
    ]
    if found.score > WARNING_SCORE:
        cards.append(("UNLIKEBY", found.worst, "in what it lies furthest"))
    return cards


def _map_cards(bit_map: BitMap) -> list[HeaderCard]:
    """Return the header cards of another survey's bit map: the names of its bits, if any, and all values."""
    cards: list[HeaderCard] = [("BITMAP", bit_map.name, f"meaning of the values ({bit_map.kind})")]
    return [*cards, *bit_map.schema.header_cards()] + [
        ("HISTORY", f"class {name} has the value {value}", "") for name, value in bit_map.values.items()
    ]
