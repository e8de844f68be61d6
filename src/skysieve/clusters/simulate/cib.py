"""Cosmic infrared background: unresolved dusty galaxies, with clustered power and shot noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.spectra import modified_blackbody
from skysieve.clusters.simulate.harmonics import multipoles
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.harmonics import Harmonics

__all__ = ["InfraredBackground"]

POWER = {
    217: (59.4, 1.19, 21.0),
    353: (867.0, 1.33, 262.0),
    545: (6460.0, 1.38, 1690.0),
    857: (23600.0, 1.47, 5364.0),
}
"""Clustered power at l = 1000 in Jy²/sr, its slope, and shot noise in Jy²/sr, by frequency in GHz.

From Planck 2013 results XXX.  The shot noise is that of its model (Béthermin et al. 2012, with Planck's flux
cuts).  The others are our fits of a power law and that shot noise to the spectra of its Table D.2 from l =
187 on, which agree within 11 % at 217 GHz and within 7 % elsewhere.
"""

MEAN = {100: 0.0030, 143: 0.0079, 217: 0.033, 353: 0.13, 545: 0.35, 857: 0.64}
"""Mean in MJy/sr by frequency in GHz, as in the maps of Planck 2018 results III (Table 12)."""

_PIVOT = 1000.0
# Multipole below which the clustered power is flat: the peak of the matter spectrum.
_FLATTENING_MULTIPOLE = 60.0
# Mean spectrum of Fixsen et al. 1998: ν^0.64 times a black body of 18.5 K.
_EMISSIVITY = 0.64
_TEMPERATURE = 18.5

_NODE_FREQUENCIES = (857.0, 545.0, 353.0, 217.0, 143.0, 100.0)
"""Frequencies at which fields are drawn, each from the previous one; other bands use the nearest."""

_JY_IN_MJY = 1e-6


@dataclass(frozen=True, kw_only=True)
class InfraredBackground:
    """Unresolved dusty galaxies, as Gaussian fields that are correlated between bands.

    Below 217 GHz, where CMB and radio sources hide it, the measured power is extrapolated with its mean
    spectrum.

    Attributes
    ----------
    enabled
        Whether it is in the sky.
    clustered
        Factor on the measured clustered power.
    poisson
        Factor on the measured shot noise; the part of sources that are drawn one by one should be subtracted.
    monopole
        Whether the maps include the mean, as Planck's do.
    decoherence
        Fields of two bands have the correlation ``exp(-decoherence |ln(ν₁/ν₂)|)``.  The default gives 0.95,
        0.91 and 0.86 between 857 GHz and 545, 353 and 217 GHz; Planck 2013 results XXX finds 0.95, 0.91 and
        0.85.

    References
    ----------
    Planck 2013 results XXX; Béthermin et al. 2012; Fixsen et al. 1998.
    """

    enabled: bool = True
    clustered: float = 1.0
    poisson: float = 0.95
    monopole: bool = True
    decoherence: float = 0.11

    def __post_init__(self) -> None:
        """Check the correlation."""
        if self.decoherence < 0:
            raise ConfigError(f"infrared background: decoherence {self.decoherence:g} must be at least 0")

    def add(
        self,
        coefficients: NDArray[np.complex64],
        harmonics: Harmonics,
        band: Band,
        stream: Sequence[int],
        window: NDArray[np.float64],
    ) -> None:
        """Add the background without its mean, see :meth:`mean`, to the harmonic coefficients of a band.

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

        amplitude = np.sqrt(self.spectrum(band.frequency, harmonics.lmax)) * window
        amplitude *= conversion_factor("MJy/sr", band.unit, band)
        for number, weight in _weights(band.frequency, self.decoherence):
            harmonics.add_field(coefficients, [*stream, number], weight * amplitude)

    def spectrum(self, frequency: float, lmax: int) -> NDArray[np.float64]:
        """Return the power spectrum.

        Parameters
        ----------
        frequency
            GHz.
        lmax
            Maximum multipole.

        Returns
        -------
        ndarray, shape (lmax + 1,)
            (MJy/sr)² sr; zero for monopole and dipole.
        """
        power, slope, shot = _interpolated(POWER, frequency)
        measured = min(max(frequency, min(POWER)), max(POWER))
        brightness = modified_blackbody(
            frequency, temperature=_TEMPERATURE, beta=_EMISSIVITY, reference=measured
        )
        ell = multipoles(lmax)
        scale = np.sqrt((ell**2 + _FLATTENING_MULTIPOLE**2) / (_PIVOT**2 + _FLATTENING_MULTIPOLE**2))
        spectrum = (self.clustered * power * scale**-slope + self.poisson * shot) * brightness**2
        spectrum[:2] = 0
        result: NDArray[np.float64] = spectrum * _JY_IN_MJY**2
        return result

    def mean(self, frequency: float) -> float:
        """Return the mean of the maps.

        Parameters
        ----------
        frequency
            GHz.

        Returns
        -------
        float
            MJy/sr; zero if the maps do not include it.
        """
        return _interpolated(MEAN, frequency)[0] if self.monopole else 0.0


def _weights(frequency: float, decoherence: float) -> Iterator[tuple[int, float]]:
    """Yield the indices of the independent fields of unit power that make up a band, and their weights."""
    nearest = min(
        range(len(_NODE_FREQUENCIES)), key=lambda node: abs(log(_NODE_FREQUENCIES[node] / frequency))
    )
    weight = 1.0
    for node in range(nearest, 0, -1):
        correlation = exp(-decoherence * log(_NODE_FREQUENCIES[node - 1] / _NODE_FREQUENCIES[node]))
        yield node, weight * sqrt(1 - correlation**2)
        weight *= correlation
    yield 0, weight


def _interpolated(table: Mapping[int, float | tuple[float, ...]], frequency: float) -> list[float]:
    """Interpolate a table in frequency: power laws between its entries, constant beyond."""
    columns = np.log(np.array([np.atleast_1d(row) for row in table.values()])).T
    return [exp(float(np.interp(log(frequency), np.log(list(table)), column))) for column in columns]
