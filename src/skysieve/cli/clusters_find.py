"""``skysieve clusters find``: search microwave maps of the sky for galaxy clusters."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.running import Failures
from skysieve.cli.settings_options import takes_settings
from skysieve.clusters.catalogue.settings import KnownFiles
from skysieve.clusters.search.settings import ClusterOptions, ClusterSettings, SearchedMaps, SearchPreview
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
    from skysieve.clusters.search.job import ClusterJob

__all__ = ["find"]


@takes_settings
def find(
    *,
    searched: SearchedMaps,
    settings: ClusterSettings,
    options: ClusterOptions,
    known: KnownFiles,
    drawn: SearchPreview,
    run: Run,
) -> None:
    """Find galaxy clusters in microwave maps of the sky by the Sunyaev-Zel'dovich effect.

    Writes catalogue.fits, .ecsv and .reg, HEALPix maps of probability and S/N, the footprint as MOC, and a
    summary into the output folder. Until the search ends, finished tiles are kept in DIR.parts, so that an
    interrupted search can be resumed. Each process uses two CPU cores, and reads the maps itself.

    Examples
    --------
    `skysieve clusters find --maps planck/ -o clusters/ --with PSZ2=planck_z.csv --preview`

    `skysieve clusters find --maps sky.yaml -o clusters/ --finder mmf --snr 5`
    """
    require("searching maps for clusters", "clusters")
    from skysieve.cli.running import run_and_report
    from skysieve.clusters.catalogue.preview import PREVIEWS, write_previews
    from skysieve.clusters.catalogue.summary import candidate_lines
    from skysieve.clusters.search.job import ClusterJob
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()
    output, preview = searched.output, drawn.preview
    job = ClusterJob(searched.maps, output, settings, **{**vars(options), "overwrite": run.overwrite})
    files = known.known
    if options.resume and not run.overwrite and job.is_finished(files, PREVIEWS[:2] if preview else ()):
        if not run.quiet:
            print(f"{output} holds the products of this search already")
        return
    catalogues = _check_and_read(job, files, preview=preview)
    units = job.units()
    if not run.quiet:
        print(f"{len(units)} tiles of the sky, bands {', '.join(job.maps.names)}, nside {job.sky.nside}")
    if (run.jobs > 1 and len(units) > 1) or run.dask is not None:
        job.release()
    failures = _TileFailures(job, debug=run.debug)
    numbers = count(1)
    records = run_and_report(
        job,
        units,
        run,
        failures,
        what="tiles",
        describe=lambda unit, record: f"{next(numbers)}/{len(units)} {record.describe(unit)}",
    )
    failures.finish(len(list(records)))
    draw = (PREVIEWS, lambda found: write_previews(found, job.maps, output)) if preview else None
    found, written = job.finish(units, catalogues, files=files, draw=draw)
    if not run.quiet:
        for line in [*candidate_lines(found.catalogue, found.counts), *map(str, written)]:
            print(line)


class _TileFailures(Failures):
    """Failures of tiles; ends the search at the first file that cannot be written, as the next would fail."""

    def __init__(self, job: ClusterJob, *, debug: bool) -> None:
        super().__init__(debug=debug)
        self._job = job

    def add(self, unit: object, error: Exception) -> None:
        if isinstance(error, OutputError):
            raise OutputError(
                f"{error}; finished tiles are kept in {self._job.unit_files.folder}, "
                "--resume goes on with them"
            ) from error
        super().add(unit, error)


def _check_and_read(job: ClusterJob, files: Mapping[str, Path], *, preview: bool) -> list[KnownCatalogue]:
    """Check inputs and outputs before a search of hours; return the known catalogues."""
    from skysieve.clusters.catalogue.catalogue_files import ENDINGS
    from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
    from skysieve.clusters.catalogue.matched_tables import check_names
    from skysieve.clusters.catalogue.preview import PREVIEWS, check_preview
    from skysieve.clusters.maps.naming import cluster_names
    from skysieve.core.atomic import check_target

    if job.output.name.lower().endswith(ENDINGS):
        raise ConfigError(
            f"--output {job.output} is the name of a table; name a folder, which gets the catalogue as "
            "catalogue.fits, catalogue.ecsv, with --votable catalogue.vot, with --parquet catalogue.parquet"
        )
    cluster_names([0.0], [0.0], prefix=job.prefix)
    job.check()
    check_names(list(files))
    if preview:
        check_preview()
        for name in PREVIEWS:
            check_target(job.output / name, overwrite=job.overwrite or name in job.replaced)
    return [read_known_catalogue(path, name=name) for name, path in files.items()]
