"""Write candidates as regions for DS9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Table

__all__ = ["write_regions"]

DEFAULT_SIZE = 5.0
"""Radius in arcminutes of the circle of a candidate without a size."""


def write_regions(
    catalogue: Table, path: Path, *, frame: Literal["galactic", "fk5"] = "galactic", overwrite: bool
) -> None:
    """Write a region file with a circle per candidate: its name, position and size.

    Parameters
    ----------
    catalogue
        Catalogue of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`.
    path
        Output file.
    frame
        Coordinate frame of the circles.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    """
    from astropy import units
    from astropy.coordinates import FK5, Galactic, SkyCoord
    from regions import CircleSkyRegion, RegionMeta, Regions

    lon, lat = (np.asarray(catalogue[name], np.float64) for name in ("GLON", "GLAT"))
    positions = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic")
    positions = positions.transform_to({"galactic": Galactic(), "fk5": FK5()}[frame])
    sizes = np.asarray(catalogue["size"], np.float64)
    sizes = np.where(np.isfinite(sizes) & (sizes > 0), sizes, DEFAULT_SIZE)
    circles = [
        CircleSkyRegion(position, size * units.arcmin, meta=RegionMeta({"text": str(name)}))
        for position, size, name in zip(positions, sizes.tolist(), catalogue["name"], strict=True)
    ]
    text = Regions(circles).serialize(format="ds9") or f"# Region file format: DS9\n{frame}\n"
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
