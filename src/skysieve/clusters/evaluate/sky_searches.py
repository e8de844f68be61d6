"""Searches of skies by several cluster finders, for an evaluation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysieve.clusters.evaluate.search import required_finder, units_of_role, write_finders
from skysieve.clusters.search.job import ClusterJob
from skysieve.clusters.search.settings import ClusterSettings
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from skysieve.clusters.evaluate.settings import Role, SearchSettings
    from skysieve.clusters.search.settings import Finder
    from skysieve.core.fits.locations import Location

__all__ = ["SkySearches"]

CATALOGUE = "catalogue.fits"
_SEARCH = "search.json"


@dataclass(frozen=True)
class SkySearches:
    """Searches each sky once with the finders that are evaluated.

    Attributes
    ----------
    folder
        Output folder; each sky and finder gets its own subfolder.
    finders
        Names of the finders.
    settings
        Settings of the search.
    role
        Tiles to search by their role in training.
    run
        Runs a search on the sky of its first argument; the others are the job and its units.
    resume
        Whether to reuse finished searches, and to resume interrupted ones.
    overwrite
        Whether to replace earlier searches.
    """

    folder: Path
    finders: Sequence[Finder]
    settings: SearchSettings
    role: Role
    run: Callable[[Path, ClusterJob, list[Location]], None]
    resume: bool
    overwrite: bool

    def check(self, skies: list[Path]) -> None:
        """Check, before searches of hours, that all of them can run.

        Parameters
        ----------
        skies
            Folders of the skies.

        Raises
        ------
        SkysieveError
            If one of them cannot run.
        """
        for number, sky in enumerate(skies):
            if self.finders and not sky.is_dir():
                raise ConfigError(f"--finder needs maps: give --sky the folder with {sky}, not the table")
            if self._needs_search(number):
                self._job(sky, number).check()
            elif self.finders:
                self._check_same(sky, number)

    def search(self, sky: Path, number: int) -> dict[str, Path]:
        """Search a sky, unless an earlier run is reused.

        Parameters
        ----------
        sky
            Folder of the sky.
        number
            Its index, from 0.

        Returns
        -------
        dict of str to Path
            Folder of the products of each finder.

        Raises
        ------
        SkysieveError
            If the sky cannot be searched.
        """
        folder = self._sky_folder(number)
        if self._needs_search(number):
            job = self._job(sky, number)
            units = units_of_role(job, self.role)
            if not units:
                raise SourceError(f"{sky}: no part of it is in the tiles for {self.role}; try --tiles all")
            self.run(sky, job, units)
            write_finders(job, units, self.finders, folder)
            with atomic_write(folder / _SEARCH, overwrite=True) as temporary:
                temporary.write_text(json.dumps(self._identity(sky), indent=1) + "\n", encoding="utf-8")
        return {name: folder / name for name in self.finders}

    def _sky_folder(self, number: int) -> Path:
        return self.folder / f"sky-{number + 1}"

    def _needs_search(self, number: int) -> bool:
        """Whether a sky has to be searched."""
        folder = self._sky_folder(number)
        expected = [folder / _SEARCH, *(folder / name / CATALOGUE for name in self.finders)]
        return bool(self.finders) and not (self.resume and all(path.is_file() for path in expected))

    def _check_same(self, sky: Path, number: int) -> None:
        """Check that an earlier search had the same settings."""
        path = self._sky_folder(number) / _SEARCH
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(f"{path}: cannot be read; search anew with --overwrite") from error
        changed = [name for name, value in self._identity(sky).items() if before.get(name) != value]
        if changed:
            raise OutputError(
                f"{path.parent} holds a search with another {changed[0]}; search anew with --overwrite, or "
                "choose another --output"
            )

    def _identity(self, sky: Path) -> dict[str, Any]:
        """Return the settings that the candidates depend on, in types that JSON keeps."""
        values = self.settings.of_search()
        asked = {name: values.get(name) for name in ("model", "threshold", "snr", "views")}
        cut = self.settings.galactic_cut
        return asked | {"sky": str(sky.resolve()), "Galactic cut": cut, "role of tiles": self.role}

    def _job(self, sky: Path, number: int) -> ClusterJob:
        return ClusterJob(
            [str(sky)],
            self._sky_folder(number) / "search",
            ClusterSettings(finder=required_finder(self.finders), **self.settings.of_search()),
            galactic_cut=self.settings.galactic_cut,
            resume=self.resume,
            overwrite=self.overwrite,
        )
