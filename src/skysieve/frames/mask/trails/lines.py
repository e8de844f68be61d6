"""Trails as lines, regions for ds9."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.extras import require
from skysieve.frames.mask.classes import find_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import QTable
    from regions import LinePixelRegion, Regions

    from skysieve.frames.mask.trails.measuring import MeasuredTrail

__all__ = ["line_regions", "trail_regions"]

_TRAIL = find_class("TRL")


def line_regions(trails: Sequence[MeasuredTrail]) -> list[LinePixelRegion]:
    """Return trails as lines in pixels, with their width and kind as text.

    Parameters
    ----------
    trails
        Trails of one frame.

    Returns
    -------
    list of LinePixelRegion
        One line for each; curved trails are drawn by their chord.

    Raises
    ------
    ConfigError
        If the extra ``regions`` is not installed.
    """
    require("regions", "regions", "regions")
    from regions import LinePixelRegion, PixCoord, RegionMeta, RegionVisual

    shapes = []
    for trail in trails:
        ends = [PixCoord(float(x), float(y)) for x, y in trail.points()]
        kind = "" if trail.kind == "unsure" else f", {trail.kind}"
        text = f"{_TRAIL.name} {trail.width:.1f} px wide{kind}"
        shapes.append(
            LinePixelRegion(
                *ends,
                meta=RegionMeta({"text": text, "tag": [_TRAIL.name]}),
                visual=RegionVisual({"color": _TRAIL.colour}),
            )
        )
    return shapes


def trail_regions(table: QTable) -> Regions:
    """Return the lines of a table of trails on the sky, as regions for ds9 (extra ``regions``).

    Parameters
    ----------
    table
        Table of :func:`skysieve.frames.mask.trails.table.trails_table`.

    Returns
    -------
    Regions
        One line (ICRS) for each row that has sky coordinates.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    """
    require("regions", "regions", "regions")
    from astropy.coordinates import SkyCoord
    from regions import LineSkyRegion, RegionMeta, Regions, RegionVisual

    shapes = []
    for row in table:
        if not np.isfinite(row["ra1"].value):
            continue
        text = f"{_TRAIL.name} {int(row['trail'])}, {row['sky_width'].value:.2f} arcsec wide"
        shapes.append(
            LineSkyRegion(
                SkyCoord(row["ra1"], row["dec1"]),
                SkyCoord(row["ra2"], row["dec2"]),
                meta=RegionMeta({"text": text, "tag": [_TRAIL.name]}),
                visual=RegionVisual({"color": _TRAIL.colour}),
            )
        )
    return Regions(shapes)
