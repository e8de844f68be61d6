"""Clusters of a simulated sky: drawn from a mass function, or real ones from a catalogue."""

from __future__ import annotations

import logging
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.physics.cosmology import BIAS, cosmology, m500_from_y500, theta500_arcmin, y500_arcmin2
from skysieve.clusters.physics.pressure_profile import ARNAUD_2010, GAS_RADIUS
from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.table import Table
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.clusters.simulate.regions import SkyRegion

__all__ = ["SCATTER", "clusters_of_catalogue", "draw_clusters", "number_density"]

logger = logging.getLogger(__name__)

SCATTER = 0.173
"""Scatter of the natural logarithm of Y500 at fixed mass (Planck Collaboration 2014, A&A 571, A20, eq. 7)."""

SIGMA8 = 0.76
"""Amplitude of fluctuations with which the mass function gives the numbers that Planck found.

It holds for a bias of 0.8 and this cosmology (Planck Collaboration 2014, A&A 571, A20, section 6: sigma8
(Om / 0.27)^0.3 = 0.782).
"""

BARYONS, TILT = 0.048, 0.965
"""Baryon density, and tilt of the primordial spectrum."""

MIN_REDSHIFT, MAX_REDSHIFT = 0.01, 5.0
"""Limits of the redshift."""
MAX_MASS = 4e15
"""Maximum mass in solar masses; no more massive cluster is expected."""

REDSHIFT_CELLS, MASS_CELLS = 160, 160
"""Numbers of cells in redshift and mass in which clusters are drawn."""

UNITS = {"GLON": "deg", "GLAT": "deg", "Z": "", "M500": "1e14 Msun", "Y500": "arcmin2", "T500": "arcmin"}
"""Columns of the table of clusters, and their units."""

Y500_PER_Y5R500 = ARNAUD_2010.sphere_integral(1) / ARNAUD_2010.sphere_integral(GAS_RADIUS)
"""Ratio of the gas within R500 to all gas, for the universal profile."""

UNKNOWN_REDSHIFT = 0.3
"""Redshift assumed for sizes of clusters of unknown redshift; sizes scale as distance to the power -0.6."""

OTHER_NAMES = {
    "MSZ": ("M500", "MSZ"),
    "REDSHIFT": ("Z", "REDSHIFT"),
    # in a table of several catalogues the unit of Y5R500 depends on the row
    "PSZ2_Y5R500": ("Y5R500", "PSZ2_Y5R500"),
    # xCluster's extracts of Planck's catalogue
    "R500": ("Y5R500", "REDMAPPER"),
}
"""Other names of columns in catalogues: the column they stand for, and a column that must also be present."""

MAX_MASS_IN_1E14 = 1e10
"""Masses above this are in solar masses, others in 1e14 solar masses."""


def draw_clusters(
    rng: Generator,
    *,
    region: SkyRegion,
    mass_function: str = "tinker08",
    min_mass: float = 1e14,
    zmax: float = 2.0,
    scatter: float = SCATTER,
    bias: float = BIAS,
) -> Table:
    """Draw clusters from a mass function, uniformly over a region.

    Parameters
    ----------
    rng
        Random generator.
    region
        Part of the sky.
    mass_function
        Name in colossus, for M500 relative to the critical density.
    min_mass
        Minimum M500 in solar masses.
    zmax
        Maximum redshift.
    scatter
        Scatter of the natural logarithm of Y500.
    bias
        ``1 - b``; see :data:`skysieve.clusters.physics.cosmology.BIAS`.

    Returns
    -------
    Table
        GLON, GLAT (deg), Z, M500 (1e14 Msun), Y500 (arcmin2), T500 (arcmin), in descending order of Y500.

    Raises
    ------
    ConfigError
        If there is no such mass function for M500, or no cluster between the limits.

    References
    ----------
    Tinker et al. 2008, ApJ 688, 709; Diemer 2018, ApJS 239, 35 (colossus).
    """
    edges_z, edges_m, density = number_density(mass_function, min_mass, zmax)
    expected = (_share_of_sky(region) * density).ravel()
    count = int(rng.poisson(expected.sum()))
    cells = np.searchsorted(np.cumsum(expected) / expected.sum(), rng.uniform(size=count), side="right")
    row, column = np.unravel_index(np.minimum(cells, expected.size - 1), density.shape)
    z = edges_z[row] + rng.uniform(size=count) * np.diff(edges_z)[row]
    mass = np.exp(edges_m[column] + rng.uniform(size=count) * np.diff(edges_m)[column]) / 1e14
    lon, lat = _random_positions(rng, region, count)
    y500 = y500_arcmin2(mass, z, bias=bias) * np.exp(scatter * rng.standard_normal(count))
    return _table(lon, lat, z, mass, y500, theta500_arcmin(mass, z))


