"""Instrument: windows of beam and pixels, and white noise with the pattern of the scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log, pi, radians, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.simulate.harmonics import multipoles
from skysieve.clusters.simulate.pixel_window import pixel_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["Noise", "pixel_directions", "relative_noise", "window_function"]

_CHUNK_SIZE = 2**21
"""Number of pixels processed at once."""

_ECLIPTIC_POLE = (96.38, 29.81)
"""Galactic coordinates of the north ecliptic pole, in degrees."""

_OPENING_ANGLE, _FOCAL_PLANE, _PRECESSION = 85.0, 1.0, 7.5
"""Angles in degrees of Planck's scan (Planck 2013 results I).

The beams were 85° from the spin axis, within the extent of the focal plane, and the axis moved up to 7.5° out
of the ecliptic.
"""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """White noise.

    Attributes
    ----------
    enabled
        Whether the maps have noise.
    scale
        Factor on the noise of each band.
    exposure
        Whether the noise decreases towards the ecliptic poles, where Planck's scans meet; its root mean
        square over the sky does not depend on it.
    """

    enabled: bool = True
    scale: float = 1.0
    exposure: bool = True

    def add(self, values: NDArray[np.float32], region: SkyRegion, band: Band, stream: Sequence[int]) -> None:
        """Add noise to a map, in place.

        Parameters
        ----------
        values : ndarray, shape (npix,), float32
            Map of the region in the band's unit.
        region
            Part of the sky.
        band
            Band, whose `noise` is that of a pixel of one square arcminute.
        stream
            Seeds of the noise; the same numbers give the same noise.
        """
        rms = self.scale * band.noise / sqrt(_pixel_area(region.nside))
        rng = np.random.default_rng(list(stream))
        for part, lon, lat in pixel_directions(region):
            drawn = rng.standard_normal(part.stop - part.start, np.float32)
            drawn *= rms if not self.exposure else (rms * relative_noise(lon, lat)).astype(np.float32)
            values[part] += drawn


def window_function(fwhm: float, nside: int, lmax: int) -> NDArray[np.float64]:
    """Return the window of a Gaussian beam and of the pixels.

    Parameters
    ----------
    fwhm
        FWHM of the beam in arcminutes.
    nside
        Nside of the map.
    lmax
        Maximum multipole, at most 4 nside.

    Returns
    -------
    ndarray, shape (lmax + 1,)
        Window by multipole.
    """
    sigma = radians(fwhm / 60) / sqrt(8 * log(2))
    ell = multipoles(lmax)
    beam: NDArray[np.float64] = np.exp(-0.5 * ell * (ell + 1) * sigma**2)
    return beam * pixel_window(nside, lmax)


def relative_noise(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noise relative to its root mean square over the sky.

    Parameters
    ----------
    lon, lat : ndarray
        Galactic coordinates in degrees.

    Returns
    -------
    ndarray
        Ratios, of the shape of `lon`.
    """
    pole_lon, pole_lat = np.radians(_ECLIPTIC_POLE)
    sin_latitude = np.sin(np.radians(lat)) * np.sin(pole_lat)
    sin_latitude += np.cos(np.radians(lat)) * np.cos(pole_lat) * np.cos(np.radians(lon) - pole_lon)
    centres, noise = _noise_by_latitude()
    ratio: NDArray[np.float64] = np.interp(np.abs(sin_latitude), centres, noise)
    return ratio


def pixel_directions(
    region: SkyRegion,
) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield the pixels of a region in chunks, with their directions.

    Parameters
    ----------
    region
        Part of the sky.

    Yields
    ------
    part : slice
        Pixels of the chunk.
    lon, lat : ndarray
        Their Galactic coordinates in degrees.
    """
    import healpy

    npix = len(region.pixels)
    for start in range(0, npix, _CHUNK_SIZE):
        part = slice(start, min(start + _CHUNK_SIZE, npix))
        lon, lat = healpy.pix2ang(region.nside, np.arange(part.start, part.stop), lonlat=True)
        yield part, lon, lat


def _pixel_area(nside: int) -> float:
    """Return the area of a pixel in square arcminutes."""
    return 4 * pi / (12 * nside**2) / radians(1 / 60) ** 2


@lru_cache(maxsize=1)
def _noise_by_latitude() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the relative noise by the absolute sine of the ecliptic latitude, from the density of scans."""
    phase = (np.arange(2000) + 0.5) / 2000 * pi
    tilt = radians(_PRECESSION) * np.sin((np.arange(200) + 0.5) / 200 * 2 * pi)[:, None]
    # Bins of equal area, that is in the sine of the latitude
    edges = np.linspace(0, 1, 201)
    hits = np.zeros(edges.size - 1)
    for opening in np.radians(np.linspace(_OPENING_ANGLE - _FOCAL_PLANE, _OPENING_ANGLE + _FOCAL_PLANE, 5)):
        sin_latitude = np.sin(tilt) * np.cos(opening) + np.cos(tilt) * np.sin(opening) * np.cos(phase)
        hits += np.histogram(np.abs(sin_latitude), edges)[0]
    noise = 1 / np.sqrt(hits)
    return (edges[1:] + edges[:-1]) / 2, noise / np.sqrt(np.mean(noise**2))
