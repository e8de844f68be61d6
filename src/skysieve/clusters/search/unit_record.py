"""Summary of a searched unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.tiling import UNIT_NSIDE
from skysieve.core.execution.job import JobRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.clusters.search.finder import FoundUnit

__all__ = ["UnitRecord"]


@dataclass(frozen=True)
class UnitRecord(JobRecord):
    """Summary of a searched unit.

    Attributes
    ----------
    unit
        Number of the unit.
    lon, lat
        Galactic coordinates of its centre, in degrees.
    area
        Searched area in square degrees.
    probability, snr
        Maximum in the unit; NaN if it was not computed.
    candidates
        Number of candidates of the matched filter.
    kept
        Whether the unit is from an earlier run.
    """

    unit: int
    lon: float
    lat: float
    area: float
    probability: float
    snr: float
    candidates: int
    kept: bool

    @classmethod
    def of(cls, unit: int, found: FoundUnit, valid: NDArray[np.bool_], *, kept: bool) -> UnitRecord:
        """Summarise the results of a unit.

        Parameters
        ----------
        unit
            Number of the unit.
        found
            Results of the unit.
        valid : ndarray of bool, shape (P,)
            Pixels that were searched.
        kept
            Whether the unit is from an earlier run.

        Returns
        -------
        UnitRecord
            The summary.
        """
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
        )

    def describe(self, unit: object) -> str:  # noqa: ARG002 (the record says which)
        """Return position, area and best values.

        Parameters
        ----------
        unit
            The tile.

        Returns
        -------
        str
            One line.
        """
        best = [
            f"{word} {value:.2g}"
            for word, value in (("p up to", self.probability), ("S/N up to", self.snr))
            if np.isfinite(value)
        ]
        how = "kept" if self.kept else f"{self.seconds:.1f} s"
        place = f"l, b {self.lon:.1f}, {self.lat:+.1f}"
        return f"tile {self.unit} at {place}: {self.area:.1f} deg2, {', '.join([*best, how])}"


def _highest(values: NDArray[np.float32]) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")
