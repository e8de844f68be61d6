"""``skysieve train``: train networks, from scratch or from an existing model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.lazy_verb import add_verb
from skysieve.cli.options import Debug, Names, Quiet
from skysieve.core.errors import ConfigError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import Job, TrainingRecipe
    from skysieve.core.training.task import TrainingTask

__all__ = ["app", "chosen_recipe", "run_training"]

app = typer.Typer(no_args_is_help=True, help="Train networks on simulated frames, or on your own.")
add_verb(
    app,
    "clusters",
    "skysieve.cli.train_clusters:train_clusters",
    "Train a network that finds clusters of galaxies in microwave maps.",
)


TrainingDevice = Literal["auto", "cpu", "cuda"]
"""Devices on which networks are trained."""

RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe", help="Recipe of the training: a YAML file, or the name of a recipe in the package."
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="Output folder for checkpoint, curves and model; an interrupted training in it is resumed.",
        show_default=False,
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
        help="Number of processes that simulate; by default one per CPU core.",
        show_default=False,
    ),
]
Device = Annotated[
    TrainingDevice,
    typer.Option("--device", help="auto: the GPUs if torch finds any; cuda: all visible GPUs."),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps", min=1, help="Number of batches, instead of that in the recipe.", show_default=False
    ),
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
            help="Your own frames without contaminants; simulated contaminants are injected into crops "
            "of them.",
            show_default=False,
        ),
    ] = None,
    footprints: Annotated[
        list[Path] | None,
        typer.Option(
            "--footprints",
            metavar="FILE",
            help="Footprints of real cosmic rays (npz), used for half of the cosmic rays; may be repeated.",
            show_default=False,
        ),
    ] = None,
    init: Init = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="For recipes that train a revision: folder in which frames are stored with the predictions "
            "of the first network, and reused.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train the network that masks contaminants.

    The model is written to the folder `model` of the output, for `skysieve mask --model`. Ctrl-C loses no
    finished work: the same command resumes the training.

    Example: `skysieve train contaminants -o mine --init skysieve --clean-frames nights/ --steps 2000`
    """
    chosen = chosen_recipe(recipe, "contaminants", steps)
    from skysieve.frames.train.contaminants import ContaminantTraining
    from skysieve.frames.train.revision import RevisionTraining

    revises = chosen.network.kind == "revision"
    if kept is not None and not revises:
        raise ConfigError(f"--keep: recipe {recipe} trains no revision, whose frames alone are kept")
    task = RevisionTraining(chosen, kept=kept) if revises else ContaminantTraining(chosen)
    if footprints:
        task.use_footprints(footprints)
    if clean_frames is not None:
        task.use_clean_frames(clean_frames)
    if init is not None:
        task.start_from(init)
    run_training(task, output, workers=workers, device=device, quiet=quiet)


@app.command("tracking")
def train_tracking(
    output: Output,
    *,
    recipe: RecipeOption = "tracking",
    init: Init = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Folder in which simulated frames are stored and reused.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train the network that detects tracking errors.

    The model is written to the folder `model` of the output, for `skysieve track --model`. Ctrl-C loses no
    finished work: the same command resumes the training.

    Example: `skysieve train tracking -o mine`
    """
    chosen = chosen_recipe(recipe, "tracking", steps)
    from skysieve.frames.train.tracking import TrackingTraining

    task = TrackingTraining(chosen, kept=kept)
    if init is not None:
        task.start_from(init)
    run_training(task, output, workers=workers, device=device, quiet=quiet)


@app.command("ghosts")
def train_ghosts(
    output: Output,
    *,
    recipe: RecipeOption = "ghosts",
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures",
            metavar="DIR",
            help="Real focal planes with ghosts, which are injected into simulated planes; see "
            "--annotations.",
            show_default=False,
        ),
    ] = None,
    annotations: Annotated[
        list[Path] | None,
        typer.Option(
            "--annotations",
            metavar="FILE",
            help="Annotations of one person, VIA or COCO; repeat it to use the majority of several people.",
            show_default=False,
        ),
    ] = None,
    names: Names = None,
    init: Init = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train the network that finds ghosts on focal planes.

    The model is written to the folder `model` of the output. Ctrl-C loses no finished work: the same command
    resumes the training.

    Example: `skysieve train ghosts -o mine --pictures planes/ --annotations a.json --annotations b.json`
    """
    chosen = chosen_recipe(recipe, "ghosts", steps)
    if (pictures is None) != (not annotations):
        raise ConfigError("--pictures and --annotations go together: give both, or none")
    if names is not None and pictures is None:
        raise ConfigError("--names chooses among --pictures: give these, too")
    from skysieve.ghosts.train.training import GhostTraining

    task = GhostTraining(chosen)
    if pictures is not None:
        from skysieve.cli.options import read_names
        from skysieve.ghosts.train.real_ghosts import RealGhosts

        wanted = None if names is None else read_names(names)
        task.real = RealGhosts.read(pictures, annotations or [], names=wanted)
    if init is not None:
        task.start_from(init)
    run_training(task, output, workers=workers, device=device, quiet=quiet)


def chosen_recipe(name: str, job: Job, steps: int | None) -> TrainingRecipe:
    """Check that the packages for training are installed, and read the recipe.

    Parameters
    ----------
    name
        Recipe: a YAML file, or the name of a recipe in the package.
    job
        Job that the recipe must be for.
    steps
        Number of batches instead of that in the recipe; None for the latter.

    Returns
    -------
    TrainingRecipe
        The recipe.

    Raises
    ------
    ConfigError
        If the recipe is for another job, or cannot be read.
    """
    require("training", "train")
    from dataclasses import replace

    from skysieve.core.training import processors  # noqa: F401 (imported before torch; the module says why)
    from skysieve.core.training.recipe import read_training_recipe

    recipe = read_training_recipe(name)
    if recipe.job != job:
        raise ConfigError(f"recipe {name} is for {recipe.job}: use `skysieve train {recipe.job}`")
    return recipe if steps is None else replace(recipe, steps=steps)


def run_training(
    task: TrainingTask, folder: Path, *, workers: int | None, device: TrainingDevice, quiet: bool
) -> Model | None:
    """Train a network and print the folder of the model.

    Parameters
    ----------
    task
        Network, data and loss.
    folder
        Output folder.
    workers
        Number of processes that simulate; None for one per CPU core.
    device
        Device to train on.
    quiet
        Whether to print errors only.

    Returns
    -------
    Model or None
        The model; None in all processes but the first, if several GPUs are used.
    """
    from skysieve.cli.running import start_logging
    from skysieve.core.training.devices import process_rank
    from skysieve.core.training.fit import fit

    # Each GPU has a process that runs this command; only one of them logs
    start_logging(verbose=not quiet and process_rank() == 0)
    model = fit(task, folder, workers=workers, device=device, progress=not quiet)
    if model is not None:
        print(f"model: {model.folder}")
    return model
