"""What became of a unit of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.tiling import UNIT_NSIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.clusters.search.finder import FoundUnit

__all__ = ["UnitRecord"]


@dataclass(frozen=True)
class UnitRecord:
    """What became of a unit.

    Attributes
    ----------
    unit
        Its number.
    lon, lat
        Of its centre, Galactic degrees.
    area
        Square degrees that were searched.
    probability, snr
        The highest in it; NaN where it was not asked for.
    candidates
        Of the matched filter.
    kept
        Whether it was there already.
    seconds
        Time it took.
    """

    unit: int
    lon: float
    lat: float
    area: float
    probability: float
    snr: float
    candidates: int
    kept: bool
    seconds: float

    @classmethod
    def of(
        cls, unit: int, found: FoundUnit, valid: NDArray[np.bool_], *, kept: bool, seconds: float
    ) -> UnitRecord:
        """Return the record of what was found in a unit."""
        import healpy

        lon, lat = healpy.pix2ang(UNIT_NSIDE, unit, nest=True, lonlat=True)
        area = float(healpy.nside2pixarea(UNIT_NSIDE, degrees=True)) * float(valid.mean())
        return cls(
            unit,
            float(lon),
            float(lat),
            area,
            _highest(found.probability),
            _highest(found.snr),
            len(found.candidates["snr"]),
            kept,
            seconds,
        )


def _highest(values: NDArray[np.float32]) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")
