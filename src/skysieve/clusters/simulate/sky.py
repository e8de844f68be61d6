"""Simulate a microwave sky in one band, and draw the objects in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.simulate.core_painting import paint_cores
from skysieve.clusters.simulate.harmonics import Harmonics
from skysieve.clusters.simulate.instrument import window_function
from skysieve.clusters.simulate.source_table import fluxes, join_tables

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.recipe import SkyRecipe
    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["SkyTruth", "draw_truth", "simulate_sky"]

# Identifiers of the components' random streams; they follow the seed of the sky.
_CLUSTERS, _CMB, _INFRARED, _FAINT_RADIO, _RADIO, _DUSTY, _DUST, _CORES, _NOISE, _CLOUDS = range(10)

# Maximum multipole per nside: at 2 nside the window of Planck's narrowest beam is 6 %, for nside 2048.
_LMAX_PER_NSIDE = 2
_MHZ = 1000


@dataclass(frozen=True, eq=False)
class SkyTruth:
    """True objects in a sky.

    Attributes
    ----------
    clusters
        Table with ``GLON GLAT`` (degrees), ``Z``, ``M500``, ``Y500``, ``T500``.
    sources
        Table of radio galaxies, dusty galaxies and cold cores: see :mod:`~.source_table`.
    """

    clusters: Table
    sources: Table


def draw_truth(recipe: SkyRecipe, seed: int, region: SkyRegion) -> SkyTruth:
    """Draw the clusters and sources of a sky; the same seed gives the same objects.

    Parameters
    ----------
    recipe
        Components of the sky.
    seed
        Seed of the sky.
    region
        Part of the sky.

    Returns
    -------
    SkyTruth
        Clusters and sources in the region.

    Raises
    ------
    SkysieveError
        If a catalogue cannot be read.
    """
    tables = []
    if recipe.radio_galaxies.enabled:
        tables.append(recipe.radio_galaxies.draw(np.random.default_rng([seed, _RADIO]), region))
    if recipe.dusty_galaxies.enabled:
        tables.append(recipe.dusty_galaxies.draw(np.random.default_rng([seed, _DUSTY]), region))
    if recipe.cold_cores.enabled:
        rng = np.random.default_rng([seed, _CORES])
        tables.append(recipe.cold_cores.draw(rng, region, recipe.dust, [seed, _DUST]))
    if recipe.carbon_monoxide.enabled:
        tables.append(recipe.carbon_monoxide.draw([seed, _CLOUDS], region, recipe.dust, [seed, _DUST]))
    return SkyTruth(_clusters(recipe, seed, region), join_tables(tables))


def simulate_sky(
    recipe: SkyRecipe,
    seed: int,
    region: SkyRegion,
    band: Band,
    *,
    truth: SkyTruth | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Simulate a sky in one band; all bands show the same sky.

    Parameters
    ----------
    recipe
        Components of the sky.
    seed
        Seed of the sky.
    region
        Part of the sky, and resolution.
    band
        Band with frequency, beam, noise and unit.
    truth
        Result of :func:`draw_truth` for the same recipe, seed and region; drawn if None.
    threads
        Number of threads of the harmonic synthesis.

    Returns
    -------
    ndarray, shape (npix,), float32
        Pixels of the region in RING order, in the band's unit.
    """
    from skysieve.clusters.physics.units import conversion_factor

    truth = draw_truth(recipe, seed, region) if truth is None else truth
    band = replace(band, fwhm=recipe.beam_scale * band.fwhm)
    clouds = recipe.carbon_monoxide
    rendered = clouds.padded(region) if clouds.enabled else region
    harmonics = Harmonics.for_region(rendered, _LMAX_PER_NSIDE * region.nside)
    window = window_function(band.fwhm, region.nside, harmonics.lmax)
    coefficients = harmonics.zeros()
    for component, number in (
        (recipe.cmb, _CMB),
        (recipe.infrared_background, _INFRARED),
        (recipe.radio_galaxies, _FAINT_RADIO),
    ):
        if component.enabled:
            component.add(coefficients, harmonics, band, [seed, number], window)
    if clouds.enabled:
        line = clouds.diffuse_line(
            rendered, harmonics, [seed, _CLOUDS], recipe.dust, [seed, _DUST], threads=threads
        )
        emission = harmonics.analyse(line, rendered, threads=threads)
        coefficients += harmonics.multiply(emission, clouds.response(band) * window)
        del line, emission
    values = harmonics.synthesise(coefficients, region, threads=threads)
    del coefficients
    unit = conversion_factor("MJy/sr", band.unit, band)
    if recipe.infrared_background.enabled:
        values += np.float32(unit * recipe.infrared_background.mean(band.frequency))
    if recipe.dust.enabled:
        dust = recipe.dust.brightness(
            band.frequency, region, harmonics, [seed, _DUST], window=window, threads=threads
        )
        dust *= np.float32(unit)
        values += dust
        del dust
    _paint(values, region, truth, band)
    if recipe.noise.enabled:
        recipe.noise.add(values, region, band, [seed, _NOISE, round(_MHZ * band.frequency)])
    return values


def _clusters(recipe: SkyRecipe, seed: int, region: SkyRegion) -> Table:
    """Return the clusters of a sky, drawn or from a catalogue."""
    from astropy.table import Table

    from skysieve.clusters.simulate.population import UNITS, clusters_of_catalogue, draw_clusters

    settings = recipe.clusters
    if not settings.enabled:
        return Table(names=list(UNITS), units=[unit or None for unit in UNITS.values()])
    if settings.catalogue is not None:
        return clusters_of_catalogue(Path(settings.catalogue), region=region, bias=settings.bias)
    return draw_clusters(
        np.random.default_rng([seed, _CLUSTERS]),
        region=region,
        mass_function=settings.mass_function,
        min_mass=settings.least_mass,
        zmax=settings.zmax,
        scatter=settings.scatter,
        bias=settings.bias,
    )


def _paint(values: NDArray[np.float32], region: SkyRegion, truth: SkyTruth, band: Band) -> None:
    """Add clusters and sources to a map, in place."""
    from skysieve.clusters.simulate.painting import paint_clusters, paint_point_sources

    if len(truth.clusters):
        paint_clusters(values, region, truth.clusters, band)
    extended = np.asarray(truth.sources["MAJOR"]) > 0
    points = truth.sources[~extended]
    if len(points):
        lon, lat = np.asarray(points["GLON"]), np.asarray(points["GLAT"])
        paint_point_sources(values, region, lon, lat, fluxes(points, band.frequency), band)
    if extended.any():
        paint_cores(values, region, truth.sources[extended], band)
