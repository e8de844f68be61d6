"""``skysieve mask``: make contaminant masks of frames."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Paths, Quiet
from skysieve.cli.settings_options import Given, takes_settings
from skysieve.core.errors import ConfigError
from skysieve.core.execution.settings import FileOptions
from skysieve.core.printable import printable
from skysieve.core.settings import read_assignments
from skysieve.frames.mask.classes import BACKGROUND
from skysieve.frames.mask.settings import DECISIONS, MaskOptions, MaskSettings
from skysieve.frames.mask.trails.settings import TRAILS, TrailSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.config_files import ClassConfig
    from skysieve.frames.mask.job import MaskRecord
    from skysieve.frames.mask.trails.records import TrailRecord

__all__ = ["mask"]


Priors = Literal["default", "auto", "none"]
"""Sources of the class proportions."""


@takes_settings
def mask(
    paths: Paths = None,
    *,
    options: MaskOptions,
    overwrite: Overwrite = False,
    jobs: Jobs = 1,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="Write the masked fractions of each frame (ECSV, or Parquet by its name).",
            show_default=False,
        ),
    ] = None,
    trails: Annotated[
        Path | None,
        typer.Option(
            "--trails",
            help="Write a table of the trails of all frames as lines (ECSV).",
            rich_help_panel=TRAILS,
            show_default=False,
        ),
    ] = None,
    trail_settings: TrailSettings,
    files: FileOptions,
    settings: MaskSettings,
    priors: Annotated[
        Priors,
        typer.Option(
            "--priors",
            help="auto: estimate priors from each frame; none: use the network's probabilities without "
            "correction.",
            rich_help_panel=DECISIONS,
        ),
    ] = "default",
    prior: Annotated[
        list[str] | None,
        typer.Option(
            "--prior",
            metavar="NAME=VALUE",
            help="Expected fraction of pixels in a class, as CR=5e-4; may be repeated.",
            show_default=False,
            rich_help_panel=DECISIONS,
        ),
    ] = None,
    config_dir: Annotated[
        Path | None,
        typer.Option(
            "--config-dir",
            help="Folder with classes.flags, classes.priors, classes.thresh, each optional.",
            show_default=False,
            rich_help_panel=DECISIONS,
        ),
    ] = None,
    given: Given,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Mask the contaminants of frames.

    Examples
    --------
    `skysieve mask frame.fits --preview` · `skysieve mask night/ -o masks/ -j 4 --resume`

    `skysieve mask '*.fits.fz' --classes CR,TRL --prior CR=1e-3` · `skysieve mask @tonight --bits des`
    """
    from skysieve.cli.file_runs import FileRun
    from skysieve.cli.running import Failures, start_logging
    from skysieve.core.atomic import check_target
    from skysieve.core.tables.result_table import ResultTable
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.table import fractions_table
    from skysieve.frames.mask.trails.table import write_trails

    start_logging()
    config = _read_config(config_dir)
    settings = replace(
        settings, priors=_chosen_priors(priors, read_assignments("--prior", prior or []), config)
    )
    if config is not None:
        settings = replace(
            settings,
            classes=settings.classes if "classes" in given else config.classes,
            thresholds={**config.thresholds, **settings.thresholds},
        )
    # units whose products may not be replaced are removed below
    measured = trail_settings if trails is not None or trail_settings.wings is not None else None
    job = MaskJob(settings, measured, **{**vars(options), "overwrite": True})
    run = FileRun(
        "mask",
        job,
        files,
        failures=Failures(debug=debug),
        product=job.product,
        overwrite=overwrite,
        processes=jobs,
        quiet=quiet,
    )
    rows = ResultTable(table, fractions_table, overwrite=overwrite, extend=files.resume)
    if trails is not None:
        check_target(trails, overwrite=overwrite or files.resume)
    lines: list[TrailRecord] = []
    try:
        with rows, closing(run.records(paths, _describe)) as records:
            for unit, record in records:
                rows.add(unit, record)
                if trails is not None:
                    lines += [one for frame in record.frames for one in frame.trails]
    finally:  # the trails also get those of an interrupted run
        if trails is not None and run.done:
            write_trails(lines, trails, overwrite=overwrite or files.resume, extend=files.resume)
    if rows.written and not quiet:
        print(f"table: {table}")
    if trails is not None and run.done and not quiet:
        print(f"trails: {trails}")
    run.finish()


def _read_config(folder: Path | None) -> ClassConfig | None:
    if folder is None:
        return None
    from skysieve.frames.mask.config_files import read_class_config

    return read_class_config(folder)


def _chosen_priors(
    source: Priors, given: Mapping[str, float], config: ClassConfig | None
) -> Mapping[str, float] | Literal["auto"] | None:
    if source != "default":
        if given:
            raise ConfigError(f"--prior does not go with --priors {source}")
        return "auto" if source == "auto" else None
    return {**(config.priors if config else {}), **given}


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
