"""The preview picture of a masked frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.contaminants.classes import NODATA
from skysieve.imaging.atomic import atomic_write
from skysieve.report.preview import PreviewPlane, render_preview

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.frames import Frame

__all__ = ["write_preview"]

WIDE = ("NEB", "FR", "BBG")
"""Classes that cover much of a frame are drawn beneath the others."""


def write_preview(frame: Frame, result: MaskResult, path: Path, *, title: str) -> None:
    """Write a PNG of the frame beside the frame with its classes in colour, in place of an older one.

    Raises
    ------
    OutputError
        If the picture cannot be written.
    """
    pixels, nodata = frame.rows(0, frame.shape[0])
    coded = [c for c in (*result.classes, NODATA) if c.code]
    planes = [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted(coded, key=lambda c: c.name in WIDE)
    ]
    picture = render_preview(pixels, nodata, result.bits, planes, None, title=title)
    with atomic_write(path, overwrite=True) as temporary:
        picture.save(temporary, format="PNG", optimize=True)
