"""Bad pixels as regions for ds9, and trails as a table (extra ``regions``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.extras import require
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.mask.pieces import find_pieces, fit_line, outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from astropy.table import QTable
    from regions import Regions

    from skysieve.frames.mask.classes import ContaminantClass
    from skysieve.frames.mask.pieces import Line, Piece
    from skysieve.frames.mask.result import MaskResult

__all__ = ["check_regions", "mask_regions", "region_text", "trail_table"]

TRAIL = "TRL"
_EMPTY = "# Region file format: DS9 astropy/regions\n"
_DIGITS = 2
_SKY_DIGITS = 7  # a third of a milliarcsecond


def check_regions() -> None:
    """Make sure that the extra is installed.

    Raises
    ------
    ConfigError
        If it is not.
    """
    require("regions", "regions", "regions")


def mask_regions(result: MaskResult, bad: Iterable[str] | str | None = None) -> Regions:
    """Return the connected pieces of bad pixels as :class:`regions.Regions` in pixels.

    Parameters
    ----------
    result
        The mask.
    bad
        The classes; see :meth:`skysieve.frames.mask.result.MaskResult.bad`.

    Returns
    -------
    Regions
        Straight trails are lines, all other pieces polygons along the edges of their pixels.  Each has the
        colour of its class, and its name as text and tag; a line has its width in its text.  Holes are not
        cut out.

    Raises
    ------
    ConfigError
        If the extra is not installed, or a class is none of the mask.
    """
    check_regions()
    from regions import (
        LinePixelRegion,
        PixCoord,
        PolygonPixelRegion,
        RegionMeta,
        Regions,
        RegionVisual,
    )

    shapes: list[Any] = []
    for wanted, piece, line in _shapes(result, bad):
        text = wanted.name if line is None else f"{wanted.name} {line.width:.1f} px wide"
        about = {
            "meta": RegionMeta({"text": text, "tag": [wanted.name]}),
            "visual": RegionVisual({"color": wanted.colour}),
        }
        if line is not None:
            ends = PixCoord(line.x1, line.y1), PixCoord(line.x2, line.y2)
            shapes.append(LinePixelRegion(*ends, **about))
        else:
            corners = outline(piece)
            shapes.append(PolygonPixelRegion(PixCoord(corners[:, 0], corners[:, 1]), **about))
    return Regions(shapes)


def region_text(regions: Regions) -> str:
    """Return regions as the text of a file for ds9; without any, the file is empty but for its first line."""
    text: str = regions.serialize(format="ds9", precision=_DIGITS) if len(regions) else ""
    return text or _EMPTY


def trail_table(trails: Sequence[tuple[int, int, MaskResult]]) -> QTable:
    """Return the straight trails of frames, one a row.

    Parameters
    ----------
    trails
        For each frame the number of its HDU, that of its plane in a cube, from 1, or 0, and its mask.

    Returns
    -------
    QTable
        ``hdu``, ``plane``; ``x1``, ``y1``, ``x2``, ``y2``: end points in pixels, the centre of the first
        pixel being at (1, 1) as in FITS; ``length`` and ``width`` in pixels; and where the header has
        celestial coordinates ``ra1``, ``dec1``, ``ra2``, ``dec2`` in degrees (ICRS), else NaN.
    """
    from astropy import units
    from astropy.table import QTable

    rows = []
    for hdu, plane, result in trails:
        for wanted, _, line in _shapes(result, None):
            if wanted.name == TRAIL and line is not None:
                ends = np.array([[line.x1, line.y1], [line.x2, line.y2]])
                shown = np.round([*(ends.ravel() + 1), line.length, line.width], _DIGITS)
                rows.append((hdu, plane, *shown.tolist(), *_sky(result, ends)))
    names = ("hdu", "plane", "x1", "y1", "x2", "y2", "length", "width", "ra1", "dec1", "ra2", "dec2")
    kinds = (int, int, *[float] * 10)
    pixels, degrees = dict.fromkeys(names[2:8], units.pix), dict.fromkeys(names[8:], units.deg)
    return QTable(rows=rows or None, names=names, dtype=kinds, units={**pixels, **degrees})


def _shapes(
    result: MaskResult, bad: Iterable[str] | str | None
) -> Iterator[tuple[ContaminantClass, Piece, Line | None]]:
    """Yield the pieces of each bad class, and the lines of those that are straight trails."""
    bits = result.bad_bits(bad)
    for wanted in (*result.classes, NODATA):
        if not wanted.code & bits:
            continue
        for piece in find_pieces((result.bits & wanted.code) != 0):
            yield wanted, piece, fit_line(piece) if wanted.name == TRAIL else None


def _sky(result: MaskResult, ends: Any) -> list[float]:
    """Return right ascension and declination of both ends, in degrees; NaN without celestial coordinates."""
    from astropy.wcs.utils import pixel_to_skycoord

    unknown = [float("nan")] * 4
    wcs = result.origin.wcs
    if wcs is None or not getattr(wcs, "has_celestial", False):
        return unknown
    try:
        sky = pixel_to_skycoord(ends[:, 0], ends[:, 1], wcs, origin=0).icrs
    except Exception:  # noqa: BLE001 (solutions that cannot be inverted fail in many ways)
        return unknown
    return [round(float(value), _SKY_DIGITS) for end in sky for value in (end.ra.deg, end.dec.deg)]