def clusters_of_catalogue(path: Path, *, region: SkyRegion, bias: float = BIAS) -> Table:
    """Return the clusters of a catalogue in a region, with sizes and Y500 from their masses and redshifts.

    Parameters
    ----------
    path
        A table that Astropy reads, with GLON and GLAT or RA and DEC in degrees; M500 or MSZ (solar masses or
        1e14 of them, by their value) and Z or REDSHIFT; and Y5R500 (1e-3 arcmin2, as in Planck's catalogues),
        which is used where there is no mass.  A column R500 beside REDMAPPER is Y5R500 under a wrong name.
    region, bias
        As in :func:`draw_clusters`; masses in catalogues are biased.

    Returns
    -------
    Table
        As in :func:`draw_clusters`.  For an unknown redshift, Z and M500 are NaN, and T500 is that of a
        cluster at :data:`UNKNOWN_REDSHIFT`.  Clusters with neither mass and redshift nor Y5R500 are left out,
        which is logged.

    Raises
    ------
    SourceError
        If the table cannot be read or lacks a column.
    """
    from astropy.coordinates import SkyCoord

    table = _read(path)
    given = {name.upper(): name for name in table.colnames}
    names = given | {
        wanted: given[name] for name, (wanted, beside) in OTHER_NAMES.items() if {name, beside} <= set(given)
    }
    frames = {"galactic": ("GLON", "GLAT"), "icrs": ("RA", "DEC")}
    frame = next((name for name, pair in frames.items() if set(pair) <= set(names)), None)
    if frame is None:
        raise SourceError(f"{path}: no column GLON and GLAT, or RA and DEC")
    if "Y5R500" not in names and not {"M500", "Z"} <= set(names):
        raise SourceError(
            f"{path}: no column {'Z' if 'M500' in names else 'M500'}, and no Y5R500 in its place"
        )

    def column(name: str) -> NDArray[np.float64]:
        if name not in names:
            return np.full(len(table), np.nan)
        try:
            values = np.ma.asarray(table[names[name]]).astype(np.float64)
        except ValueError as error:
            raise SourceError(f"{path}: column {names[name]} holds no numbers ({error})") from error
        return np.asarray(np.ma.filled(values, np.nan))

    def positive(name: str) -> NDArray[np.float64]:
        values = column(name)
        return np.where(np.isfinite(values) & (values > 0), values, np.nan)

    lon, lat = (column(name) for name in frames[frame])
    lat = np.where(np.abs(lat) <= 90, lat, np.nan)
    galactic = SkyCoord(lon, lat, unit="deg", frame=frame).galactic
    lon, lat, z = galactic.l.deg, galactic.b.deg, positive("Z")
    mass = positive("M500")
    mass = np.where(mass > MAX_MASS_IN_1E14, mass / 1e14, mass) / bias
    distance = np.where(np.isfinite(z), z, UNKNOWN_REDSHIFT)
    by_mass = np.isfinite(mass) & np.isfinite(z)
    measured = positive("Y5R500") * 1e-3 * Y500_PER_Y5R500
    y500 = np.where(by_mass, y500_arcmin2(np.where(by_mass, mass, 1.0), distance, bias=bias), measured)
    mass = np.where(by_mass, mass, m500_from_y500(y500, distance, bias=bias))
    known = np.isfinite(y500) & np.isfinite(lon) & np.isfinite(lat)
    if not known.all():
        logger.warning(
            "%s: %d clusters were left out: no mass and redshift, or no position", path, (~known).sum()
        )
    kept = known if region.cap is None else known & (lat >= 90 - region.cap)
    size = theta500_arcmin(mass[kept], distance[kept])
    mass = np.where(np.isfinite(z), mass, np.nan)
    return _table(lon[kept], lat[kept], z[kept], mass[kept], y500[kept], size)


