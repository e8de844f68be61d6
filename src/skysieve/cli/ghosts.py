"""``skysieve ghosts``: find reflections and scattered light on whole focal planes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.default_verb import DefaultVerb
from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import Debug, Jobs, Overwrite, Paths, Quiet
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.ghosts.predict.settings import GhostOptions, GhostSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from astropy.table import QTable

    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.predict.job import GhostRecord

__all__ = ["app"]

app = typer.Typer(cls=DefaultVerb, help="Find ghosts and scattered light on whole focal planes.")


MAX_DEAD_FRACTION = 0.1
"""Fraction of CCDs without data above which they are listed; a few dead CCDs per camera are normal."""


@app.command(DefaultVerb.default)
@takes_settings
def ghosts(
    paths: Paths,
    *,
    options: GhostOptions,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip exposures whose products exist, are intact and are newer.")
    ] = False,
    jobs: Jobs = 1,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Output table of the ghosts, or with --screen of the exposures (ECSV).",
            show_default=False,
        ),
    ] = None,
    ccds: Annotated[
        Path | None,
        typer.Option("--ccds", help="Output table of the CCDs that ghosts touch (ECSV).", show_default=False),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            "--exclude",
            help="Output list of these CCDs in the format of DELVE: date, expnum, ccd, id, ccdnum.",
            show_default=False,
        ),
    ] = None,
    settings: GhostSettings,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find ghosts and scattered light on whole focal planes, and the CCDs they touch.

    `skysieve ghosts predict --help` predicts them from a catalogue of stars.

    Examples
    --------
    `skysieve ghosts exposure.fits.fz --preview --ccd-masks` · `skysieve ghosts focal-plane.png`

    `skysieve ghosts night/ --screen --table night.ecsv` · `skysieve ghosts @night --ccds exclude.ecsv`
    """
    from skysieve.cli.running import (
        Failures,
        find_units,
        is_done,
        run_and_report,
        start_logging,
        with_own_product,
    )
    from skysieve.core.atomic import atomic_write, check_target
    from skysieve.ghosts.predict.exclusion import exclusion_list
    from skysieve.ghosts.predict.job import GhostJob
    from skysieve.ghosts.predict.tables import ccd_table, exposure_table, ghost_table, write_table

    start_logging()
    # units whose products may not be replaced are removed below
    job = GhostJob(settings, **{**vars(options), "overwrite": True})
    job.check()
    for path in (table, ccds):
        if path is not None:
            check_target(path, overwrite=overwrite or resume)
    if exclude is not None:
        check_target(exclude, overwrite=overwrite)
    failures = Failures(debug=debug)
    units = find_units(paths, job.units, failures)
    if not options.screen:
        units = with_own_product(units, job.product, failures, overwrite=overwrite or resume)
    todo = [unit for unit in units if not (resume and is_done(job.product(unit), unit))]
    if len(todo) < len(units) and not quiet:
        print(f"{len(units) - len(todo)} of {len(units)} files are done already")
    records: dict[Location, GhostRecord] = {}
    describe = _describe_screened if options.screen else _describe_ghosts
    try:
        records.update(
            run_and_report(job, todo, processes=jobs, failures=failures, describe=describe, quiet=quiet)
        )
    finally:  # the tables also get the results of an interrupted run
        made: list[tuple[Path | None, Callable[[dict[Location, GhostRecord]], QTable]]] = [
            (table, exposure_table if options.screen else ghost_table),
            (ccds, partial(ccd_table, camera=job.camera())),
        ]
        for path, make in made:
            if path is not None and records:
                write_table(make(records), path, files=map(str, records), overwrite=overwrite, extend=resume)
        if exclude is not None and records:
            with atomic_write(exclude, overwrite=overwrite) as temporary:
                temporary.write_text(exclusion_list(records, job.camera()), encoding="utf-8")
    failures.finish(len(records), before=len(units) - len(todo))


add_verb(
    app,
    "predict",
    "skysieve.cli.ghosts_predict:ghosts_predict",
    "Predict the reflections of bright stars on DECam's focal plane, by ray tracing, without an exposure.",
)


def _describe_screened(unit: Location, record: GhostRecord) -> str:
    return f"{printable(unit)} {record.probability:.4f}{_describe_missing(record)}"


def _describe_ghosts(unit: Location, record: GhostRecord) -> str:
    """Return the lines of a finished exposure: its products, and the CCDs of each ghost."""
    lines = [f"{printable(unit)} -> {printable(record.products[0])} ({record.seconds:.1f} s)"]
    for ghost in record.ghosts:
        touched = ", ".join(f"{number} ({100 * part:.0f}%)" for number, part in ghost.ccds.items())
        lines.append(f"  {ghost.number} {ghost.class_name} {ghost.score:.2f}: CCDs {touched or 'none'}")
    if not record.ghosts:
        lines.append("  no ghosts")
    if missing := _describe_missing(record):
        lines.append(f" {missing}")
    lines += [f"  also: {printable(path)}" for path in record.products[1:]]
    return "\n".join(lines)


def _describe_missing(record: GhostRecord) -> str:
    """Return a note if more CCDs have no data than the few dead ones of a camera."""
    count, whole = len(record.ccds), len(record.ccds) + len(record.missing)
    if len(record.missing) <= MAX_DEAD_FRACTION * whole:
        return ""
    listed = " ".join(map(str, record.missing))
    return f" only {count} of {whole} CCDs have data: nothing is known of {listed}"
