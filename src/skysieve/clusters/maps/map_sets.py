"""Sets of maps: one per band, in the unit of its band, with a common resolution, order and frame."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.maps.healpix_maps import read_healpix_map
from skysieve.clusters.maps.map_files import COMPTON, find_map_files
from skysieve.clusters.maps.map_units import parse_unit
from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.physics.bands import PLANCK_HFI, Band
from skysieve.clusters.physics.spectra import T_CMB, planck_derivative, tsz_spectrum
from skysieve.clusters.physics.units import conversion_factor
from skysieve.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.clusters.maps.healpix_maps import HealpixMap
    from skysieve.clusters.maps.map_files import MapFile
    from skysieve.clusters.maps.map_units import MapUnit

__all__ = ["MapSet", "read_map_set"]

logger = logging.getLogger(__name__)

_EXPECTED = (
    (100.0, 1e-6, 2e-3),
    (217.0, 1e-6, 2e-3),
    (353.0, 1e-6, 1e-2),
    (545.0, 3e-4, 0.35),
    (857.0, 2e-2, 25.0),
)
"""Frequency in GHz, and range of the median absolute value of a map in K_CMB.

The ranges are wide around the values of Planck (Planck 2018 results III, A&A 641, A3), so that only a wrong
unit lies outside: always if it is wrong by a factor of 1000, and at 545 GHz also if K_CMB is taken for
MJy/sr.  At 857 GHz these two units give similar values.
"""
_EXPECTED_COMPTON = (1e-8, 1e-4)
_SAMPLE = 10**6


@dataclass(frozen=True, eq=False)
class MapSet:
    """Maps of several bands.

    Attributes
    ----------
    bands
        Bands by increasing frequency.  A map of the Compton parameter comes last; its name is ``y`` and its
        frequency is NaN.
    stack
        Maps in the order of the bands, each in the unit of its band.
    """

    bands: tuple[Band, ...]
    stack: MapStack

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(band.name for band in self.bands)

    def select(self, names: Sequence[str]) -> MapSet:
        """Select the maps of some bands.

        Parameters
        ----------
        names
            Names of the bands, in the order of the result.

        Returns
        -------
        MapSet
            The selected maps; they are not copied.

        Raises
        ------
        SourceError
            If a band is missing.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise SourceError(
                f"no map of the band {missing[0]}, which is needed; bands given: {', '.join(self.names)}"
            )
        numbers = [self.names.index(name) for name in names]
        return MapSet(tuple(self.bands[number] for number in numbers), self.stack.select(numbers))

    def footprint(self) -> NDArray[np.bool_]:
        """Return the pixels in which all bands have data.

        Returns
        -------
        ndarray of bool, shape (npix,)
            Footprint in the frame and order of the maps.
        """
        covered = np.ones(self.stack.maps[0].values.size, bool)
        for one in self.stack.maps:
            covered &= np.isfinite(one.values)
        return covered


def read_map_set(
    sources: str | Path | Iterable[str | Path],
    *,
    bands: Sequence[str] | None = None,
    frame: str | None = None,
    units: str | Mapping[str, str] | None = None,
    ordering: str | None = None,
) -> MapSet:
    """Read the maps in folders, files and descriptions.

    Each map is held once, as float32: six maps of NSIDE 2048 take 1.2 GB.

    Parameters
    ----------
    sources
        See :func:`skysieve.clusters.maps.map_files.find_map_files`.
    bands
        Names of the bands to read; None for all bands.
    frame, units, ordering
        Values for maps that do not state them, or whose unit is not known; units for all maps or by band.
        A description takes precedence.

    Returns
    -------
    MapSet
        The maps by increasing frequency.

    Raises
    ------
    SourceError
        If a file or a band is missing; if a map is damaged or has no data; if its frame, order or unit is
        neither known nor given; or if a description contradicts the map.
    ConfigError
        If a description or an option is not valid.
    FrameError
        If the maps differ in nside, order or frame.
    """
    read = []
    for file in find_map_files(sources, bands=bands):
        given = units if units is None or isinstance(units, str) else units.get(file.band)
        read.append(_read(file, frame=frame, unit=given, ordering=ordering))
    read.sort(key=lambda pair: (math.isnan(pair[0].frequency), pair[0].frequency))
    return MapSet(tuple(band for band, _ in read), MapStack([one for _, one in read]))


