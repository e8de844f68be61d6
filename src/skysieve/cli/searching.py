"""Searches of skies by several cluster finders, for an evaluation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from skysieve.cli.running import Failures, run_and_report
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysieve.clusters.search.job import ClusterJob

__all__ = ["SkySearches"]

CATALOGUE = "catalogue.fits"
_SEARCH = "search.json"


class SkySearches:
    """Searches each sky once with the finders that are evaluated.

    Parameters
    ----------
    folder
        Output folder; each sky and finder gets its own subfolder.
    finders
        Names of the finders.
    settings
        Settings of the search: fields of :class:`skysieve.clusters.search.settings.ClusterSettings`.
    galactic_cut, overwrite
        See :class:`skysieve.clusters.search.job.ClusterJob`.
    role
        Tiles to search by their role in training (``train``, ``validation``, ``test``), or ``all``.
    resume
        Whether to reuse finished searches, and to resume interrupted ones.
    jobs, quiet, debug
        See :mod:`skysieve.cli.running`.
    """

    def __init__(
        self,
        folder: Path,
        finders: Sequence[str],
        settings: dict[str, Any],
        *,
        galactic_cut: float,
        role: str,
        resume: bool,
        overwrite: bool,
        jobs: int,
        quiet: bool,
        debug: bool,
    ) -> None:
        self._folder, self._finders, self._settings = folder, finders, settings
        self._cut, self._role, self._jobs = galactic_cut, role, jobs
        self._resume, self._overwrite = resume, overwrite
        self._quiet, self._debug = quiet, debug

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
            if self._finders and not sky.is_dir():
                raise ConfigError(f"--finder needs maps: give --sky the folder with {sky}, not the table")
            if self._needs_search(number):
                self._job(sky, number).check()
            elif self._finders:
                self._check_same(sky, number)

    def run(self, sky: Path, number: int) -> dict[str, Path]:
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
        from skysieve.clusters.evaluate.search import units_of_role, write_finders

        folder = self._sky_folder(number)
        if self._needs_search(number):
            job = self._job(sky, number)
            units = units_of_role(job, self._role)
            if not units:
                raise SourceError(f"{sky}: no part of it is in the tiles for {self._role}; try --tiles all")
            if self._jobs > 1 and len(units) > 1:
                job.release()
            failures = Failures(debug=self._debug)
            records = run_and_report(
                job,
                units,
                processes=self._jobs,
                failures=failures,
                describe=lambda unit, record: f"{sky} tile {record.unit}: {record.seconds:.1f} s",  # noqa: ARG005
                quiet=self._quiet,
                what="tiles",
            )
            failures.finish(len(list(records)))
            write_finders(job, units, self._finders, folder)  # type: ignore[arg-type]
            with atomic_write(folder / _SEARCH, overwrite=True) as temporary:
                temporary.write_text(json.dumps(self._identity(sky), indent=1) + "\n", encoding="utf-8")
        return {name: folder / name for name in self._finders}

    def _sky_folder(self, number: int) -> Path:
        return self._folder / f"sky-{number + 1}"

    def _needs_search(self, number: int) -> bool:
        """Whether a sky has to be searched."""
        folder = self._sky_folder(number)
        expected = [folder / _SEARCH, *(folder / name / CATALOGUE for name in self._finders)]
        return bool(self._finders) and not (self._resume and all(path.is_file() for path in expected))

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
        asked = {name: self._settings.get(name) for name in ("model", "threshold", "snr", "views")}
        return asked | {"sky": str(sky.resolve()), "Galactic cut": self._cut, "role of tiles": self._role}

    def _job(self, sky: Path, number: int) -> ClusterJob:
        from skysieve.clusters.evaluate.search import required_finder
        from skysieve.clusters.search.job import ClusterJob
        from skysieve.clusters.search.settings import ClusterSettings

        needed = required_finder(self._finders)  # type: ignore[arg-type]
        return ClusterJob(
            [str(sky)],
            self._sky_folder(number) / "search",
            ClusterSettings(finder=needed, **self._settings),
            galactic_cut=self._cut,
            resume=self._resume,
            overwrite=self._overwrite,
        )
