"""Add clusters and point sources to a map, convolved with the beam of a band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.pressure_profile import GAS_RADIUS, beam_convolved_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["paint_clusters", "paint_point_sources"]

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
ARCMIN = math.radians(1 / 60)

CLUSTER_REACH = 1.4
"""Distance beyond the gas to which clusters are painted, in FWHM of the beam; it is 3.3 sigma."""

POINT_REACH = 2.0
"""Distance to which point sources are painted, in FWHM of the beam; it is 4.7 sigma."""

TABLE_SIZES = 24
TABLE_RADII = 160
"""Size of the table of profiles: values of theta500 per factor of e, and radii of each."""

PIXELS_PER_BATCH = 1_000_000
"""Number of pixels of the sources painted at once, which limits memory."""

MJY_PER_JY = 1e-6
"""MJy in a Jy."""


def paint_clusters(values: NDArray[np.float32], region: SkyRegion, table: Table, band: Band) -> None:
    """Add the Sunyaev-Zel'dovich effect of clusters to a map, in place.

    Profiles are convolved with the beam and averaged over the map's pixels.

    Parameters
    ----------
    values
        Map of the region ``(npix,)`` float32, in the band's unit.
    region
        Part of the sky.
    table
        Clusters with GLON, GLAT (deg), Y500 (arcmin2) and T500 (arcmin).
    band
        Band, which gives beam, unit and response.
    """
    if not len(table):
        return
    fwhm = math.hypot(band.fwhm, region.pixel_fwhm)
    sizes = np.asarray(table["T500"], np.float64)
    amplitudes = np.asarray(table["Y500"], np.float64) * band.y_in_unit
    low, high = math.log(sizes.min() * 0.999), math.log(sizes.max() * 1.001)
    grid = np.linspace(low, high, 2 + math.ceil(TABLE_SIZES * (high - low)))
    # radii as fractions of a cluster's extent, dense in the centre
    shares = np.linspace(0, 1, TABLE_RADII) ** 2
    profiles = np.stack(
        [beam_convolved_profile(size, fwhm, shares * _extent(size, fwhm)) for size in np.exp(grid).tolist()]
    )

    def brightness(which: NDArray[np.intp], angles: NDArray[np.float64]) -> NDArray[np.float64]:
        size = sizes[which]
        row = (np.log(size) - grid[0]) / (grid[1] - grid[0])
        column = np.sqrt(np.minimum(angles / _extent(size, fwhm), 1)) * (TABLE_RADII - 1)
        return amplitudes[which] * _bilinear(profiles, row, column)

    _paint(values, region, table, _extent(sizes, fwhm), brightness)


def paint_point_sources(  # noqa: PLR0917 (map, sources and band)
    values: NDArray[np.float32],
    region: SkyRegion,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    flux: NDArray[np.float64],
    band: Band,
) -> None:
    """Add point sources to a map, in place, as Gaussians of the beam averaged over the map's pixels.

    Parameters
    ----------
    values
        Map of the region ``(npix,)`` float32, in the band's unit.
    region
        Part of the sky.
    lon, lat
        Galactic coordinates in degrees ``(N,)``.
    flux
        Fluxes in Jy ``(N,)``.
    band
        Band, which gives beam and unit.
    """
    from skysieve.clusters.physics.units import conversion_factor

    fwhm = math.hypot(band.fwhm, region.pixel_fwhm)
    sigma = fwhm / FWHM_PER_SIGMA
    peaks = np.asarray(flux) * MJY_PER_JY * conversion_factor("MJy/sr", band.unit, band)
    peaks = peaks / (2 * math.pi * (sigma * ARCMIN) ** 2)

    def brightness(which: NDArray[np.intp], angles: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(peaks[which] * np.exp(-((angles / sigma) ** 2) / 2))

    positions = {"GLON": np.asarray(lon), "GLAT": np.asarray(lat)}
    _paint(values, region, positions, np.full(len(peaks), POINT_REACH * fwhm), brightness)


def _extent(size: float | NDArray[np.float64], fwhm: float) -> NDArray[np.float64]:
    """Return the radius in arcminutes to which clusters are painted."""
    return np.asarray(GAS_RADIUS * np.asarray(size) + CLUSTER_REACH * fwhm)


def _paint(
    values: NDArray[np.float32],
    region: SkyRegion,
    positions: Table | dict[str, NDArray[np.float64]],
    reach: NDArray[np.float64],
    brightness: Callable[[NDArray[np.intp], NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    """Add axisymmetric sources out to their reach; brightness is a function of the angle in arcminutes."""
    import healpy

    centres = healpy.ang2vec(np.asarray(positions["GLON"]), np.asarray(positions["GLAT"]), lonlat=True)
    centres = centres.reshape(-1, 3)
    radii = np.minimum(reach * ARCMIN, math.pi)
    for pixels, which in _discs(region.nside, centres, radii, len(values)):
        vectors = np.stack(healpy.pix2vec(region.nside, pixels), axis=1)
        # from the chord, as the cosine of a small angle loses precision
        chords = np.linalg.norm(vectors - centres[which], axis=1)
        angles = 2 * np.arcsin(np.minimum(chords / 2, 1)) / ARCMIN
        np.add.at(values, pixels, brightness(which, angles).astype(np.float32))


def _discs(
    nside: int, centres: NDArray[np.float64], radii: NDArray[np.float64], count: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield batches of pixels of discs with radii in radians, and the index of each pixel's source."""
    import healpy

    sizes = 6 * nside**2 * (1 - np.cos(radii)) + 1
    batches = (np.cumsum(sizes) // PIXELS_PER_BATCH).astype(np.intp)
    for numbers in np.split(np.arange(len(radii)), np.flatnonzero(np.diff(batches)) + 1):
        discs = [healpy.query_disc(nside, centres[number], radii[number]) for number in numbers]
        # the pixels of a region are the first ones of the map
        inside = [disc[: np.searchsorted(disc, count)] for disc in discs]
        pixels = np.concatenate([np.empty(0, np.intp), *inside])
        if len(pixels):
            yield pixels, np.repeat(numbers, [len(disc) for disc in inside])


def _bilinear(
    table: NDArray[np.float64], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate a table bilinearly at fractional indices."""
    i = np.clip(row.astype(np.intp), 0, table.shape[0] - 2)
    j = np.clip(column.astype(np.intp), 0, table.shape[1] - 2)
    down, right = row - i, column - j
    upper = table[i, j] * (1 - right) + table[i, j + 1] * right
    lower = table[i + 1, j] * (1 - right) + table[i + 1, j + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
