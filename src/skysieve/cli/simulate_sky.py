"""``skysieve simulate sky``: simulate microwave skies with known clusters."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Jobs, Overwrite, Quiet
from skysieve.core.extras import require

if TYPE_CHECKING:
    from skysieve.clusters.simulate.files import SimulatedBand, SkySimulationJob
    from skysieve.core.fits.locations import Location

__all__ = ["simulate_sky"]


def simulate_sky(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Output folder; intact maps of the same sky are kept."
        ),
    ],
    *,
    nside: Annotated[int, typer.Option("--nside", help="Resolution of the maps, a power of two.")] = 2048,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed.")] = 0,
    cap: Annotated[
        float | None,
        typer.Option(
            "--cap",
            metavar="DEGREES",
            help="Simulate only a cap of this radius around the north Galactic pole; default: whole sky.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe", help="Recipe of the sky: a YAML file, or the name of a recipe in the package."
        ),
    ] = "planck",
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="Threads for the synthesis of one band.")
    ] = 1,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate the microwave sky in Planck's six high-frequency bands, with known clusters.

    Each band is a HEALPix map in Galactic coordinates, sky_100.fits and so on, in the unit of Planck's own
    maps. The folder also gets the clusters, clusters.fits, the compact sources, sources.fits, and the
    complete recipe, recipe.yaml. An interrupted run is resumed by the same command.

    Examples
    --------
    `skysieve simulate sky -o sky/ --seed 1`

    `skysieve simulate sky -o small/ --seed 1 --cap 12 --recipe my_sky.yaml`
    """
    require("simulating skies", "sky")
    from skysieve.cli.running import Failures, run_and_report, start_logging
    from skysieve.clusters.simulate.files import SkySimulationJob, write_truth
    from skysieve.clusters.simulate.recipe import read_sky_recipe

    start_logging()
    job = SkySimulationJob(
        read_sky_recipe(recipe),
        output,
        nside=nside,
        seed=seed,
        cap=cap,
        overwrite=overwrite,
        threads=threads,
    )
    job.check()
    _write_recipe(job)
    clusters, sources = write_truth(job)
    if not quiet:
        truth = job.truth
        print(f"{clusters}: {len(truth.clusters)} clusters; {sources}: {len(truth.sources)} sources")
    failures = Failures(debug=debug)
    done = list(
        run_and_report(
            job,
            job.units(),
            processes=jobs,
            failures=failures,
            describe=_describe,
            quiet=quiet,
            what="maps",
        )
    )
    failures.finish(len(done))


def _describe(unit: Location, record: SimulatedBand) -> str:
    return (
        f"{unit}: rms {record.rms:.3g} {record.unit} ({'kept' if record.kept else f'{record.seconds:.0f} s'})"
    )


def _write_recipe(job: SkySimulationJob) -> None:
    """Write the complete recipe; this also shows, before any work, whether the folder can be written."""
    from skysieve._version import __version__
    from skysieve.clusters.simulate.recipe import read_sky_recipe
    from skysieve.core.atomic import atomic_write
    from skysieve.core.errors import OutputError

    path = job.folder / "recipe.yaml"
    if path.exists() and not job.overwrite and read_sky_recipe(path) != job.recipe:
        raise OutputError(f"{path} is another recipe: use --overwrite, or another --output")
    parts = ["skysieve", "simulate", "sky", "--nside", str(job.nside), "--seed", str(job.seed)]
    parts += [] if job.cap is None else ["--cap", f"{job.cap:g}"]
    command = shlex.join([*parts, "--recipe", "recipe.yaml", "-o", "DIR"])
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(
            f"# skysieve {__version__}; this sky once more:\n# {command}\n{job.recipe.to_yaml()}",
            encoding="utf-8",
        )
