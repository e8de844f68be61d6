"""``skysieve train``: networks of one's own, from scratch or from ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Quiet
from skysieve.errors import ConfigError

if TYPE_CHECKING:
    from skysieve.training.fit import Trainee
    from skysieve.training.recipe import TrainingRecipe

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Train networks on simulated frames, or on your own.")

RecipeOption = Annotated[
    str, typer.Option("--recipe", help="Recipe of the training: a YAML file, or the name of ours.")
]
Output = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="Folder for checkpoints, curves and the model; it goes on if it stopped."
    ),
]
Init = Annotated[
    str | None,
    typer.Option(
        "--init", metavar="MODEL", help="Model to start from: a name or a folder.", show_default=False
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes that simulate; by default one less than processors.",
        show_default=False,
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="auto, cpu or cuda; cuda takes every GPU that is visible.")
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Batches, over the recipe's number.", show_default=False),
]


@app.callback()
def train() -> None:
    """Train networks on simulated frames, or on your own."""


@app.command("contaminants")
def train_contaminants(
    output: Output,
    *,
    recipe: RecipeOption = "contaminants",
    clean_frames: Annotated[
        Path | None,
        typer.Option(
            "--clean-frames",
            metavar="DIR",
            help="Your own frames, free of contaminants: these are put into pieces of them.",
            show_default=False,
        ),
    ] = None,
    init: Init = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train the network that masks contaminants.

    Example: `skysieve train contaminants -o mine --init skysieve --clean-frames nights/ --steps 2000`
    """
    _room()
    from skysieve.training.contaminants import ContaminantTraining

    chosen = _recipe(recipe, "contaminants", steps)
    trainee = ContaminantTraining(chosen)
    if clean_frames is not None:
        trainee.use_clean_frames(clean_frames)
    if init is not None:
        trainee.start_from(init)
    _fit(trainee, output, workers=workers, device=device, quiet=quiet)


@app.command("tracking")
def train_tracking(
    output: Output,
    *,
    recipe: RecipeOption = "tracking",
    init: Init = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train the network that tells whether the telescope slipped.

    Example: `skysieve train tracking -o mine`
    """
    _room()
    from skysieve.training.tracking import TrackingTraining

    trainee = TrackingTraining(_recipe(recipe, "tracking", steps))
    if init is not None:
        trainee.start_from(init)
    _fit(trainee, output, workers=workers, device=device, quiet=quiet)


def _room() -> None:
    """Make sure that what training needs is installed."""
    try:
        import lightning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"training needs {error.name}: pip install 'skysieve[train]'") from error


def _recipe(name: str, job: str, steps: int | None) -> TrainingRecipe:
    from dataclasses import replace

    from skysieve.training.recipe import read_training_recipe

    recipe = read_training_recipe(name)
    if recipe.job != job:
        raise ConfigError(f"recipe {name} is for {recipe.job}: use `skysieve train {recipe.job}`")
    return recipe if steps is None else replace(recipe, steps=steps)


def _fit(trainee: Trainee, folder: Path, *, workers: int | None, device: str, quiet: bool) -> None:
    from skysieve.cli.running import start_logging
    from skysieve.training.fit import fit

    start_logging(verbose=not quiet)
    model = fit(trainee, folder, workers=workers, device=device)
    print(f"model: {model.folder}")
