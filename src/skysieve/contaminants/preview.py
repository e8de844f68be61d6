"""The preview picture of a masked frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.contaminants.classes import NODATA
from skysieve.report.preview import PreviewPlane, render_preview

if TYPE_CHECKING:
    from PIL import Image

    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.frames import Frame

__all__ = ["draw_preview"]

WIDE = ("NEB", "FR", "BBG")
"""Classes that cover much of a frame are drawn beneath the others."""


def draw_preview(frame: Frame, result: MaskResult, *, title: str) -> Image.Image:
    """Draw a frame beside the same frame with its classes in colour."""
    pixels, nodata = frame.rows(0, frame.shape[0])
    coded = [c for c in (*result.classes, NODATA) if c.code]
    planes = [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted(coded, key=lambda c: c.name in WIDE)
    ]
    return render_preview(pixels, nodata, result.bits, planes, title=title)
