"""``skysieve mask``: contaminant masks for frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import (
    BatchSize,
    Debug,
    Device,
    EngineOption,
    Jobs,
    MaskBits,
    MaskHDU,
    NormalisationOption,
    Overwrite,
    Paths,
    PrecisionOption,
    Quiet,
    Threads,
    parse_assignments,
    parse_hdu,
)
from skysieve.core.errors import ConfigError
from skysieve.core.printable import printable
from skysieve.frames.mask.classes import BACKGROUND, CLASS_NAMES, DEFAULT_BAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.config_files import ClassConfig
    from skysieve.frames.mask.job import MaskRecord

__all__ = ["mask"]


Format = Literal["bits", "cube", "single", "probabilities"]
"""Kinds of product."""

Compression = Literal["auto", "PLIO_1", "GZIP_2", "none"]
"""Compressions of bit masks."""


Tool = Literal["sextractor", "weightwatcher"]
"""Programs that masks are made for."""

Tiling = Literal["fast", "published"]
"""Tilings of a frame."""

Priors = Literal["default", "auto", "none"]
"""Sources of the class proportions."""


def mask(
    paths: Paths,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Output folder, or template with `{dir}`, `{stem}`, `{name}`, `{hdu}`; default "
            "`{dir}/{stem}.mask{hdu}.fits`.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip files whose mask exists, is intact and is newer.")
    ] = False,
    jobs: Jobs = 1,
    preview: Annotated[
        bool, typer.Option("--preview", help="Also write a PNG preview of each frame.")
    ] = False,
    regions: Annotated[
        bool,
        typer.Option(
            "--regions",
            help="Also write a ds9 region file of the bad pixels of each frame, and a table of trails.",
        ),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Write the masked fractions of each frame (ECSV).", show_default=False),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="bits: one bit per class; cube, single: MaxiMask's formats.")
    ] = "bits",
    bits: Annotated[
        str | None,
        typer.Option(
            "--bits",
            metavar="NAME",
            help="Bit map of another survey: des, noirlab, lsst, euclid, hst, jwst, lco, or a TOML file.",
            show_default=False,
        ),
    ] = None,
    bits_from: Annotated[
        str | None,
        typer.Option(
            "--bits-from",
            metavar="MASK",
            help="Use the bit numbers of this mask's header (MP_ or MSKN cards) for --bits.",
            show_default=False,
        ),
    ] = None,
    compression: Annotated[
        Compression, typer.Option("--compression", help="Compression of masks in the format bits.")
    ] = "auto",
    tool: Annotated[
        Tool | None,
        typer.Option(
            "--for",
            help="Write a flag image for this program: the bits of bad pixels, one uncompressed image "
            "for each frame.",
            show_default=False,
        ),
    ] = None,
    grow: Annotated[
        list[str] | None,
        typer.Option(
            "--grow",
            metavar="PIXELS",
            help="Grow the marks of bad classes by this many pixels on all sides, as 2; or of single "
            "classes, as CR=1,TRL=5; may be repeated.",
            show_default=False,
        ),
    ] = None,
    value: Annotated[
        int | None,
        typer.Option(
            "--value", help="Write this value for bad pixels and 0 for all others.", show_default=False
        ),
    ] = None,
    gzipped: Annotated[
        bool, typer.Option("--gzip", help="Compress each mask file with gzip, as if its name ended in .gz.")
    ] = False,
    mask_hdu: MaskHDU = None,
    mask_bits: MaskBits = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAMES",
            help=f"Only these, separated by commas: {', '.join(CLASS_NAMES)}.",
            show_default=False,
            rich_help_panel="Decisions",
        ),
    ] = None,
    priors: Annotated[
        Priors,
        typer.Option(
            "--priors",
            help="auto: estimate priors from each frame; none: use the network's probabilities without "
            "correction.",
            rich_help_panel="Decisions",
        ),
    ] = "default",
    prior: Annotated[
        list[str] | None,
        typer.Option(
            "--prior",
            metavar="NAME=VALUE",
            help="Expected fraction of pixels in a class, as CR=5e-4; may be repeated.",
            show_default=False,
            rich_help_panel="Decisions",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="NAME=VALUE",
            help="Probability above which a pixel belongs to a class, as TRL=0.3; may be repeated.",
            show_default=False,
            rich_help_panel="Decisions",
        ),
    ] = None,
    bad: Annotated[
        str | None,
        typer.Option(
            "--bad",
            metavar="NAMES",
            help="Classes whose pixels are bad, for BADBITS and --table; default all but BBG, NEB, FR.",
            show_default=False,
            rich_help_panel="Decisions",
        ),
    ] = None,
    config_dir: Annotated[
        Path | None,
        typer.Option(
            "--config-dir",
            help="Folder with classes.flags, classes.priors, classes.thresh, each optional.",
            show_default=False,
            rich_help_panel="Decisions",
        ),
    ] = None,
    views: Annotated[
        int,
        typer.Option(
            "--views",
            help="Test-time augmentation with 1, 2, 4 or 8 rotations and reflections; finds more, and "
            "takes that many times longer.",
            rich_help_panel="Decisions",
        ),
    ] = 1,
    streaks: Annotated[
        bool,
        typer.Option(
            "--streaks/--no-streaks",
            help="Also detect trails and diffraction spikes as lines; not with the published model.",
            rich_help_panel="Decisions",
        ),
    ] = True,
    saturation: Annotated[
        bool,
        typer.Option(
            "--saturation/--no-saturation",
            help="Also detect saturated pixels by the level that they share; not with the published model.",
            rich_help_panel="Decisions",
        ),
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Name, or folder with a card; `skysieve models list` shows the models and the default.",
            show_default=False,
        ),
    ] = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    batch_size: BatchSize = None,
    memory: Annotated[
        int | None,
        typer.Option(
            "--memory",
            min=200,
            help="Memory limit of one call of the network, in MB; default from the card of the model.",
            show_default=False,
            rich_help_panel="Speed",
        ),
    ] = None,
    tiling: Annotated[
        Tiling,
        typer.Option(
            "--tiling",
            help="published: tiles of 400 px with a step of 200 px.",
            rich_help_panel="Comparison with the published tools",
        ),
    ] = "fast",
    normalisation: NormalisationOption = "corrected",
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
    from skysieve.frames.mask.masker import MaskSettings
    from skysieve.frames.mask.model import DEFAULT_MODEL
    from skysieve.frames.mask.table import write_table

    start_logging()
    config = _read_config(config_dir)
    job = MaskJob(
        settings=MaskSettings(
            model=model or DEFAULT_MODEL,
            classes=_chosen_classes(classes, config),
            priors=_chosen_priors(priors, parse_assignments("--prior", prior or []), config),
            thresholds={
                **(config.thresholds if config else {}),
                **parse_assignments("--threshold", threshold or []),
            },
            bad=DEFAULT_BAD if bad is None else tuple(bad.split(",")),
            tiling=tiling,
            rules=normalisation,
            engine=engine,
            precision=precision,
            device=device,
            threads=threads,
            views=views,
            streaks=streaks,
            saturation=saturation,
            batch_size=batch_size,
            memory=memory,
        ),
        output=output,
        form=form,
        bits=bits,
        bits_from=bits_from,
        compression=None if compression == "auto" else compression,
        grow=",".join(grow or []),
        value=value,
        tool=tool,
        gzipped=gzipped,
        overwrite=True,  # whatever may not be replaced is left out below
        preview=preview,
        regions=regions,
        mask_hdu=parse_hdu(mask_hdu),
        mask_bits=mask_bits,
    )
    failures = Failures(debug=debug)
    if table is not None:
        check_target(table, overwrite=overwrite or resume)
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
    finally:  # what an interrupted run did is in the table too
        if table is not None and records:
            write_table(records, table, overwrite=overwrite or resume, extend=resume)
    if table is not None and records and not quiet:
        print(f"table: {table}")
    failures.finish(len(records), before=len(units) - len(todo))


def _read_config(folder: Path | None) -> ClassConfig | None:
    if folder is None:
        return None
    from skysieve.frames.mask.config_files import read_class_config

    return read_class_config(folder)


def _chosen_classes(names: str | None, config: ClassConfig | None) -> tuple[str, ...]:
    if names is not None:
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return config.classes if config else CLASS_NAMES


def _chosen_priors(
    source: Priors, given: Mapping[str, float], config: ClassConfig | None
) -> Mapping[str, float] | Literal["auto"] | None:
    if source != "default":
        if given:
            raise ConfigError(f"--prior does not go with --priors {source}")
        return "auto" if source == "auto" else None
    return {**(config.priors if config else {}), **given}


def _describe(unit: Location, record: MaskRecord) -> str:
    """Return the lines of a finished file: where the mask is, and what was found in each frame."""
    lines = [f"{printable(unit)} -> {printable(record.product)} ({record.seconds:.1f} s)"]
    for frame in record.frames:
        place = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
        found = [
            f"{name} {100 * part:.3g}%"
            for name, part in frame.fractions.items()
            if part > 0 and name != BACKGROUND
        ]
        lines.append(f"  {place} {frame.shape[1]} x {frame.shape[0]}: {', '.join(found) or 'nothing found'}")
    lines += [f"  {printable(note)}" for note in record.notes]
    lines += [f"  preview: {printable(path)}" for path in record.previews]
    return "\n".join(lines)
