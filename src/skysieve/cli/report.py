"""``skysieve report``: pages for a browser, to look at masks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.frames.report.settings import ReportedMasks, ReportSettings, ReportTables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skysieve.core.fits.locations import Location
    from skysieve.frames.report.job import ReportRecord

__all__ = ["make_report", "report"]


@takes_settings
def report(chosen: ReportedMasks, settings: ReportSettings, tables: ReportTables, how: Run) -> None:
    """Make pages for a browser, to look at masks and note verdicts.

    The frames are found beside their masks, or in the folder above.

    Examples
    --------
    `skysieve report masks/ -o report/` · `skysieve report masks/ -o report/ --frames night/ -j 4`

    `skysieve report masks/ -o report/ --tracking tracking.ecsv`
    """
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.frames.report.masks import mask_files

    start_logging()
    make_report(mask_files(chosen.masks), chosen.output, settings, tables, how)


def make_report(
    units: Sequence[Location],
    output: Path,
    settings: ReportSettings,
    tables: ReportTables,
    how: Run,
    *,
    failed: Sequence[str] = (),
) -> Path:
    """Draw the frames of masks and write the pages.

    Parameters
    ----------
    units
        Files that may be masks.
    output
        Folder of the report.
    settings, tables
        What the pages show.
    how
        Options of the run.
    failed
        Failures of the run that made the masks, which the report lists.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    SkysieveError
        If there is no mask, or the report cannot be written.
    typer.Exit
        With code 1, if a mask could not be read; the pages of the others are written.
    """
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.core.errors import NoFrameError
    from skysieve.frames.report.job import ReportJob
    from skysieve.frames.report.pages import check_folder, check_jinja, write_pages
    from skysieve.frames.report.tables import read_failures, read_tracking

    check_jinja()
    check_folder(output, overwrite=how.overwrite)
    lost = [*failed, *(read_failures(tables.manifest) if tables.manifest is not None else ())]
    tracking = None if tables.tracking is None else read_tracking(tables.tracking)
    failures = Failures(debug=how.debug)
    records: list[ReportRecord] = []
    quiet = replace(how, quiet=True)  # the pages show what was found
    for _, record in run_and_report(ReportJob(output, settings), list(units), quiet, failures, what="masks"):
        records.append(record)
        if not how.quiet:
            for entry in record.entries:
                if entry.note:
                    print(printable(f"{entry.mask}: shown without its frame: {entry.note}"), flush=True)
    if not records:
        if failures.skipped and not failures.lines:
            first = units[0].path.parent
            raise NoFrameError(
                f"{first}: none of its {failures.skipped} FITS files is a mask with bit planes; "
                "give masks that `skysieve mask` wrote"
            )
        failures.finish(0)
    entries = [entry for record in records for entry in record.entries]
    if tracking is not None:
        entries = [tracking.added_to(entry) for entry in entries]
    page = write_pages(
        output,
        entries,
        [plane for record in records for plane in record.planes],
        title=settings.title,
        failures=[*lost, *failures.lines],
        skipped=failures.skipped,
    )
    if not how.quiet:
        files = "file" if failures.skipped == 1 else "files"
        other = f", {failures.skipped} other {files} skipped" if failures.skipped else ""
        many = "" if len(entries) == 1 else "s"
        print(f"report of {len(entries)} frame{many}: {printable(page)}{other}")
    failures.finish(len(records))
    return page
