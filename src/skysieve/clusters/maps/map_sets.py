"""Sets of maps: one a band, in the unit of its band, of one resolution, order and frame."""

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
"""Frequency in GHz, and between what the median of the absolute values of a map lies, in K_CMB.

Wide around what the maps of Planck hold (Planck 2018 results III, A&A 641, A3), so that only a wrong unit
leaves it: a thousandfold one always, and at 545 GHz K_CMB for MJy/sr. At 857 GHz these two are too alike.
"""
_EXPECTED_COMPTON = (1e-8, 1e-4)
_SAMPLE = 10**6


@dataclass(frozen=True, eq=False)
class MapSet:
    """Maps of several bands.

    Attributes
    ----------
    bands
        In rising frequency; a map of the Compton parameter, if there is one, comes last and is named
        ``y``. The frequency of that is NaN.
    stack
        The maps, in this order, each in the unit of its band.
    """

    bands: tuple[Band, ...]
    stack: MapStack

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(band.name for band in self.bands)

    def select(self, names: Sequence[str]) -> MapSet:
        """Return the maps of some bands, in the order of the names.

        Raises
        ------
        SourceError
            If one is missing.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise SourceError(
                f"no map of the band {missing[0]}, which is needed; bands given: {', '.join(self.names)}"
            )
        numbers = [self.names.index(name) for name in names]
        return MapSet(tuple(self.bands[number] for number in numbers), self.stack.select(numbers))

    def footprint(self) -> NDArray[np.bool_]:
        """Return where all bands have data, ``(npix,)``, in the order of the maps."""
        seen = np.ones(self.stack.maps[0].values.size, bool)
        for one in self.stack.maps:
            seen &= np.isfinite(one.values)
        return seen


def read_map_set(
    sources: str | Path | Iterable[str | Path],
    *,
    bands: Sequence[str] | None = None,
    frame: str | None = None,
    units: str | Mapping[str, str] | None = None,
    ordering: str | None = None,
) -> MapSet:
    """Read the maps that folders, files and descriptions stand for.

    Six maps of nside 2048 take 1.2 GB: each is held once, as float32.

    Parameters
    ----------
    sources
        See :func:`skysieve.clusters.maps.map_files.find_map_files`.
    bands
        Names of the bands to read, others are left; None for all that there are.
    frame, units, ordering
        What holds for maps that do not state it, or whose unit is not known; units for all maps or by the
        name of the band. A description goes before these.

    Raises
    ------
    SourceError
        If a file or a band is missing, a map is damaged, has no data, or states no frame, order or known
        unit and none is given; or if a description says otherwise than the map.
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
    # What a map of the Compton parameter has no unit for need not be said.
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
    """Make sure that a description and the map agree."""
    order = "NESTED" if one.nested else "RING"
    for card, stands, said in (("COORDSYS", one.frame, file.frame), ("ORDERING", order, file.ordering)):
        if said not in {None, stands}:
            raise SourceError(
                f"{one.path}: its header says {card} {stands}, the description {said}; mend one"
            )
    described, stated = parse_unit(file.unit or one.unit), parse_unit(one.unit)
    if stated is not None and described != stated:
        raise SourceError(
            f"{one.path}: its header says the unit {one.unit}, the description {file.unit}; mend one"
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
    """Return the band of a map: one of Planck's, the Compton parameter, or as described."""
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
    """Warn of a map whose level tells that its unit is wrong."""
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
