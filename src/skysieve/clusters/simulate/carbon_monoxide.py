"""Molecular clouds of the Galaxy: the lines of carbon monoxide, and the dust of the same gas."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, radians, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.spectra import CO_RATIOS, modified_blackbody
from skysieve.clusters.physics.units import conversion_factor
from skysieve.clusters.simulate.dust import REFERENCE, unit_amplitude
from skysieve.clusters.simulate.harmonics import Harmonics
from skysieve.clusters.simulate.instrument import pixel_directions
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.dust import GalacticDust

__all__ = ["CarbonMonoxide"]

# Multipole below which the spectrum of the clouds is flat: single clouds extend over some degrees.
_CLOUD_MULTIPOLE = 30.0
# Multipoles and width of the filaments: the places where a Gaussian field of variance 1 is close to zero.
_FILAMENT_MULTIPOLE, _FILAMENT_CUTOFF, _FILAMENT_SLOPE = 60.0, 1500.0, -3.0
_FILAMENT_WIDTH = 0.3
# Degrees by which the clouds are drawn beyond a cap, so that its edge has the beams of all bands.
_PADDING = 1.0
_CLOUDS, _FILAMENTS, _CLUMPS = range(3)
_DUST_COLUMN = 0
"""Number of the field of the dust's column among the fields of the dust."""
_CLUMP_NSIDE = 128
_SUBPIXELS = 2**11
"""Number of random positions along the side of a coarse pixel."""