@lru_cache(maxsize=4)
def number_density(
    mass_function: str = "tinker08", min_mass: float = 1e14, zmax: float = 2.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the expected number of clusters on the whole sky in cells of redshift and mass.

    Parameters
    ----------
    mass_function, min_mass, zmax
        As in :func:`draw_clusters`.

    Returns
    -------
    redshifts : ndarray, shape (R + 1,)
        Edges of the cells.
    masses : ndarray, shape (M + 1,)
        Natural logarithms of the edges in solar masses.
    numbers : ndarray, shape (R, M)
        Expected numbers.

    Raises
    ------
    ConfigError
        If there is no such mass function for M500, or no cluster between the limits.
    """
    from colossus.cosmology import cosmology as colossus_cosmology
    from colossus.lss.mass_function import massFunction, models

    usable = [name for name, model in models.items() if {"500c", "*"} & set(model.mdefs)]
    if mass_function not in usable:
        raise ConfigError(f"mass function {mass_function!r}: choose from {', '.join(usable)}")
    if not 0 < min_mass < MAX_MASS:
        raise ConfigError(f"least mass {min_mass:g}: expected solar masses, below {MAX_MASS:g}")
    if not MIN_REDSHIFT < zmax <= MAX_REDSHIFT:
        raise ConfigError(f"highest redshift {zmax:g}: expected above {MIN_REDSHIFT}, to {MAX_REDSHIFT}")
    flat_lcdm = cosmology()
    hubble = float(flat_lcdm.H0.value)
    parameters = {
        "flat": True,
        "H0": hubble,
        "Om0": float(flat_lcdm.Om0),
        "Ob0": BARYONS,
        "sigma8": SIGMA8,
        "ns": TILT,
    }
    # persistence off: colossus writes no cache to disk
    colossus_cosmology.setCosmology("skysieve", **parameters, persistence="")
    edges_z = np.geomspace(MIN_REDSHIFT, zmax, REDSHIFT_CELLS + 1)
    edges_m = np.linspace(math.log(min_mass), math.log(MAX_MASS), MASS_CELLS + 1)
    centres_z = np.sqrt(edges_z[1:] * edges_z[:-1])
    centres_m = np.exp((edges_m[1:] + edges_m[:-1]) / 2)
    shells = np.diff(flat_lcdm.comoving_volume(edges_z).to_value("Mpc3"))
    h = hubble / 100
    density = np.stack(
        [massFunction(centres_m * h, z, mdef="500c", model=mass_function, q_out="dndlnM") for z in centres_z]
    )
    return edges_z, edges_m, density * h**3 * shells[:, None] * np.diff(edges_m)


def _share_of_sky(region: SkyRegion) -> float:
    return 1.0 if region.cap is None else (1 - math.cos(math.radians(region.cap))) / 2


def _random_positions(
    rng: Generator, region: SkyRegion, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes in degrees, uniform over the region."""
    lowest = 1 - 2 * _share_of_sky(region)
    lat = np.degrees(np.arcsin(rng.uniform(lowest, 1.0, count)))
    return rng.uniform(0.0, 360.0, count), lat


def _read(path: Path) -> Table:
    """Return the table of a file."""
    from astropy.table import Table

    try:
        return Table.read(path)
    except Exception as error:
        raise SourceError(f"{path}: no table that can be read ({' '.join(str(error).split())})") from error


def _table(*columns: NDArray[np.float64]) -> Table:
    """Return a table with the columns of :data:`UNITS`, in descending order of Y500."""
    from astropy.table import Table

    table = Table(
        [np.asarray(column, np.float64) for column in columns],
        names=list(UNITS),
        units=[unit or None for unit in UNITS.values()],
    )
    return table[np.argsort(-np.asarray(table["Y500"]), kind="stable")]
