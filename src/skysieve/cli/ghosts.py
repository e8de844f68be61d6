"""``skysieve ghosts``: reflections and scattered light on whole focal planes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.default_verb import DefaultVerb
from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import (
    Debug,
    Device,
    EngineOption,
    Jobs,
    Overwrite,
    Paths,
    PrecisionOption,
    Quiet,
    Threads,
    parse_assignments,
)
from skysieve.core.printable import printable

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.ghosts.predict.job import GhostRecord

__all__ = ["app"]

app = typer.Typer(cls=DefaultVerb, help="Find ghosts and scattered light on whole focal planes.")


MOST_DEAD = 0.1
"""Part of the CCDs of a camera that may be without data and nothing is said: dead ones are known."""


Binning = Literal["medians", "samples"]
"""How the pixels of a CCD become those of the picture."""


@app.command(DefaultVerb.default)
def ghosts(
    paths: Paths,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Folder, or template with `{dir}`, `{stem}`, `{name}`, `{hdu}`; default "
            "`{dir}/{stem}.ghosts{hdu}.fits`.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip exposures whose products are there, intact and newer.")
    ] = False,
    jobs: Jobs = 1,
    preview: Annotated[bool, typer.Option("--preview", help="Also write a PNG of each focal plane.")] = False,
    regions: Annotated[
        bool, typer.Option("--regions", help="Also write the outlines as regions of SAOImage DS9.")
    ] = False,
    probabilities: Annotated[
        bool,
        typer.Option(
            "--probabilities", help="Also write the probability of each class at each place (FITS, PNG)."
        ),
    ] = False,
    ccd_masks: Annotated[
        bool,
        typer.Option("--ccd-masks", help="Also write a bit mask of each CCD, HDU for HDU in its own pixels."),
    ] = False,
    screen: Annotated[
        bool, typer.Option("--screen", help="Only tell which exposures have ghosts; write no products.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="Table of the ghosts; with --screen of the exposures (ECSV).", show_default=False
        ),
    ] = None,
    ccds: Annotated[
        Path | None,
        typer.Option("--ccds", help="Table of the CCDs that ghosts touch (ECSV).", show_default=False),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            "--exclude",
            help="List of these CCDs as DELVE keeps it: date, expnum, ccd, id, ccdnum.",
            show_default=False,
        ),
    ] = None,
    least: Annotated[
        float,
        typer.Option("--least", help="Part of a CCD that a ghost must cover to touch it.", min=0, max=1),
    ] = 0.01,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="NAME=VALUE",
            help="Least score of a class, as Faint=0.4; may be repeated.",
            show_default=False,
        ),
    ] = None,
    views: Annotated[
        int,
        typer.Option(
            "--views",
            metavar="1|2|4",
            help="Mirrored views that the network is shown; fewer are faster and find a little less.",
        ),
    ] = 4,
    mask_file: Annotated[
        str | None,
        typer.Option(
            "--mask-file",
            metavar="PATH",
            help="File whose non-zero pixels have no data, CCD by CCD; may hold `{dir}`, `{stem}`, `{name}`.",
            show_default=False,
        ),
    ] = None,
    mask_bits: Annotated[
        str | None,
        typer.Option(
            "--mask-bits",
            metavar="PLANES",
            help="Planes of the masks that mean no data, by name or value (`BAD,SAT` or `1,2`); by default "
            "every value but 0.",
            show_default=False,
        ),
    ] = None,
    binning: Annotated[
        Binning, typer.Option("--binning", help="samples: noisier, as in the published pictures.")
    ] = "medians",
    camera: Annotated[
        Path | None,
        typer.Option("--camera", help="Table of another camera than DECam (ECSV).", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Name, or folder with a card; `skysieve models list` names them and the default.",
            show_default=False,
        ),
    ] = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find ghosts and scattered light on whole focal planes, and the CCDs they touch.

    `skysieve ghosts predict --help` tells how to foretell them from a catalogue of stars.

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
    from skysieve.ghosts.predict.finder import GhostSettings
    from skysieve.ghosts.predict.job import GhostJob
    from skysieve.ghosts.predict.model import DEFAULT_MODEL
    from skysieve.ghosts.predict.tables import ccd_table, exposure_table, ghost_table, write_table

    start_logging()
    job = GhostJob(
        settings=GhostSettings(
            model=model or DEFAULT_MODEL,
            thresholds=parse_assignments("--threshold", threshold or []),
            views=views,
            engine=engine,
            precision=precision,
            device=device,
            threads=threads,
        ),
        camera_file=camera,
        output=output,
        mask_file=mask_file,
        mask_bits=mask_bits,
        least=least,
        screen=screen,
        ccd_masks=ccd_masks,
        preview=preview,
        regions=regions,
        probabilities=probabilities,
        binning=binning,
        overwrite=True,  # whatever may not be replaced is left out below
    )
    job.check()
    for path in (table, ccds):
        if path is not None:
            check_target(path, overwrite=overwrite or resume)
    if exclude is not None:
        check_target(exclude, overwrite=overwrite)
    failures = Failures(debug=debug)
    units = find_units(paths, job.units, failures)
    if not screen:
        units = with_own_product(units, job.product, failures, overwrite=overwrite or resume)
    todo = [unit for unit in units if not (resume and is_done(job.product(unit), unit))]
    if len(todo) < len(units) and not quiet:
        print(f"{len(units) - len(todo)} of {len(units)} files are done already")
    records: dict[Location, GhostRecord] = {}
    describe = _screened if screen else _described
    try:
        records.update(
            run_and_report(job, todo, processes=jobs, failures=failures, describe=describe, quiet=quiet)
        )
    finally:  # what an interrupted run did is in the tables too
        made = [
            (table, exposure_table(records) if screen else ghost_table(records)),
            (ccds, ccd_table(records, job.camera())),
        ]
        for path, content in made:
            if path is not None and records:
                write_table(content, path, files=map(str, records), overwrite=overwrite, extend=resume)
        if exclude is not None and records:
            with atomic_write(exclude, overwrite=overwrite) as temporary:
                temporary.write_text(exclusion_list(records, job.camera()), encoding="utf-8")
    failures.finish(len(records), before=len(units) - len(todo))


add_verb(
    app,
    "predict",
    "skysieve.cli.ghosts_predict:ghosts_predict",
    "Foretell the reflections of bright stars on DECam's focal plane, by ray tracing, without an exposure.",
)


def _screened(unit: Location, record: GhostRecord) -> str:
    return f"{printable(unit)} {record.probability:.4f}{_lacking(record)}"


def _described(unit: Location, record: GhostRecord) -> str:
    """Return the lines of a finished exposure: its products, and where each ghost is."""
    lines = [f"{printable(unit)} -> {printable(record.products[0])} ({record.seconds:.1f} s)"]
    for ghost in record.ghosts:
        touched = ", ".join(f"{number} ({100 * part:.0f}%)" for number, part in ghost.ccds.items())
        lines.append(f"  {ghost.number} {ghost.class_name} {ghost.score:.2f}: CCDs {touched or 'none'}")
    if not record.ghosts:
        lines.append("  no ghosts")
    if lacking := _lacking(record):
        lines.append(f" {lacking}")
    lines += [f"  also: {printable(path)}" for path in record.products[1:]]
    return "\n".join(lines)


def _lacking(record: GhostRecord) -> str:
    """Return what to say where more CCDs have no data than the dead ones of a camera."""
    count, whole = len(record.ccds), len(record.ccds) + len(record.missing)
    if len(record.missing) <= MOST_DEAD * whole:
        return ""
    listed = " ".join(map(str, record.missing))
    return f" only {count} of {whole} CCDs have data: nothing is known of {listed}"
