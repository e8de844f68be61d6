"""``skysieve simulate``: simulate images with known truth."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import Debug, Jobs, Overwrite, Quiet
from skysieve.core.errors import ConfigError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from skysieve.frames.simulate.recipe import Recipe

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Simulate images with known truth.")
add_verb(
    app,
    "sky",
    "skysieve.cli.simulate_sky:simulate_sky",
    "Simulate the microwave sky in Planck's six high-frequency bands, with known clusters.",
)

SIDE = 1024
"""Default height and width of a frame."""

Output = Annotated[
    Path,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Output folder; intact frames of the same series are kept."
    ),
]
Count = Annotated[int, typer.Option("-n", "--frames", help="Number of frames.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed.")]
RecipeOption = Annotated[
    str, typer.Option("--recipe", help="Recipe: a YAML file, or the name of a recipe in the package.")
]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="PX|HxW", help=f"Size of a frame; default {SIDE}.", show_default=False),
]
Preview = Annotated[bool, typer.Option("--preview", help="Also write a contact sheet, preview.png.")]


@app.callback()
def simulate() -> None:
    """Simulate images with known truth."""


@app.command("contaminants")
def simulate_contaminants(
    output: Output,
    *,
    count: Count = 10,
    seed: Seed = 0,
    recipe: RecipeOption = "default",
    size: Size = None,
    clean_frames: Annotated[
        Path | None,
        typer.Option(
            "--clean-frames",
            metavar="DIR",
            help="Inject contaminants into your own frames, in turn, instead of a simulated sky.",
            show_default=False,
        ),
    ] = None,
    preview: Preview = False,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate frames with contaminants, and the true classes of each pixel.

    Each frame is a FITS file with its truth in the HDU TRUTH, a mask of bit planes. The folder also gets the
    table of all parameters, frames.ecsv, and the complete recipe, recipe.yaml.

    Examples
    --------
    `skysieve simulate contaminants -n 100 --seed 1 -o frames/ --recipe decam --preview`

    `skysieve simulate contaminants -n 20 -o mine/ --recipe my_camera.yaml --clean-frames night/ -j 4`
    """
    parsed = _read_recipe(recipe)
    from skysieve.cli.simulating import make_series
    from skysieve.frames.simulate.contaminants_files import (
        class_summary,
        write_parameter_table,
        write_truth_sheet,
    )
    from skysieve.frames.simulate.contaminants_job import SimulationJob

    if clean_frames is not None and size is not None:
        raise ConfigError("--size does not go with --clean-frames: real frames keep their size")
    job = SimulationJob(
        recipe=parsed,
        folder=output,
        shape=_shape(size),
        seed=seed,
        clean_frames=None if clean_frames is None else str(clean_frames),
        overwrite=overwrite,
    )
    make_series(
        job,
        count,
        processes=jobs,
        describe=class_summary,
        write_table=write_parameter_table,
        draw=write_truth_sheet if preview else None,
        command=_command(
            "contaminants",
            count,
            seed,
            size,
            *(["--clean-frames", str(clean_frames)] if clean_frames else []),
        ),
        quiet=quiet,
        debug=debug,
    )


