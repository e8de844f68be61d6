"""Point sources: radio galaxies and nearby dusty galaxies, those above a flux drawn singly."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, radians, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.simulate.source_counts import SourceCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.harmonics import Harmonics
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["DustyGalaxies", "RadioGalaxies"]

RADIO_REFERENCE = 143.0
"""GHz, where the fluxes of radio galaxies are given."""

DUSTY_REFERENCE = 857.0
"""GHz, where those of dusty galaxies are given."""

_JY_IN_MJY = 1e-6


@dataclass(frozen=True, kw_only=True)
class RadioGalaxies:
    """Radio galaxies with power-law spectra.

    With the counts as they are, S^2.5 dN/dS is 12 Jy^1.5/sr at 1 Jy and 1.9 at 10 mJy, and those below
    0.35 Jy make 5.2 Jy²/sr of shot noise.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    counts
        At 143 GHz.
    least
        Flux at 143 GHz, in Jy, from which they are drawn singly; fainter ones are a Gaussian field.
    index, index_scatter
        Of the spectra, S ∝ ν^index.

    References
    ----------
    Planck early results XIII: counts at 100 to 217 GHz, and indices of -0.5 ± 0.3 between these; Tucci et
    al. 2011 for fainter sources; Planck 2013 results XXX: 6.1 ± 1.5 Jy²/sr of shot noise of radio sources
    below 0.35 Jy at 143 GHz.
    """

    enabled: bool = True
    counts: SourceCounts = field(default_factory=lambda: SourceCounts(level=12.0, slope=-2.1, knee=1.0))
    least: float = 0.03
    index: float = -0.5
    index_scatter: float = 0.3

    def draw(self, rng: np.random.Generator, region: SkyRegion) -> Table:
        """Draw those above the least flux, as a table for :func:`~.source_table.fluxes`."""
        from skysieve.clusters.simulate.source_table import source_table

        number = rng.poisson(self.counts.number(self.least) * radians(radians(region.area)))
        lon, lat = _random_positions(rng, number, region)
        return source_table(
            "radio",
            lon,
            lat,
            flux=self.counts.draw(rng, number, self.least),
            frequency=RADIO_REFERENCE,
            index=rng.normal(self.index, self.index_scatter, number),
        )

    def add(
        self,
        coefficients: NDArray[np.complex64],
        harmonics: Harmonics,
        band: Band,
        stream: Sequence[int],
        window: NDArray[np.float64],
    ) -> None:
        """Add the faint ones to the harmonics of a band in the band's unit, in place, seen through a window.

        The scatter of the spectra enters to first order: bands far from 143 GHz see other sources.
        """
        from skysieve.clusters.physics.units import conversion_factor

        away = log(band.frequency / RADIO_REFERENCE)
        brightness = sqrt(self.counts.shot_noise(self.least)) * _JY_IN_MJY
        brightness *= (band.frequency / RADIO_REFERENCE) ** self.index
        amplitude = window * brightness * conversion_factor("MJy/sr", band.unit, band)
        amplitude[:2] = 0
        for number, share in enumerate((1.0, self.index_scatter * away)):
            harmonics.add_field(coefficients, [*stream, number], share * amplitude)


@dataclass(frozen=True, kw_only=True)
class DustyGalaxies:
    """Nearby dusty galaxies, each a modified black body.

    Fainter ones are the shot noise of the infrared background.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    counts
        At 857 GHz.
    least
        Flux at 857 GHz, in Jy, from which they are drawn.
    temperature, temperature_scatter
        In K.
    beta, beta_scatter
        Index of the emissivity.

    References
    ----------
    Planck intermediate results VII: Euclidean counts, about 627 Jy^1.5/sr at 857 GHz and 93 at 545 GHz, for
    which the mean spectrum here has the right colour.
    """

    enabled: bool = True
    counts: SourceCounts = field(default_factory=lambda: SourceCounts(level=627.0))
    least: float = 0.3
    temperature: float = 22.0
    temperature_scatter: float = 2.5
    beta: float = 1.75
    beta_scatter: float = 0.15

    def draw(self, rng: np.random.Generator, region: SkyRegion) -> Table:
        """Draw those above the least flux, as a table for :func:`~.source_table.fluxes`."""
        from skysieve.clusters.simulate.source_table import source_table

        number = rng.poisson(self.counts.number(self.least) * radians(radians(region.area)))
        lon, lat = _random_positions(rng, number, region)
        return source_table(
            "infrared",
            lon,
            lat,
            flux=self.counts.draw(rng, number, self.least),
            frequency=DUSTY_REFERENCE,
            temperature=_above(rng.normal(self.temperature, self.temperature_scatter, number)),
            beta=rng.normal(self.beta, self.beta_scatter, number),
        )


def _above(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return temperatures that dust can have."""
    return np.maximum(temperature, 8.0)


def _random_positions(
    rng: np.random.Generator, number: int, region: SkyRegion
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places all over a region, in degrees."""
    lowest = -1.0 if region.cap is None else sin(radians(90 - region.cap))
    lon = rng.uniform(0, 360, number)
    return lon, np.degrees(np.arcsin(rng.uniform(lowest, 1, number)))
