"""Candidates as regions for ds9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skysieve.core.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_regions"]

PLAIN_RADIUS = 5.0
"""Radius in arcminutes of the circle of a candidate without a size."""


def write_regions(
    catalogue: Any, path: Path, *, frame: Literal["galactic", "fk5"] = "galactic", overwrite: bool
) -> None:
    """Write a region file: a circle of the size of each candidate, with its name.

    Parameters
    ----------
    catalogue
        Of :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`.
    path
        Where to.
    frame
        Of the circles' places.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    OutputError
        If the file is there or cannot be written.
    """
    from astropy import units
    from astropy.coordinates import FK5, Galactic, SkyCoord
    from regions import CircleSkyRegion, RegionMeta, Regions

    lon, lat = (np.asarray(catalogue[name], np.float64) for name in ("GLON", "GLAT"))
    places = SkyCoord(l=lon, b=lat, unit=units.deg, frame="galactic")
    places = places.transform_to({"galactic": Galactic(), "fk5": FK5()}[frame])
    sizes = np.asarray(catalogue["size"], np.float64)
    sizes = np.where(np.isfinite(sizes) & (sizes > 0), sizes, PLAIN_RADIUS)
    circles = [
        CircleSkyRegion(place, size * units.arcmin, meta=RegionMeta({"text": str(name)}))
        for place, size, name in zip(places, sizes.tolist(), catalogue["name"], strict=True)
    ]
    text = Regions(circles).serialize(format="ds9") or f"# Region file format: DS9\n{frame}\n"
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