@app.command("tracking")
def simulate_tracking(
    output: Output,
    *,
    count: Count = 10,
    seed: Seed = 0,
    recipe: RecipeOption = "default",
    size: Size = None,
    preview: Preview = False,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate frames with and without tracking errors.

    Each frame is a FITS file with its truth in the header: SLIP (T or F), SLIPKIND (kind of the error) and
    SLIPEXT (rms extent of the motion, in FWHM). The folder also gets the table of all parameters,
    frames.ecsv, and the complete recipe, recipe.yaml.

    Example: `skysieve simulate tracking -n 100 --seed 1 -o frames/ --preview`
    """
    parsed = _read_recipe(recipe)
    from skysieve.cli.simulating import make_series
    from skysieve.frames.simulate.tracking_files import write_parameter_table, write_sheet
    from skysieve.frames.simulate.tracking_job import TrackingSimulationJob

    job = TrackingSimulationJob(
        recipe=parsed, folder=output, shape=_shape(size), seed=seed, overwrite=overwrite
    )
    make_series(
        job,
        count,
        processes=jobs,
        describe=lambda record: f"{record.header['SLIPKIND']}, {record.header['SLIPEXT']} FWHM rms",
        write_table=write_parameter_table,
        draw=write_sheet if preview else None,
        command=_command("tracking", count, seed, size),
        quiet=quiet,
        debug=debug,
    )


@app.command("ghosts")
def simulate_ghosts(
    output: Output,
    *,
    count: Count = 10,
    seed: Seed = 0,
    recipe: RecipeOption = "ghosts",
    preview: Preview = False,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate focal planes of DECam, half of them with ghosts.

    Each picture is a FITS file with its truth in two HDUs: TRUTH has one bit per class, GHOSTS all pixels of
    each ghost. The folder also gets the annotations of all pictures, annotations.json (COCO), the table of
    all parameters, frames.ecsv, and the complete recipe, recipe.yaml.

    Example: `skysieve simulate ghosts -n 100 --seed 1 -o planes/ --preview`
    """
    require("simulation", "simulate")
    from skysieve.cli.simulating import make_series
    from skysieve.ghosts.simulate import read_ghost_recipe
    from skysieve.ghosts.simulate.files import described, write_sheet, write_truth
    from skysieve.ghosts.simulate.job import GhostSimulationJob

    parts = ["skysieve", "simulate", "ghosts", "-n", str(count), "--seed", str(seed)]
    make_series(
        GhostSimulationJob(read_ghost_recipe(recipe), output, seed=seed, overwrite=overwrite),
        count,
        processes=jobs,
        describe=described,
        write_table=write_truth,
        draw=write_sheet if preview else None,
        command=shlex.join([*parts, "--recipe", "recipe.yaml", "-o", "DIR"]),
        quiet=quiet,
        debug=debug,
        reader=read_ghost_recipe,
    )


@app.command("frame")
def simulate_frame(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Output FITS file; the HDU TRUTH has the truth.")
    ],
    *,
    seed: Seed = 0,
    width: Annotated[int, typer.Option("--width", min=64, help="Number of columns.")] = SIDE,
    height: Annotated[int, typer.Option("--height", min=64, help="Number of rows.")] = SIDE,
    recipe: RecipeOption = "showcase",
    overwrite: Overwrite = False,
    _debug: Debug = False,
) -> None:
    """Simulate one frame with every contaminant of the recipe.

    Example: `skysieve simulate frame -o frame.fits --seed 1`
    """
    parsed = _read_recipe(recipe)
    from skysieve.core.fits.fits_out import write_fits
    from skysieve.frames.simulate.contaminants_job import simulated_hdus
    from skysieve.frames.simulate.frame import simulate_frame as simulated
    from skysieve.frames.simulate.recipe import LAYERS

    wanted = ["SAT", *(name for name in LAYERS if parsed.contaminants[name].probability)]
    if parsed.overscan.probability:
        wanted.append("OV")
    frame = simulated((height, width), seed=seed, recipe=parsed, contaminants=wanted)
    write_fits(simulated_hdus(frame), output, overwrite=overwrite)
    print(f"frame: {output}")


def _read_recipe(recipe: str) -> Recipe:
    """Check that the packages for simulations are installed, and read the recipe."""
    require("simulation", "simulate")
    from skysieve.frames.simulate.recipe import read_recipe

    return read_recipe(recipe)


def _shape(size: str | None) -> tuple[int, int]:
    """Read a size, ``1024`` or ``512x1024``, as height and width."""
    if size is None:
        return SIDE, SIDE
    sides = size.lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdecimal() for side in sides):
        raise ConfigError(f"--size {size!r}: expected a side in pixels, or height x width, as 512x1024")
    return int(sides[0]), int(sides[-1])


def _command(verb: str, count: int, seed: int, size: str | None, *more: str) -> str:
    """Return the command that makes the same frames again, from the recipe in their folder."""
    height, width = _shape(size)
    sides = [] if more else ["--size", f"{height}x{width}"]
    parts = ["skysieve", "simulate", verb, "-n", str(count), "--seed", str(seed), *sides, *more]
    return shlex.join([*parts, "--recipe", "recipe.yaml", "-o", "DIR"])
