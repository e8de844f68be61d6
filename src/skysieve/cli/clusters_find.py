"""``skysieve clusters find``: search microwave maps of the sky for galaxy clusters."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.clusters_match import parse_catalogues
from skysieve.cli.options import Debug, Jobs, Overwrite, Quiet
from skysieve.cli.running import Failures
from skysieve.cli.settings_options import takes_settings
from skysieve.clusters.search.settings import ClusterOptions, ClusterSettings
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
    from skysieve.clusters.catalogue.products import FoundClusters
    from skysieve.clusters.search.job import ClusterJob
    from skysieve.clusters.search.unit_record import UnitRecord
    from skysieve.core.fits.locations import Location

__all__ = ["find"]

_SHOWN = 10
_PREVIEWS = ("preview-sky.png", "preview-candidates.png", "preview-stacks.png")
"""File names of the previews; the last one is written only if there are candidates."""


@takes_settings
def find(
    *,
    maps: Annotated[
        list[str],
        typer.Option(
            "--maps",
            metavar="PATH",
            help="Folder of maps, a map, or a YAML file that describes maps; may be repeated. File names "
            "of Planck and of `skysieve simulate sky` are recognised.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Output folder.", show_default=False),
    ],
    settings: ClusterSettings,
    options: ClusterOptions,
    known: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=FILE",
            help="Known catalogue with a name, as PSZ2=planck_z.csv; may be repeated.",
            show_default=False,
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Plot the sky, the best candidates in all bands, and stacks.")
    ] = False,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
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
    from skysieve.cli.running import run_and_report, start_logging
    from skysieve.clusters.search.job import ClusterJob

    require("searching maps for clusters", "clusters")
    start_logging()
    job = ClusterJob(maps, output, settings, **{**vars(options), "overwrite": overwrite})
    files = parse_catalogues(known or [])
    if options.resume and not overwrite and job.is_finished(files, _PREVIEWS[:2] if preview else ()):
        if not quiet:
            print(f"{output} holds the products of this search already")
        return
    catalogues = _check_and_read(job, files, preview=preview, overwrite=overwrite)
    units = job.units()
    if not quiet:
        print(f"{len(units)} tiles of the sky, bands {', '.join(job.maps.names)}, nside {job.sky.nside}")
    if jobs > 1 and len(units) > 1:
        job.release()
    failures = _TileFailures(job, debug=debug)
    done = list(
        run_and_report(
            job,
            units,
            processes=jobs,
            failures=failures,
            describe=_describer(len(units)),
            quiet=quiet,
            what="tiles",
        )
    )
    failures.finish(len(done))
    draw = (_PREVIEWS, lambda found: _draw(job, found)) if preview else None
    found, written = job.finish(units, catalogues, files=files, draw=draw)
    if not quiet:
        _report(found, written)


class _TileFailures(Failures):
    """Failures of tiles; ends the search at the first file that cannot be written, as the next would fail."""

    def __init__(self, job: ClusterJob, *, debug: bool) -> None:
        super().__init__(debug=debug)
        self._job = job

    def add(self, unit: object, error: Exception) -> None:
        """Report an error on one line, at once.

        Parameters
        ----------
        unit
            The tile that failed.
        error
            Its error.

        Raises
        ------
        OutputError
            If the error is that a file cannot be written.
        """
        if isinstance(error, OutputError):
            raise OutputError(
                f"{error}; finished tiles are kept in {self._job.unit_files.folder}, "
                "--resume goes on with them"
            ) from error
        super().add(unit, error)


def _check_and_read(
    job: ClusterJob, files: dict[str, Path], *, preview: bool, overwrite: bool
) -> list[KnownCatalogue]:
    """Check inputs and outputs before a search of hours; return the known catalogues."""
    from skysieve.clusters.catalogue.catalogue_files import ENDINGS
    from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
    from skysieve.clusters.catalogue.matched_tables import check_names
    from skysieve.clusters.maps.naming import cluster_names

    if job.output.name.lower().endswith(ENDINGS):
        raise ConfigError(
            f"--output {job.output} is the name of a table; name a folder, which gets the catalogue as "
            "catalogue.fits and catalogue.ecsv, and with --votable catalogue.vot"
        )
    cluster_names([0.0], [0.0], prefix=job.prefix)
    job.check()
    check_names(list(files))
    if preview:
        from skysieve.clusters.catalogue.preview import check_preview
        from skysieve.core.atomic import check_target

        check_preview()
        for name in _PREVIEWS:
            check_target(job.output / name, overwrite=overwrite or name in job.replaced)
    return [read_known_catalogue(path, name=name) for name, path in files.items()]


def _describer(total: int) -> Callable[[Location, UnitRecord], str]:
    """Return a function that gives the line of a finished tile."""
    done = 0

    def describe(_unit: Location, record: UnitRecord) -> str:
        nonlocal done
        done += 1
        best = [
            f"{word} {value:.2g}"
            for word, value in (("p up to", record.probability), ("S/N up to", record.snr))
            if value == value  # noqa: PLR0124 (NaN if that finder did not run)
        ]
        how = "kept" if record.kept else f"{record.seconds:.1f} s"
        return (
            f"{done}/{total} tile {record.unit} at l, b {record.lon:.1f}, {record.lat:+.1f}: "
            f"{record.area:.1f} deg2, {', '.join([*best, how])}"
        )

    return describe


def _draw(job: ClusterJob, found: FoundClusters) -> tuple[Path, ...]:
    """Draw the previews and write all of them, or none if one fails."""
    from skysieve.clusters.catalogue.preview import make_previews
    from skysieve.core.atomic import atomic_write

    files = make_previews(
        found.catalogue,
        job.maps,
        found.footprint,
        nested=found.nested,
        scores=found.maps,
        title=job.output.name,
    )
    paths = tuple(job.output / name for name in files)
    with ExitStack() as together:
        for path, content in zip(paths, files.values(), strict=True):
            together.enter_context(atomic_write(path, overwrite=True)).write_bytes(content)
    return paths


def _report(found: FoundClusters, written: tuple[Path, ...]) -> None:
    """Print the number of candidates, the best of them, and the written files."""
    import numpy as np

    from skysieve.clusters.catalogue.summary import count_lines

    count = len(found.catalogue)
    print(f"{count} candidate{'' if count == 1 else 's'}" + (", the best of them:" if count > _SHOWN else ""))
    for row in found.catalogue[:_SHOWN]:
        snr = f"S/N {row['snr']:.1f} " if np.isfinite(row["snr"]) else ""
        place = f"l, b {row['GLON']:.3f}, {row['GLAT']:+.3f}"
        print(f"  {row['name']} {place} score {row['score']:.3f} {snr}{row['finder']}")
    for line in count_lines(found.counts):
        print(line)
    for path in written:
        print(path)
