"""Job that simulates microwave skies; one unit of work is the map of one band."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve._version import __version__
from skysieve.core.errors import OutputError, SkysieveError
from skysieve.core.fits.locations import Location

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.recipe import SkyRecipe
    from skysieve.clusters.simulate.regions import SkyRegion
    from skysieve.clusters.simulate.settings import SkySettings
    from skysieve.clusters.simulate.sky import SkyTruth

__all__ = ["SimulatedBand", "SkySimulationJob", "write_truth"]

_PREFIX = "sky_"


@dataclass(frozen=True)
class SimulatedBand:
    """Record of the map of one band.

    Attributes
    ----------
    path
        File of the map.
    rms
        Standard deviation of the map, in its unit.
    unit
        Unit of the map.
    kept
        Whether the map existed already.
    seconds
        Duration in seconds.
    """

    path: Path
    rms: float
    unit: str
    kept: bool
    seconds: float


@dataclass
class SkySimulationJob:
    """Simulate a sky as HEALPix maps, one for each band.

    All bands show the same sky, whichever process simulates them and in whatever order.  An existing map is
    kept if it is intact and of the same sky.

    Attributes
    ----------
    recipe
        Components of the sky.
    folder
        Output folder of the maps.
    settings
        Resolution, area and seed of the maps.
    overwrite
        Whether to replace existing maps.
    """

    recipe: SkyRecipe
    folder: Path
    settings: SkySettings
    overwrite: bool = False
    _stopped: bool = field(default=False, init=False, repr=False)

    def units(self) -> list[Location]:
        """List the files of the bands.

        Returns
        -------
        list of Location
            One for each band.
        """
        return [Location(self.folder / f"{_PREFIX}{band.name}.fits") for band in _bands()]

    def check(self) -> None:
        """Check nside and cap.

        Raises
        ------
        ConfigError
            If nside or cap are out of range.
        """
        self.settings.check()

    def prepare(self, *, workers: int = 1) -> None:  # noqa: ARG002 (each process needs the same)
        """Draw the objects in the sky, once in each process.

        Raises
        ------
        SkysieveError
            If the catalogue of the recipe cannot be read.
        """
        _ = self.truth

    def stop(self) -> None:
        """Stop; maps in progress are not written."""
        self._stopped = True

    @cached_property
    def region(self) -> SkyRegion:
        """Simulated part of the sky."""
        from skysieve.clusters.simulate.regions import SkyRegion

        return SkyRegion(self.settings.nside, self.settings.cap)

    @cached_property
    def truth(self) -> SkyTruth:
        """Clusters and sources in the sky."""
        from skysieve.clusters.simulate.sky import draw_truth

        return draw_truth(self.recipe, self.settings.seed, self.region)

    def run(self, unit: Location) -> SimulatedBand:
        """Simulate and write the map of one band, unless it exists.

        Parameters
        ----------
        unit
            File of the map, one of :meth:`units`.

        Returns
        -------
        SimulatedBand
            Record of the map.

        Raises
        ------
        SkysieveError
            If the map cannot be simulated or written, or the file holds another sky.
        """
        from skysieve.clusters.maps.healpix_maps import write_healpix_map
        from skysieve.clusters.simulate.sky import simulate_sky
        from skysieve.core.fits.fits_integrity import is_intact

        start = time.perf_counter()
        path, band = unit.path, _band_of(unit)
        if not self.overwrite and is_intact(path):
            return SimulatedBand(path, self._rms_of(path), band.unit, True, time.perf_counter() - start)
        values = simulate_sky(
            self.recipe,
            self.settings.seed,
            self.region,
            band,
            truth=self.truth,
            threads=self.settings.threads,
        )
        rms = float(np.std(values, dtype=float))
        if self._stopped:
            raise SkysieveError(f"{path}: stopped before it was written")
        if self.settings.cap is not None:
            part = values
            values = np.full(12 * self.settings.nside**2, np.nan, np.float32)
            values[: part.size] = part
        write_healpix_map(
            path,
            values,
            nested=False,
            frame="G",
            unit=band.unit,
            column="I_STOKES",
            overwrite=True,
            cards=self._cards(band) | {"SIMRMS": (rms, "standard deviation of the map")},
            partial=self.settings.cap is not None,
        )
        return SimulatedBand(path, rms, band.unit, False, time.perf_counter() - start)

    def _cards(self, band: Band) -> dict[str, tuple[str | float, str]]:
        return {
            "FREQ": (band.frequency, "[GHz] of the band"),
            "FWHM": (band.fwhm, "[arcmin] of its beam"),
            "SIMRECIP": (self.recipe.name, "recipe of the simulation"),
            "SIMSEED": (self.settings.seed, "seed of the simulation"),
            "SIMCAP": (
                -1.0 if self.settings.cap is None else self.settings.cap,
                "[deg] about the north pole, -1 all sky",
            ),
            "CREATOR": (f"skysieve {__version__}", "software that made this file"),
        }

    def _rms_of(self, path: Path) -> float:
        """Return the standard deviation of an existing map; raise OutputError if it is of another sky."""
        from astropy.io import fits

        header = fits.getheader(path, 1)
        wanted = self._cards(_band_of(Location(path))) | {"NSIDE": (self.settings.nside, "")}
        for keyword in ("NSIDE", "SIMRECIP", "SIMSEED", "SIMCAP"):
            found, asked = header.get(keyword), wanted[keyword][0]
            if found != asked:
                raise OutputError(
                    f"{path} is of another sky: {keyword} is {found}, not {asked}; "
                    "use --overwrite or another --output"
                )
        return float(header["SIMRMS"])


def write_truth(job: SkySimulationJob) -> tuple[Path, Path]:
    """Write the tables of the objects in a sky beside its maps, replacing earlier ones.

    Parameters
    ----------
    job
        Job that simulates the sky.

    Returns
    -------
    tuple of pathlib.Path
        ``clusters.fits`` and ``sources.fits``; the latter holds radio galaxies, dusty galaxies and cold cores
        with their flux in each band.

    Raises
    ------
    OutputError
        If a table cannot be written.
    """
    from astropy.io import fits

    from skysieve.clusters.simulate.source_table import with_band_fluxes
    from skysieve.core.fits.fits_out import write_fits

    sources = with_band_fluxes(job.truth.sources, _bands())
    for name, table in (("clusters", job.truth.clusters), ("sources", sources)):
        hdu = fits.table_to_hdu(table)
        hdu.name = name.upper()
        hdu.header["SIMRECIP"] = (job.recipe.name, "recipe of the simulation")
        hdu.header["SIMSEED"] = (job.settings.seed, "seed of the simulation")
        hdu.header["CREATOR"] = (f"skysieve {__version__}", "software that made this file")
        write_fits([hdu], job.folder / f"{name}.fits", overwrite=True)
    return job.folder / "clusters.fits", job.folder / "sources.fits"


def _bands() -> tuple[Band, ...]:
    from skysieve.clusters.physics.bands import PLANCK_HFI

    return PLANCK_HFI


def _band_of(unit: Location) -> Band:
    from skysieve.clusters.physics.bands import band

    return band(unit.path.stem.removeprefix(_PREFIX))
