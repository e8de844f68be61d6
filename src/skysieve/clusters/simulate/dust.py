"""Galactic dust: a smooth column, log-normal fluctuations, and a modified black body."""

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

__all__ = ["FLATTENING_MULTIPOLE", "REFERENCE", "GalacticDust", "unit_amplitude"]

REFERENCE = 857.0
"""Frequency in GHz at which brightness is given."""

FLATTENING_MULTIPOLE = 4.0
"""Multipole below which the spectrum is flat: the column has the structure above some tens of degrees."""
# Multipole up to which the variance is summed, whatever the map needs; all of it is at low multipoles.
_VARIANCE_LMAX = 6000


@dataclass(frozen=True, kw_only=True)
class GalacticDust:
    """A smooth column times a log-normal field with a power-law spectrum, emitting as a modified black body.

    The column at 857 GHz is the sum of a slab, for the gas around the Sun, and of the disc of the inner
    Galaxy.  The logarithm of the brightness is linear in temperature and emissivity to first order, so that
    their fluctuations and those of the column form one Gaussian field, which needs one synthesis per band.
    The beam is applied to that field before its exponential is taken: this is the same to first order, as the
    field changes little within a beam.

    Attributes
    ----------
    enabled
        Whether it is in the sky.
    pole
        Brightness at the poles at 857 GHz, in MJy/sr.
    softening
        Value of ``|sin b|`` that keeps the slab finite in the plane.
    disc, disc_height, disc_length, disc_floor
        Brightness towards the Galactic centre in MJy/sr, scale in latitude and in longitude in degrees,
        fraction of the brightness that remains towards the anticentre.
    scatter, slope
        Root mean square and spectral slope of the logarithm of the column.
    temperature, temperature_scatter
        Mean, and scatter over the sky, in K.
    beta, beta_scatter
        Mean, and scatter over the sky, of the spectral index of the emissivity.
    colour_cutoff
        Multipole above which temperature and index do not vary; with a larger one, the bands differ also on
        the scale of clusters.
    anticorrelation
        Anticorrelation of temperature and index, 0 to 1.

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
    colour_cutoff: float = 150.0
    anticorrelation: float = 0.5

    def smooth_brightness(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the smooth brightness at 857 GHz.

        Parameters
        ----------
        lon, lat : ndarray
            Galactic coordinates in degrees.

        Returns
        -------
        ndarray
            MJy/sr.
        """
        from_centre = (lon + 180) % 360 - 180
        profile = self.disc_floor + (1 - self.disc_floor) * np.exp(
            -0.5 * (from_centre / self.disc_length) ** 2
        )
        slab = self.pole * (1 + self.softening) / (np.abs(np.sin(np.radians(lat))) + self.softening)
        brightness: NDArray[np.float64] = slab + self.disc * profile * np.exp(-np.abs(lat) / self.disc_height)
        return brightness

    def spectral_ratio(self, frequency: float) -> float:
        """Return the brightness of the mean dust relative to that at 857 GHz.

        Parameters
        ----------
        frequency
            GHz.

        Returns
        -------
        float
            Ratio.
        """
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
            GHz.
        region
            Part of the sky.
        harmonics
            Harmonics of the logarithm of the brightness.
        stream
            Seeds of the dust; the same numbers give the same dust.
        window : ndarray, shape (lmax + 1,)
            Window of beam and pixels by multipole.
        threads
            Number of threads.

        Returns
        -------
        ndarray, shape (npix,), float32
            MJy/sr.
        """
        coefficients = harmonics.zeros()
        for number, amplitude in self._log_fields(frequency, harmonics.lmax):
            if amplitude.any():
                harmonics.add_field(coefficients, [*stream, number], amplitude * window)
        values = harmonics.synthesise(coefficients, region, threads=threads)
        # Normalises the mean of the log-normal field to 1
        values -= np.float32(field_variance(self._column_amplitude(harmonics.lmax) * window) / 2)
        np.exp(values, out=values)
        values *= np.float32(self.spectral_ratio(frequency))
        for part, lon, lat in pixel_directions(region):
            values[part] *= self.smooth_brightness(lon, lat)
        return values

    def _log_fields(self, frequency: float, lmax: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield indices and amplitudes of the fields of the logarithm: column, temperature, emissivity."""
        yield 0, self._column_amplitude(lmax)
        slope = self._temperature_slope(frequency) - self._temperature_slope(REFERENCE)
        beta_slope = log(frequency / REFERENCE)
        large = unit_amplitude(lmax, self.slope, cutoff=self.colour_cutoff)
        shared = slope * self.temperature_scatter - self.anticorrelation * beta_slope * self.beta_scatter
        yield 1, shared * large
        yield 2, beta_slope * self.beta_scatter * sqrt(1 - self.anticorrelation**2) * large

    def _column_amplitude(self, lmax: int) -> NDArray[np.float64]:
        return self.scatter * unit_amplitude(lmax, self.slope)

    def _temperature_slope(self, frequency: float) -> float:
        """Return the derivative of the logarithm of the black body by temperature, per K."""
        x = H_OVER_K * frequency / self.temperature
        return x / self.temperature * exp(x) / expm1(x)


def unit_amplitude(
    lmax: int,
    slope: float,
    *,
    flattening: float = FLATTENING_MULTIPOLE,
    cutoff: float | None = None,
) -> NDArray[np.float64]:
    """Return the amplitude of a Gaussian field of variance 1 with a power-law spectrum.

    Parameters
    ----------
    lmax
        Maximum multipole.
    slope
        Spectral slope.
    flattening
        Multipole below which the spectrum is flat.
    cutoff
        Multipole above which the spectrum falls as a Gaussian; None for no such cutoff.

    Returns
    -------
    ndarray, shape (lmax + 1,)
        Square root of the power spectrum by multipole.
    """
    ell = multipoles(max(lmax, _VARIANCE_LMAX))
    spectrum = (ell**2 + flattening**2) ** (slope / 2)
    if cutoff is not None:
        spectrum *= np.exp(-((ell / cutoff) ** 2))
    spectrum[0] = 0
    amplitude = np.sqrt(spectrum)
    unit: NDArray[np.float64] = amplitude[: lmax + 1] / sqrt(field_variance(amplitude))
    return unit
