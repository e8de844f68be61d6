"""Cold cores of the Galaxy: compact clumps of dust that are colder than their surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, radians
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.simulate.dust import REFERENCE
from skysieve.clusters.simulate.harmonics import Harmonics
from skysieve.clusters.simulate.regions import SkyRegion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from skysieve.clusters.simulate.dust import GalacticDust

__all__ = ["ColdCores"]

_NSIDE = 64
_LMAX = 2 * _NSIDE
_MIN_TEMPERATURE, _MAX_TEMPERATURE = 6.0, 20.0
_SUBPIXELS = 2**12
"""Number of random positions along the side of a coarse pixel."""


@dataclass(frozen=True, kw_only=True)
class ColdCores:
    """Elongated Gaussian sources of cold dust, more frequent where the dust column is high.

    Attributes
    ----------
    enabled
        Whether they are in the sky.
    number
        Expected number on the whole sky.
    crowding
        Exponent of the dust column to which their density is proportional.
    contrast, contrast_scatter
        Median ratio of the peak brightness to that of the surrounding dust, at 857 GHz and before the beam,
        and scatter of its natural logarithm.
    size
        Minimum and maximum FWHM of the minor axis, in arcminutes.
    elongation
        Maximum axis ratio.
    temperature, temperature_scatter
        Mean and scatter in K.
    beta, beta_scatter
        Mean and scatter of the spectral index of the emissivity.

    References
    ----------
    Planck 2015 results XXVIII: 13188 sources, median temperature 13 to 14.5 K, all between 5.8 and 20 K;
    Planck early results XXIII: a mean index of 2.1.
    """

    enabled: bool = True
    number: float = 13188.0
    crowding: float = 1.5
    contrast: float = 0.5
    contrast_scatter: float = 0.6
    size: tuple[float, float] = (4.0, 7.0)
    elongation: float = 1.8
    temperature: float = 14.0
    temperature_scatter: float = 1.5
    beta: float = 2.0
    beta_scatter: float = 0.15

    def draw(
        self, rng: np.random.Generator, region: SkyRegion, dust: GalacticDust, dust_stream: Sequence[int]
    ) -> Table:
        """Draw the cold cores of a region.

        Parameters
        ----------
        rng
            Random generator.
        region
            Part of the sky.
        dust
            Dust whose column they follow.
        dust_stream
            Seeds of the dust; the cores follow its column down to a scale of a degree.

        Returns
        -------
        astropy.table.Table
            Sources for :func:`~.source_table.fluxes`.
        """
        import healpy

        from skysieve.clusters.simulate.source_table import source_table

        whole = SkyRegion(_NSIDE, None)
        harmonics = Harmonics.for_region(whole, _LMAX)
        brightness = dust.brightness(
            REFERENCE, whole, harmonics, dust_stream, window=np.ones(_LMAX + 1)
        ).astype(float)
        density = brightness**self.crowding
        pixel = np.repeat(np.arange(density.size), rng.poisson(self.number * density / density.sum()))
        # Random position in the pixel: the centre of one of its subpixels
        subpixel = healpy.ring2nest(_NSIDE, pixel) * _SUBPIXELS**2 + rng.integers(
            _SUBPIXELS**2, size=pixel.size
        )
        lon, lat = healpy.pix2ang(_NSIDE * _SUBPIXELS, subpixel, nest=True, lonlat=True)
        if region.cap is not None:
            inside = lat >= 90 - region.cap
            pixel, lon, lat = pixel[inside], lon[inside], lat[inside]
        count = len(pixel)
        minor = rng.uniform(*self.size, count)
        major = minor * rng.uniform(1, self.elongation, count)
        peak = brightness[pixel] * self.contrast * np.exp(rng.normal(0, self.contrast_scatter, count))
        solid_angle = pi / (4 * log(2)) * major * minor * radians(1 / 60) ** 2
        return source_table(
            "core",
            lon,
            lat,
            flux=peak * 1e6 * solid_angle,
            frequency=REFERENCE,
            temperature=np.clip(
                rng.normal(self.temperature, self.temperature_scatter, count),
                _MIN_TEMPERATURE,
                _MAX_TEMPERATURE,
            ),
            beta=rng.normal(self.beta, self.beta_scatter, count),
            major=major,
            minor=minor,
            angle=rng.uniform(0, 180, count),
        )
