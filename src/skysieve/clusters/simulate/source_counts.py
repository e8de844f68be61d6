"""Number counts of point sources by flux, and random fluxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SourceCounts"]

_EUCLIDEAN = -2.5
"""Slope of Euclidean counts."""


@dataclass(frozen=True, kw_only=True)
class SourceCounts:
    """Differential number counts: a power law below the knee, Euclidean above.

    Attributes
    ----------
    level
        S^2.5 dN/dS above the knee, in Jy^1.5/sr.
    slope
        Slope of dN/dS below the knee.
    knee
        Flux in Jy.
    """

    level: float
    slope: float = _EUCLIDEAN
    knee: float = 1.0

    def density(self, flux: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the differential counts dN/dS.

        Parameters
        ----------
        flux
            Fluxes in Jy.

        Returns
        -------
        ndarray
            Counts per Jy and sr.
        """
        slope = np.where(flux < self.knee, self.slope, _EUCLIDEAN)
        density: NDArray[np.float64] = self.level * self.knee**_EUCLIDEAN * (flux / self.knee) ** slope
        return density

    def number(self, min_flux: float) -> float:
        """Return the number of sources above a flux.

        Parameters
        ----------
        min_flux
            Jy.

        Returns
        -------
        float
            Number per sr.
        """
        return sum(self._numbers(min_flux))

    def shot_noise(self, max_flux: float) -> float:
        """Return the power of all sources below a flux: the integral of S² dN/dS.

        Parameters
        ----------
        max_flux
            Jy.

        Returns
        -------
        float
            Jy²/sr.
        """
        faint = self._integral(2, 0.0, min(max_flux, self.knee), self.slope)
        return faint + self._integral(2, self.knee, max(max_flux, self.knee), _EUCLIDEAN)

    def draw(self, rng: np.random.Generator, number: int, min_flux: float) -> NDArray[np.float64]:
        """Draw random fluxes above a flux.

        Parameters
        ----------
        rng
            Random generator.
        number
            Number of fluxes.
        min_flux
            Minimum flux in Jy.

        Returns
        -------
        ndarray, shape (number,)
            Jy.
        """
        faint, bright = self._numbers(min_flux)
        is_faint = rng.random(number) * (faint + bright) < faint
        below = _power_law(rng.random(number), self.slope, min(min_flux, self.knee), self.knee)
        above = _power_law(rng.random(number), _EUCLIDEAN, max(min_flux, self.knee), np.inf)
        return np.where(is_faint, below, above)

    def _numbers(self, min_flux: float) -> tuple[float, float]:
        """Return the numbers per sr between a flux and the knee, and above both."""
        faint = self._integral(0, min(min_flux, self.knee), self.knee, self.slope)
        return faint, self._integral(0, max(min_flux, self.knee), np.inf, _EUCLIDEAN)

    def _integral(self, power: int, low: float, high: float, slope: float) -> float:
        """Return the integral of S^power dN/dS over a range where dN/dS has this slope."""
        exponent = power + slope + 1
        scale = self.level * self.knee ** (_EUCLIDEAN + power + 1) / exponent
        return float(scale * ((high / self.knee) ** exponent - (low / self.knee) ** exponent))


def _power_law(share: NDArray[np.float64], slope: float, low: float, high: float) -> NDArray[np.float64]:
    """Return the flux below which this fraction of a power law between two fluxes lies."""
    exponent = slope + 1
    drawn: NDArray[np.float64] = (low**exponent + share * (high**exponent - low**exponent)) ** (1 / exponent)
    return drawn
