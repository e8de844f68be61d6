"""Dust of the Galaxy: a column that falls with latitude, torn by turbulence, and its glow in each band."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.spectra import H_OVER_K, modified_blackbody
from skysieve.clusters.simulate.harmonics import field_variance, multipoles
from skysieve.clusters.simulate.instrument import pixel_directions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.simulate.harmonics import Harmonics
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["REFERENCE", "GalacticDust"]

REFERENCE = 857.0
"""GHz, where brightness is given."""

# No structure is larger than some tens of degrees: that is the column's.
_FLATTENING_MULTIPOLE = 4.0
# All of the variance is at low degrees; this far it is summed up, whatever the map needs.
_VARIANCE_LMAX = 6000
# Temperature and emissivity change over degrees.
_LARGE_SCALE_CUTOFF = 150.0


@dataclass(frozen=True, kw_only=True)
class GalacticDust:
    """A smooth column times a log-normal field with a power-law spectrum, and a modified black body.

    The column at 857 GHz is that of a slab, as the gas about the Sun has it, and of the disc of the inner
    Galaxy.  The logarithm of the spectrum follows temperature and emissivity to first order, so that it is
    one Gaussian field with that of the column, and costs one synthesis a band.  That field is seen through
    the beam before its exponential is taken: the same to first order, as it changes little within a beam.

    Attributes
    ----------
    enabled
        Whether it is in the sky.
    pole
        Brightness at the poles at 857 GHz, in MJy/sr.
    softening
        Keeps the slab finite in the plane, in ``|sin b|``.
    disc, disc_height, disc_length, disc_floor
        Brightness towards the Galactic centre in MJy/sr, scale in latitude and in longitude in degrees, share
        of the brightness that is left towards the anticentre.
    scatter, slope
        Root mean square and spectral slope of the logarithm of the column.
    temperature, temperature_scatter
        Mean and scatter on large scales, in K.
    beta, beta_scatter
        The same of the index of the emissivity.
    anticorrelation
        Of temperature and index, 0 to 1.

    References
    ----------
    Planck 2013 results XI: T = 19.7 ± 1.4 K and β = 1.62 ± 0.10, and the dust's brightness per hydrogen atom;
    Miville-Deschênes et al. 2007: spectra of slope -2.9 ± 0.2 whose power grows as brightness squared.
    """

    enabled: bool = True
    pole: float = 0.65
    softening: float = 0.02
    disc: float = 500.0
    disc_height: float = 0.9
    disc_length: float = 45.0
    disc_floor: float = 0.1
    scatter: float = 0.6
    slope: float = -2.75
    temperature: float = 19.6
    temperature_scatter: float = 1.3
    beta: float = 1.6
    beta_scatter: float = 0.1
    anticorrelation: float = 0.5

    def smooth_brightness(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the smooth brightness at 857 GHz.

        Parameters
        ----------
        lon, lat : ndarray
            Galactic coordinates, in degrees.

        Returns
        -------
        ndarray
            In MJy/sr.
        """
        from_centre = (lon + 180) % 360 - 180
        longitude_factor = self.disc_floor + (1 - self.disc_floor) * np.exp(-0.5 * (from_centre / self.disc_length) ** 2)
        slab = self.pole * (1 + self.softening) / (np.abs(np.sin(np.radians(lat))) + self.softening)
        brightness: NDArray[np.float64] = slab + self.disc * longitude_factor * np.exp(-np.abs(lat) / self.disc_height)
        return brightness

    def spectral_ratio(self, frequency: float) -> float:
        """Return the brightness at a frequency in GHz, as a ratio to that at 857 GHz, for the mean dust."""
        return float(
            modified_blackbody(frequency, temperature=self.temperature, beta=self.beta, reference=REFERENCE)
        )

    def brightness(
        self,
        frequency: float,
        region: SkyRegion,
        harmonics: Harmonics,
        stream: Sequence[int],
        *,
        window: NDArray[np.float64],
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """Return the dust of a region at one frequency.

        Parameters
        ----------
        frequency
            In GHz.
        region
            Where.
        harmonics
            Those of the logarithm.
        stream
            Names the dust: the same numbers draw the same.
        window : ndarray, shape (lmax + 1,)
            Of beam and pixels, by degree.
        threads
            Threads at work.

        Returns
        -------
        ndarray, shape (npix,), float32
            In MJy/sr.
        """
        coefficients = harmonics.zeros()
        for number, amplitude in self._log_fields(frequency, harmonics.lmax):
            if amplitude.any():
                harmonics.add_field(coefficients, [*stream, number], amplitude * window)
        values = harmonics.synthesise(coefficients, region, threads=threads)
        # The mean of a log-normal field is above that of its logarithm
        values -= np.float32(field_variance(self._column_amplitude(harmonics.lmax) * window) / 2)
        np.exp(values, out=values)
        values *= np.float32(self.spectral_ratio(frequency))
        for part, lon, lat in pixel_directions(region):
            values[part] *= self.smooth_brightness(lon, lat)
        return values

    def _log_fields(self, frequency: float, lmax: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the fields that make the logarithm, column, temperature, emissivity, and their amplitudes."""
        yield 0, self._column_amplitude(lmax)
        temperature_slope = self._temperature_slope(frequency) - self._temperature_slope(REFERENCE)
        beta_slope = log(frequency / REFERENCE)
        large = _unit_amplitude(lmax, self.slope, _LARGE_SCALE_CUTOFF)
        shared = temperature_slope * self.temperature_scatter - self.anticorrelation * beta_slope * self.beta_scatter
        yield 1, shared * large
        yield 2, beta_slope * self.beta_scatter * sqrt(1 - self.anticorrelation**2) * large

    def _column_amplitude(self, lmax: int) -> NDArray[np.float64]:
        return self.scatter * _unit_amplitude(lmax, self.slope, None)

    def _temperature_slope(self, frequency: float) -> float:
        """Return how the logarithm of the black body grows with its temperature, per K."""
        x = H_OVER_K * frequency / self.temperature
        return x / self.temperature * exp(x) / expm1(x)


def _unit_amplitude(lmax: int, slope: float, cutoff: float | None) -> NDArray[np.float64]:
    """Return the root of a power law that flattens at the lowest degrees, of a field whose variance is 1."""
    ell = multipoles(max(lmax, _VARIANCE_LMAX))
    spectrum = (ell**2 + _FLATTENING_MULTIPOLE**2) ** (slope / 2)
    if cutoff is not None:
        spectrum *= np.exp(-((ell / cutoff) ** 2))
    spectrum[0] = 0
    amplitude = np.sqrt(spectrum)
    unit: NDArray[np.float64] = amplitude[: lmax + 1] / sqrt(field_variance(amplitude))
    return unit
