"""``skysieve mask``: make contaminant masks of frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Paths, Quiet
from skysieve.cli.settings_options import Given, takes_settings
from skysieve.core.errors import ConfigError
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

__all__ = ["mask"]


Priors = Literal["default", "auto", "none"]
"""Sources of the class proportions."""


@takes_settings
def mask(
    paths: Paths,
    *,
    options: MaskOptions,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip files whose mask exists, is intact and is newer.")
    ] = False,
    jobs: Jobs = 1,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Write the masked fractions of each frame (ECSV).", show_default=False),
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
    from skysieve.cli.running import (
        Failures,
        find_units,
        is_done,
        run_and_report,
        start_logging,
        with_own_product,
    )
    from skysieve.core.atomic import check_target
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.table import write_table
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
    failures = Failures(debug=debug)
    for path in (table, trails):
        if path is not None:
            check_target(path, overwrite=overwrite or resume)
    units = with_own_product(
        find_units(paths, job.units, failures), job.product, failures, overwrite=overwrite or resume
    )
    todo = [unit for unit in units if not (resume and is_done(job.product(unit), unit))]
    if len(todo) < len(units) and not quiet:
        print(f"{len(units) - len(todo)} of {len(units)} files are done already")
    records: dict[Location, MaskRecord] = {}
    try:
        records.update(
            run_and_report(job, todo, processes=jobs, failures=failures, describe=_describe, quiet=quiet)
        )
    finally:  # the table also gets the results of an interrupted run
        if table is not None and records:
            write_table(records, table, overwrite=overwrite or resume, extend=resume)
        if trails is not None and records:
            found = [one for record in records.values() for frame in record.frames for one in frame.trails]
            write_trails(found, trails, overwrite=overwrite or resume, extend=resume)
    if table is not None and records and not quiet:
        print(f"table: {table}")
    if trails is not None and records and not quiet:
        print(f"trails: {trails}")
    failures.finish(len(records), before=len(units) - len(todo))


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
