"""Bases of the jobs that simulate: each unit is a file; existing files of the same simulation are kept."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from skysieve.core.errors import OutputError, SkysieveError
from skysieve.core.execution.job import JobRecord, UnitJob
from skysieve.core.fits.fits_integrity import is_intact, open_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.locations import Location
from skysieve.core.simulate.series import frame_number, frame_path, frame_seed
from skysieve.core.simulate.settings import SeriesSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from astropy.io import fits

    from skysieve.core.fits.cards import HeaderValue
    from skysieve.core.fits.fits_out import HDU

__all__ = ["SeriesJob", "SimulatedFile", "SimulationJob", "SimulationRecipe", "SimulationSettings"]


class SimulationRecipe(Protocol):
    """Recipe of a simulation."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        ...

    @property
    def description(self) -> str:
        """What it simulates, in one line."""
        ...

    def to_yaml(self) -> str:
        """Return the complete recipe as YAML."""
        ...


class SimulationSettings(Protocol):
    """Settings of a simulation."""

    @property
    def seed(self) -> int:
        """Random seed."""
        ...

    def as_options(self) -> list[str]:
        """Return the options of the command line that give the same files from the same recipe."""
        ...


@dataclass(frozen=True)
class SimulatedFile(JobRecord):
    """Result for one simulated file.

    Attributes
    ----------
    path
        The file.
    header
        Cards of the header that describes it.
    kept
        Whether the file existed already.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    kept: bool = False


Recipe = TypeVar("Recipe", bound=SimulationRecipe)
Settings = TypeVar("Settings", bound=SimulationSettings)
Series = TypeVar("Series", bound=SeriesSettings)
Record = TypeVar("Record", bound=SimulatedFile)


@dataclass
class SimulationJob(UnitJob[Location, Record], Generic[Recipe, Settings, Record]):
    """Base of jobs that simulate files in one folder.

    An existing file is kept if it is intact and its header says that it is of the same simulation.

    Attributes
    ----------
    recipe
        Recipe of the simulation.
    folder
        Output folder.
    settings
        Seed and size of the simulation.
    overwrite
        Whether to replace existing files.
    """

    recipe: Recipe
    folder: Path
    settings: Settings
    overwrite: bool = False

    other: ClassVar[str] = "another frame"
    """What a file of another simulation is, in the message about it."""
    only_here: ClassVar[str | None] = None
    """Keyword that the files of no other job have."""
    described_by: ClassVar[int] = 0
    """Number of the HDU whose header describes the file."""

    @abstractmethod
    def _simulate(self, path: Path) -> Iterable[HDU]:
        """Return the HDUs of a file."""

    @abstractmethod
    def _identity(self, path: Path) -> Mapping[str, object]:
        """Return the cards by which the header of a file shows that it is of this simulation."""

    @abstractmethod
    def _record(self, path: Path, header: Mapping[str, HeaderValue]) -> Record:
        """Return the record of a file that has been written."""

    def _process(self, unit: Location) -> Record:
        path = unit.path
        if not self.overwrite and is_intact(path):
            header = self._header(path)
            self._check_same(path, header)
            return replace(self._record(path, header), kept=True)
        hdus = self._simulate(path)
        if self._stopped:
            raise SkysieveError(f"{path}: stopped before it was written")
        write_fits(hdus, path, overwrite=True)
        return self._record(path, self._header(path))

    def _header(self, path: Path) -> dict[str, HeaderValue]:
        with open_intact(path, sums=False) as hdus:
            header: fits.Header = hdus[min(self.described_by, len(hdus) - 1)].header
            return {card.keyword: card.value for card in header.cards if card.keyword}

    def _check_same(self, path: Path, header: Mapping[str, object]) -> None:
        """Raise OutputError if an existing file is not of this simulation."""
        for keyword, value in self._identity(path).items():
            if header.get(keyword) != value:
                raise self._is_other(path, f"{keyword} is {header.get(keyword)}, not {value}")
        if self.only_here is not None and self.only_here not in header:
            raise self._is_other(path, f"it has no {self.only_here}")

    def _is_other(self, path: Path, reason: str) -> OutputError:
        return OutputError(f"{path} is {self.other}: {reason}; use --overwrite or another --output")


@dataclass
class SeriesJob(SimulationJob[Recipe, Series, Record]):
    """Base of jobs that simulate a series of numbered files, each with a seed of its own.

    See :func:`skysieve.core.simulate.series.frame_seed` for the seeds.
    """

    def units(self) -> list[Location]:
        """List the files of the series.

        Returns
        -------
        list of Location
            The files.
        """
        return [Location(frame_path(self.folder, number)) for number in range(self.settings.count)]

    def seed_of(self, path: Path) -> int:
        """Return the seed of a file of the series.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        int
            Its seed.
        """
        return frame_seed(self.settings.seed, frame_number(path))

    def _identity(self, path: Path) -> dict[str, object]:
        return {"SIMSEED": self.seed_of(path), "SIMRECIP": self.recipe.name}
