"""Point sources: radio galaxies and nearby dusty galaxies, drawn one by one above a flux."""

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
"""Frequency in GHz of the fluxes of radio galaxies."""

DUSTY_REFERENCE = 857.0
"""Frequency in GHz of the fluxes of dusty galaxies."""

_MIN_TEMPERATURE = 8.0

_JY_IN_MJY = 1e-6


@dataclass(frozen=True, kw_only=True)
class RadioGalaxies:
    """Radio galaxies with power-law spectra.

    With the default counts, S^2.5 dN/dS is 12 Jy^1.5/sr at 1 Jy and 1.9 at 10 mJy, and sources below 0.35 Jy
    have 5.2 Jy²/sr of shot noise.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    counts
        Number counts at 143 GHz.
    least
        Flux at 143 GHz, in Jy, above which they are drawn one by one; fainter ones are a Gaussian field.
    index, index_scatter
        Mean and scatter of the spectral index, S ∝ ν^index.

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
        """Draw the sources above the minimum flux, :attr:`least`.

        Parameters
        ----------
        rng
            Random generator.
        region
            Part of the sky.

        Returns
        -------
        Table
            Sources for :func:`~.source_table.fluxes`.
        """
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
        """Add the faint sources to the harmonic coefficients of a band, in the band's unit.

        The scatter of the spectral index is included to first order: the further a band is from 143 GHz, the
        more its field differs.

        Parameters
        ----------
        coefficients
            Harmonic coefficients ``(count,)`` complex64, changed in place.
        harmonics
            Their multipoles and orders.
        band
            Band, which gives frequency and unit.
        stream
            Seeds of the field; the same numbers give the same field.
        window
            Window of beam and pixels by multipole ``(lmax + 1,)``.
        """
        from skysieve.clusters.physics.units import conversion_factor

        log_ratio = log(band.frequency / RADIO_REFERENCE)
        brightness = sqrt(self.counts.shot_noise(self.least)) * _JY_IN_MJY
        brightness *= (band.frequency / RADIO_REFERENCE) ** self.index
        amplitude = window * brightness * conversion_factor("MJy/sr", band.unit, band)
        amplitude[:2] = 0
        for number, share in enumerate((1.0, self.index_scatter * log_ratio)):
            harmonics.add_field(coefficients, [*stream, number], share * amplitude)


@dataclass(frozen=True, kw_only=True)
class DustyGalaxies:
    """Nearby dusty galaxies, each a modified black body.

    The shot noise of the infrared background represents fainter ones.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    counts
        Number counts at 857 GHz.
    least
        Minimum flux at 857 GHz, in Jy.
    temperature, temperature_scatter
        Mean and scatter in K.
    beta, beta_scatter
        Mean and scatter of the spectral index of the emissivity.

    References
    ----------
    Planck intermediate results VII: Euclidean counts, about 627 Jy^1.5/sr at 857 GHz and 93 at 545 GHz,
    whose ratio agrees with the mean spectrum here.
    """

    enabled: bool = True
    counts: SourceCounts = field(default_factory=lambda: SourceCounts(level=627.0))
    least: float = 0.3
    temperature: float = 22.0
    temperature_scatter: float = 2.5
    beta: float = 1.75
    beta_scatter: float = 0.15

    def draw(self, rng: np.random.Generator, region: SkyRegion) -> Table:
        """Draw the sources above the minimum flux, :attr:`least`.

        Parameters
        ----------
        rng
            Random generator.
        region
            Part of the sky.

        Returns
        -------
        Table
            Sources for :func:`~.source_table.fluxes`.
        """
        from skysieve.clusters.simulate.source_table import source_table

        number = rng.poisson(self.counts.number(self.least) * radians(radians(region.area)))
        lon, lat = _random_positions(rng, number, region)
        return source_table(
            "infrared",
            lon,
            lat,
            flux=self.counts.draw(rng, number, self.least),
            frequency=DUSTY_REFERENCE,
            temperature=np.maximum(
                rng.normal(self.temperature, self.temperature_scatter, number), _MIN_TEMPERATURE
            ),
            beta=rng.normal(self.beta, self.beta_scatter, number),
        )


def _random_positions(
    rng: np.random.Generator, number: int, region: SkyRegion
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions in degrees, uniform over a region."""
    lowest = -1.0 if region.cap is None else sin(radians(90 - region.cap))
    lon = rng.uniform(0, 360, number)
    return lon, np.degrees(np.arcsin(rng.uniform(lowest, 1, number)))