@dataclass(frozen=True, kw_only=True)
class CarbonMonoxide:
    """Molecular clouds: diffuse and filamentary ones, and clumps at the scale of clusters.

    A Gaussian field that is correlated with the column of the dust has clouds where it is highest.  The
    brightness of a cloud is an exponential of this field, times filaments.  Clumps are elliptical Gaussians
    in the clouds.  Clouds are brighter towards the plane, as the smooth column of the dust.  Both clouds and
    clumps emit the lines J = 1-0, 2-1 and 3-2, and the dust of their gas.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    coverage
        Fraction of the sky with clouds.
    level
        Mean of the line 1-0 in the clouds at the poles, in K km/s.
    scatter
        Growth of the logarithm of the line per standard deviation of the field of the clouds.
    correlation
        Correlation between the fields of the clouds and of the dust's column.
    filaments
        Fraction of the diffuse emission that is in filaments.
    ratios
        Ratios of the lines 2-1 and 3-2 to the line 1-0.
    ratio_scatter
        Scatter of the natural logarithm of these ratios between clumps.
    clumps
        Expected number of clumps per square degree of the clouds.
    clump_level, clump_scatter
        Median of the peak of the line 1-0 of a clump before the beam, in K km/s, and scatter of its natural
        logarithm.
    clump_size
        Minimum and maximum FWHM of the minor axis of a clump, in arcminutes.
    elongation
        Maximum axis ratio of a clump.
    dust
        Brightness at 857 GHz of the dust of the gas, in MJy/sr per K km/s of the line 1-0.
    dust_scatter
        Scatter of the natural logarithm of this brightness between clumps.
    dust_temperature, dust_beta
        Temperature in K, and spectral index of the emissivity, of this dust.

    Raises
    ------
    ConfigError
        If a fraction is out of range.

    References
    ----------
    Planck 2013 results XIII: mean ratios of 0.595 and 0.297, and 50 % of scatter between regions; Magnani,
    Blitz & Mundy 1985 and Dame, Hartmann & Thaddeus 2001: some K km/s in clouds at high latitude; Bolatto,
    Wolfire & Leroy 2013: 2e20 hydrogen molecules per cm² for each K km/s, which have 1.7 MJy/sr of dust at
    0.43 MJy/sr for each 1e20 atoms (Planck early results XXIV); Planck early results XXV: dust of 16 K in
    molecular clouds.  Coverage and number of clumps are our choice.
    """

    enabled: bool = False
    coverage: float = 0.05
    level: float = 2.0
    scatter: float = 1.0
    correlation: float = 0.7
    filaments: float = 0.6
    ratios: tuple[float, float] = CO_RATIOS[1:]
    ratio_scatter: float = 0.3
    clumps: float = 2.0
    clump_level: float = 3.0
    clump_scatter: float = 0.7
    clump_size: tuple[float, float] = (3.0, 12.0)
    elongation: float = 2.0
    dust: float = 1.7
    dust_scatter: float = 0.3
    dust_temperature: float = 16.0
    dust_beta: float = 1.8

    def __post_init__(self) -> None:
        """Check the fractions."""
        if not (0 < self.coverage < 1 and 0 <= self.correlation <= 1 and 0 <= self.filaments <= 1):
            raise ConfigError(
                f"carbon monoxide with coverage {self.coverage:g}, correlation {self.correlation:g} and "
                f"filaments {self.filaments:g}: the first must be between 0 and 1, the others from 0 to 1"
            )

    def padded(self, region: SkyRegion) -> SkyRegion:
        """Return a region that is large enough to convolve the clouds of another with the beams.

        Parameters
        ----------
        region
            Part of the sky.

        Returns
        -------
        SkyRegion
            The same with a margin; its first pixels are those of `region`.
        """
        if region.cap is None:
            return region
        return SkyRegion(region.nside, min(180.0, region.cap + _PADDING))

    def response(self, band: Band) -> float:
        """Return the change of a map per K km/s of the line 1-0, with the dust of the gas.

        Parameters
        ----------
        band
            Band.

        Returns
        -------
        float
            Unit of the band per K km/s.
        """
        ratio = (0.0, 1.0, *self.ratios)[band.co_line]
        spectrum = modified_blackbody(
            band.frequency, temperature=self.dust_temperature, beta=self.dust_beta, reference=REFERENCE
        )
        dust = self.dust * float(spectrum) * conversion_factor("MJy/sr", band.unit, band)
        return ratio * band.co_in_unit + dust

    def diffuse_line(
        self,
        region: SkyRegion,
        harmonics: Harmonics,
        stream: Sequence[int],
        dust: GalacticDust,
        dust_stream: Sequence[int],
        *,
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """Return the line 1-0 of the clouds without clumps, not convolved with any beam.

        Parameters
        ----------
        region
            Part of the sky.
        harmonics
            Range of harmonics of the clouds.
        stream
            Seeds of the clouds; the same numbers give the same clouds.
        dust, dust_stream
            Dust with which they are correlated, and its seeds.
        threads
            Number of threads.

        Returns
        -------
        ndarray, shape (npix,), float32
            K km/s.
        """
        clouds, lmax = harmonics.zeros(), harmonics.lmax
        amplitude = unit_amplitude(lmax, dust.slope, flattening=_CLOUD_MULTIPOLE)
        harmonics.add_field(clouds, [*dust_stream, _DUST_COLUMN], self.correlation * amplitude)
        harmonics.add_field(clouds, [*stream, _CLOUDS], sqrt(1 - self.correlation**2) * amplitude)
        values = harmonics.synthesise(clouds, region, threads=threads)
        values -= np.float32(self._threshold)
        np.maximum(values, 0, out=values)
        values *= np.float32(self.scatter)
        np.expm1(values, out=values)
        values *= np.float32(self.level / self._mean_growth())
        if self.filaments:
            clouds[:] = 0
            amplitude = unit_amplitude(
                lmax, _FILAMENT_SLOPE, flattening=_FILAMENT_MULTIPOLE, cutoff=_FILAMENT_CUTOFF
            )
            harmonics.add_field(clouds, [*stream, _FILAMENTS], amplitude)
            field = harmonics.synthesise(clouds, region, threads=threads)
            ridges = np.exp(-((field / _FILAMENT_WIDTH) ** 2) / 2)
            mean = _FILAMENT_WIDTH / sqrt(1 + _FILAMENT_WIDTH**2)
            values *= 1 - self.filaments + self.filaments / mean * ridges
        for part, lon, lat in pixel_directions(region):
            values[part] *= _relative_column(dust, lon, lat)
        return values

    def draw(
        self, stream: Sequence[int], region: SkyRegion, dust: GalacticDust, dust_stream: Sequence[int]
    ) -> Table:
        """Draw the clumps of a region, more where the clouds are brighter.

        Parameters
        ----------
        stream
            Seeds of the clouds.
        region
            Part of the sky.
        dust, dust_stream
            See :meth:`diffuse_line`.

        Returns
        -------
        astropy.table.Table
            Sources for :func:`~.source_table.band_fluxes`.
        """
        import healpy

        from skysieve.clusters.simulate.source_table import source_table

        whole = SkyRegion(_CLUMP_NSIDE, None)
        harmonics = Harmonics.for_region(whole, 2 * _CLUMP_NSIDE)
        rng = np.random.default_rng([*stream, _CLUMPS])
        line = self.diffuse_line(whole, harmonics, stream, dust, dust_stream).astype(float)
        lon, lat = healpy.pix2ang(_CLUMP_NSIDE, np.arange(line.size), lonlat=True)
        # The number follows the structure of the clouds, not their brightness towards the plane
        density = line / _relative_column(dust, lon, lat)
        number = self.clumps * self.coverage * whole.area
        pixel = np.repeat(np.arange(line.size), rng.poisson(number * density / max(density.sum(), 1e-30)))
        subpixel = healpy.ring2nest(_CLUMP_NSIDE, pixel) * _SUBPIXELS**2 + rng.integers(
            _SUBPIXELS**2, size=pixel.size
        )
        lon, lat = healpy.pix2ang(_CLUMP_NSIDE * _SUBPIXELS, subpixel, nest=True, lonlat=True)
        count = pixel.size
        minor = rng.uniform(*self.clump_size, count)
        major = minor * rng.uniform(1, self.elongation, count)
        peak = self.clump_level * np.exp(rng.normal(0, self.clump_scatter, count))
        peak *= _relative_column(dust, lon, lat)
        ratios = np.array(self.ratios)[:, None] * np.exp(rng.normal(0, self.ratio_scatter, (2, count)))
        solid_angle = pi / (4 * log(2)) * major * minor * radians(1 / 60) ** 2
        angle = rng.uniform(0, 180, count)
        dust_ratio = self.dust * np.exp(rng.normal(0, self.dust_scatter, count))
        table = source_table(
            "clump",
            lon,
            lat,
            flux=dust_ratio * peak * 1e6 * solid_angle,
            frequency=REFERENCE,
            temperature=self.dust_temperature,
            beta=self.dust_beta,
            major=major,
            minor=minor,
            angle=angle,
            lines=(peak, *(ratios * peak)),
        )
        return table if region.cap is None else table[lat >= 90 - region.cap]

    @property
    def _threshold(self) -> float:
        """Value of the field, in standard deviations, above which there are clouds."""
        from scipy.special import ndtri

        return float(-ndtri(self.coverage))

    def _mean_growth(self) -> float:
        """Return the mean of ``exp(scatter (g - threshold)) - 1`` over the clouds, for a Gaussian g."""
        from scipy.special import ndtr

        threshold = self._threshold
        above = np.exp(self.scatter**2 / 2 - self.scatter * threshold) * ndtr(self.scatter - threshold)
        return float(above / self.coverage) - 1


def _relative_column(
    dust: GalacticDust, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the smooth column of the dust relative to that at the poles."""
    return (dust.smooth_brightness(lon, lat) / dust.pole).astype(np.float32)
