"""The preview picture of a masked frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.report.preview import PreviewPlane, render_preview
from skysieve.frames.mask.classes import NODATA, find_class

if TYPE_CHECKING:
    from PIL import Image

    from skysieve.core.fits.frames import Frame
    from skysieve.core.fits.sections import Sections
    from skysieve.frames.mask.result import MaskResult

__all__ = ["draw_preview"]

WIDE = ("NEB", "FR", "BBG")
"""Classes that cover large areas; they are drawn below the others."""


def draw_preview(frame: Frame, result: MaskResult, *, title: str) -> Image.Image:
    """Draw a frame beside the same frame with its classes in colour.

    The grey scale is that of the sky.  It ignores pixels without data, saturated pixels, and pixels outside
    of the active area in the header.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels in any unit.
    result
        Its mask.
    title
        Title of the picture.

    Returns
    -------
    Image
        The picture.
    """
    height = frame.shape[0]
    pixels, nodata = frame.rows(0, height)
    sections: Sections | None = getattr(frame, "sections", None)
    no_sky = (result.bits & find_class("SAT").code) != 0
    if sections is not None:
        no_sky |= sections.inactive(0, height)
    coded = [c for c in (*result.classes, NODATA) if c.code]
    planes = [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted(coded, key=lambda c: c.name in WIDE)
    ]
    return render_preview(pixels, nodata | result.nodata, result.bits, planes, title=title, no_sky=no_sky)
