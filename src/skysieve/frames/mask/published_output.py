"""Masks in the layout of MaxiMask: cubes of classes, single masks, probabilities, header cards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.fits.cards import inherit_cards, set_cards
from skysieve.frames.mask.products import stack_planes

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
    """Return the mask HDU of a science HDU in the published layout.

    Parameters
    ----------
    hdu
        The science HDU.
    results
        One result for each of its frames; with probabilities for the format ``probabilities``.
    form
        ``cube``: ``(C, H, W)`` uint8; ``single``: ``(H, W)`` int16, the sum of the codes; ``probabilities``:
        ``(C, H, W)`` float32.
    cards
        Further header cards.
    tables
        Whether the file will contain the distortion tables to which the science header refers.

    Returns
    -------
    ImageHDU
        The mask; for a cube of frames the plane is the first axis, ``(N, C, H, W)``.
    """
    data = stack_planes(hdu, [_array(result, form) for result in results])
    # Distortion tables are for images of two axes; readers fail if there are more.
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
    """Return the header cards that MaxiMask writes, also into the primary header.

    Numbers are strings.  MaxiMask prints two decimals, which turns most priors into ``0.00``; these cards
    have as many as necessary.

    Parameters
    ----------
    classes
        Classes of the mask.
    thresholds, priors
        Values by class name; no priors if those of the network were kept.
    form
        Format of the product.

    Returns
    -------
    list
        Keyword, value and comment of each card.
    """
    thresholded = form != "probabilities"
    cards: list[HeaderCard] = [
        ("MM_UTC", time.asctime(time.gmtime()), "MaxiMask UTC processing date"),
        ("MM_LOC", time.asctime(time.localtime()), "MaxiMask LOC processing date"),
        ("PRIORS", _yes_or_no(priors is not None), "Whether prior modification was applied or not"),
        ("THRESH", _yes_or_no(thresholded), "Whether thresholding was applied or not"),
        ("SMASK", _yes_or_no(form == "single"), "Whether binary power mask was applied or not"),
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


def _yes_or_no(value: bool) -> str:  # noqa: FBT001 (a value, not an option)
    return "Yes" if value else "No"


def _digits(value: float) -> str:
    """Return a number with two decimals, or with more if two are not enough.

    >>> _digits(0.6), _digits(0.0005)
    ('0.60', '0.0005')
    """
    return f"{value:.2f}" if round(value, 2) == value else f"{value:g}"
