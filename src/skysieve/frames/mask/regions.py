"""Bad pixels as regions for ds9, and trails as a table (extra ``regions``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skysieve.core.extras import require
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.mask.components import find_components, fit_line, outline
from skysieve.frames.mask.trails.lines import line_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from astropy.table import QTable
    from numpy.typing import NDArray
    from regions import PixelRegion, Regions

    from skysieve.core.fits.frame_origin import FrameOrigin
    from skysieve.frames.mask.classes import ContaminantClass
    from skysieve.frames.mask.components import Component, Line
    from skysieve.frames.mask.trails.measuring import MeasuredTrail

__all__ = ["check_regions", "mask_regions", "region_text", "trail_table"]

TRAIL = "TRL"
_EMPTY = "# Region file format: DS9 astropy/regions\n"
_GLOBAL = re.compile(r"^global (.+)$", re.MULTILINE)
_ATTRIBUTE = re.compile(r'\w+=(?:\{[^}]*\}|"[^"]*"|\S+)')
_DIGITS = 2
_SKY_DIGITS = 7  # a third of a milliarcsecond


class ClassMask(Protocol):
    """The parts of a mask that regions need; :class:`skysieve.frames.mask.result.MaskResult` has them."""

    @property
    def bits(self) -> NDArray[np.int16]:
        """``(H, W)`` sum of the codes of each pixel's classes."""
        ...

    @property
    def classes(self) -> tuple[ContaminantClass, ...]:
        """Classes of the mask."""
        ...

    @property
    def origin(self) -> FrameOrigin:
        """Metadata of the frame."""
        ...

    def bad_bits(self, classes: Iterable[str] | str | None = None) -> int:
        """See :meth:`skysieve.frames.mask.result.MaskResult.bad_bits`."""
        ...


def check_regions() -> None:
    """Check that the extra is installed.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    require("regions", "regions", "regions")


def mask_regions(
    result: ClassMask,
    bad: Iterable[str] | str | None = None,
    *,
    trails: Sequence[MeasuredTrail] | None = None,
) -> Regions:
    """Return the connected components of bad pixels as :class:`regions.Regions` in pixels.

    Parameters
    ----------
    result
        The mask.
    bad
        The bad classes; see :meth:`skysieve.frames.mask.result.MaskResult.bad`.
    trails
        Trails that were measured as lines, in place of the pixels of their class.

    Returns
    -------
    Regions
        Straight trails are lines; all other components are polygons along the edges of their pixels, without
        holes.  Each has the colour of its class, and its name as text and tag.  The text of a line includes
        its width.

    Raises
    ------
    ConfigError
        If the extra is not installed, or a class was not requested.
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

    shapes: list[PixelRegion] = []
    for wanted, component, line in _shapes(result, bad):
        if wanted.name == TRAIL and trails is not None:
            continue
        text = wanted.name if line is None else f"{wanted.name} {line.width:.1f} px wide"
        attributes = {
            "meta": RegionMeta({"text": text, "tag": [wanted.name]}),
            "visual": RegionVisual({"color": wanted.colour}),
        }
        if line is not None:
            ends = PixCoord(line.x1, line.y1), PixCoord(line.x2, line.y2)
            shapes.append(LinePixelRegion(*ends, **attributes))
        else:
            corners = outline(component)
            shapes.append(PolygonPixelRegion(PixCoord(corners[:, 0], corners[:, 1]), **attributes))
    if trails is not None:
        shapes += line_regions(trails)
    return Regions(shapes)


def region_text(regions: Regions) -> str:
    """Return regions as the text of a file for ds9.

    Parameters
    ----------
    regions
        The regions.

    Returns
    -------
    str
        The text; only the first line if there are no regions.
    """
    text: str = regions.serialize(format="ds9", precision=_DIGITS) if len(regions) else ""
    # The package writes what all regions have in common in the order of a set, which differs from run to run
    text = _GLOBAL.sub(lambda line: " ".join(["global", *sorted(_ATTRIBUTE.findall(line[1]))]), text)
    return text or _EMPTY


def trail_table(trails: Sequence[tuple[int, int, ClassMask]]) -> QTable:
    """Return a table of the straight trails of frames, one per row.

    Parameters
    ----------
    trails
        For each frame the number of its HDU, that of its plane in a cube (from 1; 0 for images), and its
        mask.

    Returns
    -------
    QTable
        ``hdu``, ``plane``; end points ``x1``, ``y1``, ``x2``, ``y2`` in pixels, with the centre of the first
        pixel at (1, 1) as in FITS; ``length`` and ``width`` in pixels; ``ra1``, ``dec1``, ``ra2``, ``dec2``
        in degrees (ICRS), NaN without celestial coordinates.
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
    result: ClassMask, bad: Iterable[str] | str | None
) -> Iterator[tuple[ContaminantClass, Component, Line | None]]:
    """Yield the components of each bad class, and the lines of straight trails."""
    bits = result.bad_bits(bad)
    for wanted in (*result.classes, NODATA):
        if not wanted.code & bits:
            continue
        for component in find_components((result.bits & wanted.code) != 0):
            yield wanted, component, fit_line(component) if wanted.name == TRAIL else None


def _sky(result: ClassMask, ends: NDArray[np.float64]) -> list[float]:
    """Return right ascension and declination of both ends in degrees; NaN without celestial coordinates."""
    from astropy.wcs.utils import pixel_to_skycoord

    unknown = [float("nan")] * 4
    wcs = result.origin.wcs
    if wcs is None or not getattr(wcs, "has_celestial", False):
        return unknown
    try:
        sky = pixel_to_skycoord(ends[:, 0], ends[:, 1], wcs, origin=0).icrs
    except Exception:  # noqa: BLE001 (solutions that cannot be inverted raise various errors)
        return unknown
    return [round(float(value), _SKY_DIGITS) for end in sky for value in (end.ra.deg, end.dec.deg)]
