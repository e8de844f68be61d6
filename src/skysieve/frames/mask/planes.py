"""The bit planes of our masks, made from the registry of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.fits.bitplanes import MaskPlane, MaskSchema
from skysieve.frames.mask.classes import CLASSES, NODATA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skysieve.frames.mask.classes import ContaminantClass

__all__ = ["SCHEMA", "schema_of"]


def schema_of(classes: Iterable[ContaminantClass]) -> MaskSchema:
    """Return the planes of a mask of some classes: one for each that has a bit, and one for no data."""
    return MaskSchema(tuple(MaskPlane(c.name, c.code, c.description) for c in (*classes, NODATA) if c.code))


SCHEMA = schema_of(CLASSES)
"""The planes of a mask of all classes."""
