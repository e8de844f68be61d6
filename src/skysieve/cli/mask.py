"""``skysieve mask``: make contaminant masks of frames."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import Given, takes_settings
from skysieve.core.execution.settings import FileOptions
from skysieve.core.printable import printable
from skysieve.frames.mask.classes import BACKGROUND
from skysieve.frames.mask.settings import MaskOptions, MaskSettings, MaskTables, PriorOptions
from skysieve.frames.mask.trails.settings import TrailSettings

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskRecord
    from skysieve.frames.mask.trails.records import TrailRecord

__all__ = ["mask"]


@takes_settings
def mask(
    *,
    options: MaskOptions,
    how: Run,
    tables: MaskTables,
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
    from skysieve.cli.running import start_logging
    from skysieve.core.atomic import check_target
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
    lines: list[TrailRecord] = []
    try:
        with rows, closing(run.records(_describe)) as records:
            for unit, record in records:
                rows.add(unit, record)
                if trails is not None:
                    lines += [one for frame in record.frames for one in frame.trails]
    finally:  # the trails also get those of an interrupted run
        if trails is not None and run.done:
            write_trails(lines, trails, overwrite=replaces, extend=files.resume)
    if rows.written and not how.quiet:
        print(f"table: {table}")
    if trails is not None and run.done and not how.quiet:
        print(f"trails: {trails}")
    run.finish()


def _describe(unit: Location, record: MaskRecord) -> str:
    """Return the lines of a finished file: path of the mask, and the classes found in each frame."""
    lines = [f"{printable(unit)} -> {printable(record.product)} ({record.seconds:.1f} s)"]
    for frame in record.frames:
        label = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
        found = [
            f"{name} {100 * part:.3g}%"
            for name, part in frame.fractions.items()
            if part > 0 and name != BACKGROUND
        ]
        if frame.trails:
            found.append(f"{len(frame.trails)} trail{'s' if len(frame.trails) > 1 else ''}")
        lines.append(f"  {label} {frame.shape[1]} x {frame.shape[0]}: {', '.join(found) or 'nothing found'}")
    lines += [f"  {printable(note)}" for note in record.notes]
    lines += [f"  preview: {printable(path)}" for path in record.previews]
    lines += [f"  weights: {printable(record.weights)}"] if record.weights else []
    return "\n".join(lines)
