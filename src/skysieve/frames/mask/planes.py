"""The bit planes of masks, made from the registry of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.fits.bitplanes import MaskPlane, MaskSchema
from skysieve.frames.mask.classes import CLASSES, NODATA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.frames.mask.classes import ContaminantClass

__all__ = ["SCHEMA", "bad_cards", "schema_of"]


def schema_of(classes: Iterable[ContaminantClass]) -> MaskSchema:
    """Return the bit planes of a mask.

    Parameters
    ----------
    classes
        Classes of the mask.

    Returns
    -------
    MaskSchema
        One plane for each class that has a bit, and one for no data.
    """
    return MaskSchema(tuple(MaskPlane(c.name, c.code, c.description) for c in (*classes, NODATA) if c.code))


SCHEMA = schema_of(CLASSES)
"""The planes of a mask of all classes."""


def bad_cards(bits: int) -> list[HeaderCard]:
    """Return the header card with the bits of bad pixels.

    Parameters
    ----------
    bits
        A pixel is bad if its value and this number have a bit in common.

    Returns
    -------
    list
        The card ``BADBITS``.
    """
    return [("BADBITS", bits, "bits of bad pixels, no data among them")]