def _read(
    file: MapFile, *, frame: str | None, unit: str | None, ordering: str | None
) -> tuple[Band, HealpixMap]:
    """Return a band, and its map in the band's unit."""
    # A map of the Compton parameter needs no unit
    fallback = file.unit or unit or (COMPTON if file.band == COMPTON else None)
    one = read_healpix_map(
        file.path,
        field=file.field,
        hdu=file.hdu,
        frame=file.frame or frame,
        unit=fallback,
        ordering=file.ordering or ordering,
    )
    _check_description(file, one)
    if not np.isfinite(one.values).any():
        raise SourceError(f"{one.path}: column {one.name} has no data, all pixels are UNSEEN; name another")
    stated = parse_unit(one.unit)
    if stated is None and fallback is not None:
        logger.warning("%s: the unit %s is not clear; taken to be %s, as given", one.path, one.unit, fallback)
        stated = parse_unit(fallback)
    if stated is None:
        raise SourceError(
            f"{one.path}: the unit {one.unit!r} is not clear; say which of K_CMB, mK_CMB, uK_CMB, MJy/sr"
            " it is (option unit)"
        )
    return _in_unit_of_band(file, one, stated)


def _check_description(file: MapFile, one: HealpixMap) -> None:
    """Check that the description and the header of a map agree."""
    order = "NESTED" if one.nested else "RING"
    for card, stated, described in (
        ("COORDSYS", one.frame, file.frame),
        ("ORDERING", order, file.ordering),
    ):
        if described not in {None, stated}:
            raise SourceError(
                f"{one.path}: its header says {card} {stated}, the description {described}; correct one"
            )
    described_unit, stated_unit = parse_unit(file.unit or one.unit), parse_unit(one.unit)
    if stated_unit is not None and described_unit != stated_unit:
        raise SourceError(
            f"{one.path}: its header says the unit {one.unit}, the description {file.unit}; correct one"
        )


def _in_unit_of_band(file: MapFile, one: HealpixMap, stated: MapUnit) -> tuple[Band, HealpixMap]:
    """Return a band, and its map in the band's unit."""
    if (file.band == COMPTON) != (stated.canonical == "y"):
        raise SourceError(
            f"{one.path}: a map of the band {file.band} in {stated.canonical}; maps of the Compton parameter "
            f"are called {COMPTON}, and no others"
        )
    band = _band(file, stated)
    factor = stated.factor
    if stated.canonical != band.unit:
        factor *= conversion_factor(stated.canonical, band.unit, band)
    values = one.values if factor == 1 else one.values * np.float32(factor)
    _check_level(one, values, band)
    return band, replace(one, values=values, unit=band.unit)


def _band(file: MapFile, stated: MapUnit) -> Band:
    """Return the band of a map: a Planck band, the Compton parameter, or one from the description."""
    planck = {one.name: one for one in PLANCK_HFI}.get(file.band)
    noise = math.nan if file.noise is None else file.noise * stated.factor
    if file.band == COMPTON:
        return Band(COMPTON, math.nan, "y", file.beam or math.nan, noise, math.nan, math.nan)
    if planck is None:
        if file.frequency is None or file.beam is None:
            raise SourceError(
                f"{file.path}: the band {file.band} is none of Planck's HFI; describe it in a YAML file by "
                "frequency and beam"
            )
        response = T_CMB * float(tsz_spectrum(file.frequency))
        intensity = float(planck_derivative(file.frequency))
        return Band(file.band, file.frequency, stated.canonical, file.beam, noise, response, intensity)
    if file.noise is not None and stated.canonical != planck.unit:
        noise *= conversion_factor(stated.canonical, planck.unit, planck)
    return replace(
        planck,
        frequency=file.frequency or planck.frequency,
        fwhm=file.beam or planck.fwhm,
        noise=planck.noise if file.noise is None else noise,
    )


def _check_level(one: HealpixMap, values: NDArray[np.float32], band: Band) -> None:
    """Log a warning if the values of a map suggest that its unit is wrong."""
    step = max(1, values.size // _SAMPLE)
    level = float(np.nanmedian(np.abs(values[::step])))
    if band.unit == "y":
        low, high = _EXPECTED_COMPTON
    else:
        frequencies, lowest, highest = np.log(_EXPECTED).T
        low, high = (
            float(np.exp(np.interp(math.log(band.frequency), frequencies, limit)))
            * (band.mjysr_per_kcmb if band.unit == "MJy/sr" else 1.0)
            for limit in (lowest, highest)
        )
    if not low <= level <= high:
        logger.warning(
            "%s: half of the pixels are within %.2g %s of zero, where %.2g to %.2g is expected at %s; is the "
            "unit right?",
            *(one.path, level, band.unit, low, high, band.name),
        )
