"""Job that simulates microwave skies; one unit of work is the map of one band."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skysieve._version import __version__
from skysieve.clusters.simulate.recipe import SkyRecipe
from skysieve.clusters.simulate.settings import SkySettings
from skysieve.core.execution.simulation_job import SimulatedFile, SimulationJob
from skysieve.core.fits.locations import Location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysieve.clusters.physics.bands import Band
    from skysieve.clusters.simulate.regions import SkyRegion
    from skysieve.clusters.simulate.sky import SkyTruth
    from skysieve.core.fits.cards import HeaderValue
    from skysieve.core.fits.fits_out import HDU

__all__ = ["SimulatedBand", "SkySimulationJob", "write_truth"]

_PREFIX = "sky_"


@dataclass(frozen=True)
class SimulatedBand(SimulatedFile):
    """Result for the map of one band.

    Attributes
    ----------
    rms
        Standard deviation of the map, in its unit.
    unit
        Unit of the map.
    """

    rms: float = 0.0
    unit: str = ""

    def describe(self, unit: object) -> str:
        """Return the map, its standard deviation, and the run time.

        Parameters
        ----------
        unit
            The map.

        Returns
        -------
        str
            One line.
        """
        how = "kept" if self.kept else f"{self.seconds:.0f} s"
        return f"{unit}: rms {self.rms:.3g} {self.unit} ({how})"


@dataclass
class SkySimulationJob(SimulationJob[SkyRecipe, SkySettings, SimulatedBand]):
    """Simulate a sky as HEALPix maps, one for each band.

    All bands show the same sky, whichever process simulates them and in whatever order.
    """

    other = "of another sky"
    described_by = 1

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

    def _simulate(self, path: Path) -> list[HDU]:
        from skysieve.clusters.maps.healpix_maps import healpix_hdus
        from skysieve.clusters.simulate.sky import simulate_sky

        band = _band_of(path)
        values = simulate_sky(
            self.recipe,
            self.settings.seed,
            self.region,
            band,
            truth=self.truth,
            threads=self.settings.threads,
        )
        rms = float(np.std(values, dtype=float))
        if self.settings.cap is not None:
            part = values
            values = np.full(12 * self.settings.nside**2, np.nan, np.float32)
            values[: part.size] = part
        return healpix_hdus(
            values,
            nested=False,
            frame="G",
            unit=band.unit,
            column="I_STOKES",
            cards=self._cards(band) | {"SIMRMS": (rms, "standard deviation of the map")},
            partial=self.settings.cap is not None,
        )

    def _record(self, path: Path, header: Mapping[str, HeaderValue]) -> SimulatedBand:
        return SimulatedBand(path, header, rms=float(header["SIMRMS"]), unit=_band_of(path).unit)

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

    def _identity(self, path: Path) -> dict[str, object]:
        cards = self._cards(_band_of(path))
        return {
            "NSIDE": self.settings.nside,
            **{name: cards[name][0] for name in ("SIMRECIP", "SIMSEED", "SIMCAP")},
        }


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


def _band_of(path: Path) -> Band:
    from skysieve.clusters.physics.bands import band

    return band(path.stem.removeprefix(_PREFIX))
