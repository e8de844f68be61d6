"""The layout of MaxiMask's own products: cubes of classes, single masks, probabilities, and their cards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.fits.cards import inherit_cards, set_cards
from skysieve.frames.mask.products import stacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.frames.mask.classes import ContaminantClass
    from skysieve.frames.mask.result import MaskResult
    from skysieve.frames.mask.settings import Format

__all__ = ["published_cards", "published_hdu"]


def published_hdu(
    hdu: FrameHDU,
    results: Sequence[MaskResult],
    form: Format,
    cards: Sequence[HeaderCard] = (),
    *,
    tables: bool = False,
) -> fits.ImageHDU:
    """Return the HDU of a science HDU in the published layout.

    Parameters
    ----------
    hdu
        The science HDU.
    results
        Of each of its frames; ``probabilities`` wants results that kept them.
    form
        ``cube``: (classes, H, W) uint8; ``single``: (H, W) int16, the sum of the codes;
        ``probabilities``: (classes, H, W) float32.  Planes of a cube come first: (N, classes, H, W).
    cards
        Further cards.
    tables
        Whether the file will hold the tables of distortion that the science header refers to.
    """
    data = stacked(hdu, [_array(result, form) for result in results])
    # Tables of distortion are for images of two axes: readers fail on them where there are more.
    header = inherit_cards(hdu.header, tables=tables and data.ndim == 2)
    first = results[0]
    own = published_cards(first.classes, first.thresholds, first.priors, form)
    set_cards(header, [*own, *cards])
    return fits.ImageHDU(data, header)


def _array(result: MaskResult, form: Format) -> NDArray[np.generic]:
    if form == "single":
        return result.bits
    if form == "probabilities":
        if result.nodata.all():
            return np.full((len(result.classes), *result.bits.shape), np.nan, np.float32)
        return result.probabilities
    cube = np.empty((len(result.classes), *result.bits.shape), np.uint8)
    for plane, wanted in zip(cube, result.classes, strict=True):
        plane[...] = result.boolean(wanted.name)
    return cube


def published_cards(
    classes: Sequence[ContaminantClass],
    thresholds: Mapping[str, float],
    priors: Mapping[str, float] | None,
    form: Format,
) -> list[HeaderCard]:
    """Return the header cards that MaxiMask writes, into the primary header too.

    Numbers are strings there.  Where MaxiMask prints two digits, which turns most priors into ``0.00``,
    these have as many as they need.
    """
    thresholded = form != "probabilities"
    cards: list[HeaderCard] = [
        ("MM_UTC", time.asctime(time.gmtime()), "MaxiMask UTC processing date"),
        ("MM_LOC", time.asctime(time.localtime()), "MaxiMask LOC processing date"),
        ("PRIORS", _yes(priors is not None), "Whether prior modification was applied or not"),
        ("THRESH", _yes(thresholded), "Whether thresholding was applied or not"),
        ("SMASK", _yes(form == "single"), "Whether binary power mask was applied or not"),
    ]
    for number, wanted in enumerate(classes):
        name = wanted.name
        cards += [(name, wanted.published_label, ""), (f"{name}_DIM", str(number), "")]
        if priors is not None:
            cards.append((f"{name}_PR", _digits(priors[name]), f"{name} prior"))
        if thresholded:
            cards.append((f"{name}_TH", _digits(thresholds[name]), f"{name} threshold"))
        if form == "single":
            cards.append((f"{name}_SM", f"{wanted.code:.1f}", f"{name} binary power value"))
    return cards


def _yes(value: bool) -> str:  # noqa: FBT001 (a value, not an option)
    return "Yes" if value else "No"


def _digits(value: float) -> str:
    """Return a number with two decimals, or with more where two do not hold it.

    >>> _digits(0.6), _digits(0.0005)
    ('0.60', '0.0005')
    """
    return f"{value:.2f}" if round(value, 2) == value else f"{value:g}"
