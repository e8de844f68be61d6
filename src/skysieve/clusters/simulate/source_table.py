"""Table of compact sources: positions, spectra and extents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = ["KINDS", "band_fluxes", "fluxes", "join_tables", "source_table", "with_band_fluxes"]

KINDS = ("radio", "infrared", "core", "clump")
"""Radio galaxies, nearby dusty galaxies, cold cores of the Galaxy, clumps of its molecular clouds."""

CO_COLUMNS = ("CO1", "CO2", "CO3")
"""Columns of the lines J = 1-0, 2-1 and 3-2 of carbon monoxide."""

_JY_PER_MJY = 1e6

_COLUMNS: dict[str, tuple[str | None, str]] = {
    "GLON": ("deg", "Galactic longitude"),
    "GLAT": ("deg", "Galactic latitude"),
    "FLUX": ("Jy", "flux at FREQ"),
    "FREQ": ("GHz", "where FLUX holds"),
    "INDEX": (None, "of a power-law spectrum, else NaN"),
    "T": ("K", "temperature of a modified black body, else NaN"),
    "BETA": (None, "index of its emissivity, else NaN"),
    "MAJOR": ("arcmin", "FWHM along the major axis, 0 for a point"),
    "MINOR": ("arcmin", "FWHM along the minor axis"),
    "ANGLE": ("deg", "of the major axis, from north to growing longitude"),
    **{
        name: ("K km / s", f"peak of the line {upper}-{upper - 1} of carbon monoxide, before the beam")
        for upper, name in enumerate(CO_COLUMNS, 1)
    },
}


def source_table(
    kind: str,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    *,
    flux: NDArray[np.float64],
    frequency: float,
    index: NDArray[np.float64] | float = np.nan,
    temperature: NDArray[np.float64] | float = np.nan,
    beta: NDArray[np.float64] | float = np.nan,
    major: NDArray[np.float64] | float = 0.0,
    minor: NDArray[np.float64] | float = 0.0,
    angle: NDArray[np.float64] | float = 0.0,
    lines: Sequence[NDArray[np.float64]] = (),
) -> Table:
    """Build a table of sources of one kind.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    lon, lat
        Galactic coordinates in degrees ``(N,)``.
    flux
        Fluxes in Jy ``(N,)`` at `frequency`.
    frequency
        GHz.
    index
        Spectral index of a power law; NaN for dust.
    temperature, beta
        Temperature in K and emissivity index of a modified black body; NaN for a power law.
    major, minor
        FWHM along the axes in arcminutes; 0 for point sources.
    angle
        Position angle of the major axis in degrees, from north towards increasing longitude.
    lines
        Peaks ``(N,)`` of the lines J = 1-0, 2-1 and 3-2 of carbon monoxide, in K km/s; none by default.

    Returns
    -------
    Table
        Columns with units and descriptions.
    """
    from astropy.table import Table

    given: dict[str, NDArray[np.float64] | float] = {
        "GLON": lon,
        "GLAT": lat,
        "FLUX": flux,
        "FREQ": frequency,
        "INDEX": index,
        "T": temperature,
        "BETA": beta,
        "MAJOR": major,
        "MINOR": minor,
        "ANGLE": angle,
    }
    given |= dict(zip(CO_COLUMNS, lines or (0.0,) * len(CO_COLUMNS), strict=True))
    table = Table({"KIND": np.full(len(lon), kind, f"U{max(map(len, KINDS))}")})
    table["KIND"].description = ", ".join(KINDS)
    for name, (unit, description) in _COLUMNS.items():
        table[name] = np.broadcast_to(np.asarray(given[name], float), len(lon)).copy()
        table[name].unit, table[name].description = unit, description
    return table


def join_tables(tables: Iterable[Table]) -> Table:
    """Join tables of sources.

    Parameters
    ----------
    tables
        Results of :func:`source_table`.

    Returns
    -------
    Table
        All sources; without rows if there are none.
    """
    from astropy.table import vstack

    empty = source_table("radio", np.empty(0), np.empty(0), flux=np.empty(0), frequency=np.nan)
    return vstack([empty, *tables], metadata_conflicts="silent")


def fluxes(table: Table, frequency: float) -> NDArray[np.float64]:
    """Return the flux of each source at a frequency.

    Parameters
    ----------
    table
        Result of :func:`source_table` or :func:`join_tables`.
    frequency
        GHz.

    Returns
    -------
    ndarray, shape (N,)
        Jy.
    """
    from skysieve.clusters.physics.spectra import modified_blackbody

    flux = np.empty(len(table))
    thermal = np.isfinite(np.asarray(table["T"]))
    dusty, other = table[thermal], table[~thermal]
    flux[~thermal] = other["FLUX"] * (frequency / other["FREQ"]) ** other["INDEX"]
    for reference in np.unique(dusty["FREQ"]).tolist():
        rows = np.flatnonzero(thermal)[np.asarray(dusty["FREQ"]) == reference]
        flux[rows] = table["FLUX"][rows] * modified_blackbody(
            frequency, temperature=table["T"][rows], beta=table["BETA"][rows], reference=reference
        )
    return flux


def band_fluxes(table: Table, band: Band) -> NDArray[np.float64]:
    """Return the flux of each source in a band, with the line of carbon monoxide in it.

    Parameters
    ----------
    table
        Result of :func:`source_table` or :func:`join_tables`.
    band
        Band.

    Returns
    -------
    ndarray, shape (N,)
        Jy.
    """
    flux = fluxes(table, band.frequency)
    if band.co_line:
        solid_angle = math.pi / (4 * math.log(2)) * np.asarray(table["MAJOR"]) * np.asarray(table["MINOR"])
        line = np.asarray(table[CO_COLUMNS[band.co_line - 1]]) * band.co_response * band.mjysr_per_kcmb
        flux += _JY_PER_MJY * line * solid_angle * math.radians(1 / 60) ** 2
    return flux


def with_band_fluxes(table: Table, bands: Iterable[Band]) -> Table:
    """Add a column with the flux in Jy for each band, ``S100`` and so on.

    Parameters
    ----------
    table
        Sources.
    bands
        Bands.

    Returns
    -------
    Table
        A copy with the added columns.
    """
    full = table.copy()
    for band in bands:
        name = f"S{band.name}"
        full[name] = band_fluxes(table, band)
        full[name].unit, full[name].description = "Jy", f"flux at {band.frequency:g} GHz"
    return full
