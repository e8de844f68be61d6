"""``skysieve ghosts``: find reflections and scattered light on whole focal planes."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import typer

from skysieve.cli.default_verb import DefaultVerb
from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.execution.settings import FileOptions
from skysieve.ghosts.predict.settings import GhostOptions, GhostSettings, GhostTables

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.predict.job import GhostRecord

__all__ = ["app"]

app = typer.Typer(cls=DefaultVerb, help="Find ghosts and scattered light on whole focal planes.")


@app.command(DefaultVerb.default)
@takes_settings
def ghosts(
    options: GhostOptions,
    how: Run,
    tables: GhostTables,
    settings: GhostSettings,
    files: FileOptions,
) -> None:
    """Find ghosts and scattered light on whole focal planes, and the CCDs they touch.

    `skysieve ghosts predict --help` predicts them from a catalogue of stars.

    Examples
    --------
    `skysieve ghosts exposure.fits.fz --preview --ccd-masks` · `skysieve ghosts focal-plane.png`

    `skysieve ghosts night/ --screen --table night.ecsv` · `skysieve ghosts @night --ccds exclude.ecsv`
    """
    from skysieve.cli.file_runs import FileRun
    from skysieve.core.atomic import atomic_write, check_target
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.ghosts.predict.exclusion import exclusion_list
    from skysieve.ghosts.predict.job import GhostJob
    from skysieve.ghosts.predict.tables import ccd_table, exposure_table, ghost_table

    start_logging()
    # units whose products may not be replaced are removed below
    job = GhostJob(settings, **{**vars(options), "overwrite": True})
    job.check()
    kept = {"overwrite": how.overwrite, "extend": files.resume}
    found: ResultTable[Location, GhostRecord] = ResultTable(
        tables.table, exposure_table if options.screen else ghost_table, **kept
    )
    touched: ResultTable[Location, GhostRecord] = ResultTable(
        tables.ccds, partial(ccd_table, camera=job.camera()), **kept
    )
    exclude = tables.exclude
    if exclude is not None:
        check_target(exclude, overwrite=how.overwrite)
    run = FileRun("ghosts", job, files, how, product=None if options.screen else job.product)
    listed: dict[Location, GhostRecord] = {}
    try:
        with found, touched, closing(run.records()) as records:
            for unit, record in records:
                found.add(unit, record)
                touched.add(unit, record)
                if exclude is not None:
                    listed[unit] = record
    finally:  # the list also gets the results of an interrupted run
        if exclude is not None and listed:
            with atomic_write(exclude, overwrite=how.overwrite) as temporary:
                temporary.write_text(exclusion_list(listed, job.camera()), encoding="utf-8")
    run.finish()


add_verb(
    app,
    "predict",
    "skysieve.cli.ghosts_predict:ghosts_predict",
    "Predict the reflections of bright stars on DECam's focal plane, by ray tracing, without an exposure.",
)
