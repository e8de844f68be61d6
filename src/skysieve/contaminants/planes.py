"""The bit planes of our masks, made from the registry of classes."""

from __future__ import annotations

from skysieve.contaminants.classes import CLASSES, NODATA
from skysieve.imaging.bitplanes import MaskPlane, MaskSchema

__all__ = ["SCHEMA"]

SCHEMA = MaskSchema(tuple(MaskPlane(c.name, c.code, c.description) for c in (*CLASSES, NODATA) if c.code))
"""One plane a class that has a bit, and one for pixels without data."""
