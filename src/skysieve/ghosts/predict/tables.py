"""Tables of ghosts, of CCDs that ghosts touch, and of exposures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from skysieve.core.printable import printable
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.positions import touched_ccds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import QTable
    from astropy.units import Quantity
    from numpy.typing import NDArray

    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.predict.positions import LocatedGhost

__all__ = ["ccd_table", "exposure_table", "ghost_table"]


class HasGhosts(Protocol):
    """The ghosts of an exposure."""

    @property
    def probability(self) -> float:
        """Probability that the exposure has any ghost."""
        ...

    @property
    def ghosts(self) -> tuple[LocatedGhost, ...]:
        """Ghosts with their positions, sorted by decreasing score."""
        ...


Records: TypeAlias = "Mapping[Location, HasGhosts] | Mapping[str, HasGhosts]"
"""Ghosts of exposures by file."""


def ghost_table(records: Records) -> QTable:
    """Return the table of ghosts: class, score, position, and touched CCDs.

    Parameters
    ----------
    records
        Ghosts of each exposure, by file.

    Returns
    -------
    QTable
        One row per ghost.  ``x`` and ``y`` are pixels of the picture from 1, row 1 at the top; ``ccds`` has
        the covered fraction of each CCD, such as ``31:0.52 32:0.08``.
    """
    from astropy import units
    from astropy.table import QTable

    rows = [(location, ghost) for location, record in records.items() for ghost in record.ghosts]
    positions = [ghost.sky or (math.nan, math.nan) for _, ghost in rows]
    table = QTable()
    table["file"] = [printable(location) for location, _ in rows] or _empty_text()
    table["ghost"] = [ghost.number for _, ghost in rows] or _empty_numbers()
    table["class"] = [ghost.class_name for _, ghost in rows] or _empty_text()
    table["score"] = _dimensionless([ghost.score for _, ghost in rows])
    table["area"] = [ghost.area for _, ghost in rows] * units.pix**2
    table["x"] = [ghost.centre[0] + 1 for _, ghost in rows] * units.pix
    table["y"] = [ghost.centre[1] + 1 for _, ghost in rows] * units.pix
    table["ra"] = [ra for ra, _ in positions] * units.deg
    table["dec"] = [dec for _, dec in positions] * units.deg
    covered = [" ".join(f"{ccd}:{part:.3f}" for ccd, part in ghost.ccds.items()) for _, ghost in rows]
    table["ccds"] = covered or _empty_text()
    table["ccds"].info.description = "number of each CCD, and the part of it that is covered"
    return table


def ccd_table(records: Records, camera: Camera) -> QTable:
    """Return the table of CCDs that ghosts touch, for exclusion lists.

    Parameters
    ----------
    records
        Ghosts of each exposure, by file.
    camera
        The camera.

    Returns
    -------
    QTable
        One row per touched CCD.
    """
    from astropy.table import QTable

    rows = [(location, ccd) for location, record in records.items() for ccd in touched_ccds(record.ghosts)]
    table = QTable()
    table["file"] = [printable(location) for location, _ in rows] or _empty_text()
    table["ccd"] = [ccd.number for _, ccd in rows] or _empty_numbers()
    table["name"] = [camera.by_number[ccd.number].name for _, ccd in rows] or _empty_text()
    table["score"] = _dimensionless([ccd.score for _, ccd in rows])
    table["score"].info.description = "of the likeliest ghost on it"
    for name in CLASS_NAMES:
        column = name.lower()
        table[column] = _dimensionless([ccd.parts.get(name, 0.0) for _, ccd in rows])
        table[column].info.description = f"largest part of the CCD that one ghost of class {name} covers"
    table["weight"] = _dimensionless([1 - min(1.0, sum(ccd.parts.values())) for _, ccd in rows])
    table["weight"].info.description = "part of the CCD without ghosts, at least"
    table["ghosts"] = [" ".join(map(str, ccd.ghosts)) for _, ccd in rows] or _empty_text()
    table["ghosts"].info.description = "their numbers in the table of ghosts"
    return table


def exposure_table(records: Records) -> QTable:
    """Return the table of exposures.

    Parameters
    ----------
    records
        Ghosts of each exposure, by file.

    Returns
    -------
    QTable
        One row per exposure: probability of any ghost, number of ghosts, highest score and number of CCDs.
    """
    from astropy.table import QTable

    table = QTable()
    table["file"] = [printable(location) for location in records] or _empty_text()
    table["probability"] = _dimensionless([record.probability for record in records.values()])
    table["probability"].info.description = "that there is any ghost"
    table["ghosts"] = [len(record.ghosts) for record in records.values()] or _empty_numbers()
    table["score"] = _dimensionless(
        [max((ghost.score for ghost in record.ghosts), default=0.0) for record in records.values()]
    )
    table["score"].info.description = "of the likeliest ghost"
    table["ccds"] = [len(touched_ccds(record.ghosts)) for record in records.values()] or _empty_numbers()
    table["ccds"].info.description = "number of CCDs touched"
    return table


def _dimensionless(values: list[float]) -> Quantity:
    from astropy import units

    return values * units.dimensionless_unscaled


def _empty_numbers() -> NDArray[np.int64]:
    """Return an empty integer column."""
    return np.empty(0, np.int64)


def _empty_text() -> NDArray[np.str_]:
    """Return an empty text column."""
    return np.empty(0, "U1")
