"""``skysieve mask``: make contaminant masks of frames."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import Given, takes_settings
from skysieve.core.errors import ConfigError
from skysieve.core.execution.settings import FileOptions
from skysieve.frames.mask.settings import MaskOptions, MaskSettings, MaskTables, PriorOptions
from skysieve.frames.mask.trails.settings import TrailSettings
from skysieve.frames.report.settings import ReportOption

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.trails.records import TrailRecord

__all__ = ["mask"]


@takes_settings
def mask(
    *,
    options: MaskOptions,
    how: Run,
    tables: MaskTables,
    pages: ReportOption,
    trail_settings: TrailSettings,
    files: FileOptions,
    settings: MaskSettings,
    priors: PriorOptions,
    given: Given,
) -> None:
    """Mask the contaminants of frames.

    Examples
    --------
    `skysieve mask frame.fits --preview` · `skysieve mask night/ -o masks/ -j 4 --resume`

    `skysieve mask '*.fits.fz' --classes CR,TRL --prior CR=1e-3` · `skysieve mask @tonight --bits des`
    """
    from skysieve.cli.file_runs import FileRun
    from skysieve.core.atomic import check_target
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.table import fractions_table
    from skysieve.frames.mask.trails.table import write_trails

    start_logging()
    settings = priors.applied_to(settings, classes_given="classes" in given)
    table, trails = tables.table, tables.trails
    replaces = how.overwrite or files.resume
    # units whose products may not be replaced are removed below
    measured = trail_settings if trails is not None or trail_settings.wings is not None else None
    job = MaskJob(settings, measured, **{**vars(options), "overwrite": True})
    run = FileRun("mask", job, files, how, product=job.product)
    rows = ResultTable(table, fractions_table, overwrite=how.overwrite, extend=files.resume)
    if trails is not None:
        check_target(trails, overwrite=replaces)
    if pages.report is not None:
        _check_report(pages.report, options, overwrite=replaces)
    masked: list[Location] = []
    lines: list[TrailRecord] = []
    try:
        with rows, closing(run.records()) as records:
            for unit, record in records:
                rows.add(unit, record)
                masked.append(unit)
                if trails is not None:
                    lines += [one for frame in record.frames for one in frame.trails]
    finally:  # the trails also get those of an interrupted run
        if trails is not None and run.done:
            write_trails(lines, trails, overwrite=replaces, extend=files.resume)
    if rows.written and not how.quiet:
        print(f"table: {table}")
    if trails is not None and run.done and not how.quiet:
        print(f"trails: {trails}")
    try:
        if pages.report is not None and (masked or run.kept):
            _make_report(
                job, [*run.kept, *masked], pages.report, replace(how, overwrite=replaces), run.failed
            )
    finally:
        run.finish()


def _check_report(folder: Path, options: MaskOptions, *, overwrite: bool) -> None:
    """Check before the run that its masks can be shown, and the report be written."""
    from skysieve.frames.report.pages import check_folder, check_jinja

    if options.form != "bits" or options.value is not None:
        raise ConfigError("--report shows masks with bit planes; leave out --format and --value")
    check_jinja()
    check_folder(folder, overwrite=overwrite)


def _make_report(job: MaskJob, units: list[Location], folder: Path, how: Run, failed: list[str]) -> None:
    """Make the report of all masks."""
    from skysieve.cli.report import make_report
    from skysieve.core.fits.locations import Location
    from skysieve.frames.report.settings import ReportSettings, ReportTables

    folders = list(dict.fromkeys(unit.path.parent for unit in units))
    masks = [Location(product) for product in dict.fromkeys(map(job.product, units))]
    make_report(masks, folder, ReportSettings(frames=folders), ReportTables(), how, failed=failed)
