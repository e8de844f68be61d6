"""``skysieve train``: train networks, from scratch or from an existing model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from skysieve.cli.options import Messages
from skysieve.cli.settings_options import takes_settings
from skysieve.clusters.search.settings import ClusterOptions
from skysieve.clusters.train.settings import ClusterTrainSettings
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.extras import require
from skysieve.core.training.settings import TrainingFolder
from skysieve.frames.train.settings import ContaminantTrainSettings, TrackingTrainSettings
from skysieve.ghosts.train.settings import GhostTrainSettings

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.core.training.settings import TrainSettings
    from skysieve.core.training.task import TrainingTask

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Train networks on simulated frames, or on your own.")


@app.command("contaminants")
@takes_settings
def train_contaminants(
    folder: TrainingFolder, settings: ContaminantTrainSettings, messages: Messages
) -> None:
    """Train the network that masks contaminants.

    The model is written to the folder `model` of the output, for `skysieve mask --model`. Ctrl-C loses no
    finished work: the same command resumes the training.

    Example: `skysieve train contaminants -o mine --init skysieve --clean-frames nights/ --steps 2000`
    """
    recipe = _read_recipe(settings)
    from skysieve.frames.train.contaminants import ContaminantTraining
    from skysieve.frames.train.revision import RevisionTraining

    training = RevisionTraining if recipe.network.kind == "revision" else ContaminantTraining
    task = training(recipe, kept=settings.kept)
    if settings.footprints:
        task.use_footprints(settings.footprints)
    if settings.clean_frames is not None:
        task.use_clean_frames(settings.clean_frames)
    _train(task, folder.output, settings, messages)


@app.command("tracking")
@takes_settings
def train_tracking(folder: TrainingFolder, settings: TrackingTrainSettings, messages: Messages) -> None:
    """Train the network that detects tracking errors.

    The model is written to the folder `model` of the output, for `skysieve track --model`. Ctrl-C loses no
    finished work: the same command resumes the training.

    Example: `skysieve train tracking -o mine`
    """
    recipe = _read_recipe(settings)
    from skysieve.frames.train.tracking import TrackingTraining

    _train(TrackingTraining(recipe, kept=settings.kept), folder.output, settings, messages)


@app.command("ghosts")
@takes_settings
def train_ghosts(folder: TrainingFolder, settings: GhostTrainSettings, messages: Messages) -> None:
    """Train the network that finds ghosts on focal planes.

    The model is written to the folder `model` of the output. Ctrl-C loses no finished work: the same command
    resumes the training.

    Example: `skysieve train ghosts -o mine --pictures planes/ --annotations a.json --annotations b.json`
    """
    recipe = _read_recipe(settings)
    settings.check()
    from skysieve.ghosts.annotations.picture_names import read_picture_names
    from skysieve.ghosts.train.real_ghosts import RealGhosts
    from skysieve.ghosts.train.training import GhostTraining

    task = GhostTraining(recipe)
    if settings.pictures is not None:
        wanted = None if settings.names is None else read_picture_names(settings.names)
        task.real = RealGhosts.read(settings.pictures, settings.annotations, names=wanted)
    _train(task, folder.output, settings, messages)


@app.command("clusters")
@takes_settings
def train_clusters(folder: TrainingFolder, settings: ClusterTrainSettings, messages: Messages) -> None:
    """Train a network that finds clusters of galaxies in microwave maps.

    The model is written to the folder `model` of the output, for `skysieve clusters find --model`. At the end
    the scores of candidates are calibrated by a search of the validation tiles, and written into the card of
    the model. Ctrl-C loses no finished work: the same command resumes the training.

    Example: `skysieve train clusters --maps sky1/ --maps sky2/ -o mine --network unet3+ --loss tversky`
    """
    recipe = _read_recipe(settings)
    from skysieve.clusters.train.sky_files import read_skies
    from skysieve.clusters.train.training import ClusterTraining
    from skysieve.core.execution.terminal_log import start_logging

    start_logging(verbose=not messages.quiet)
    skies = read_skies(settings.maps, recipe.labels, bands=recipe.patches.bands)
    model = _train(ClusterTraining(recipe, skies), folder.output, settings, messages)
    if model is not None and settings.scores:
        latitude = max(recipe.patches.latitude, ClusterOptions.galactic_cut)
        _fit_scores(model.folder, settings.maps, latitude)


def _fit_scores(folder: Path, maps: list[Path], latitude: float) -> None:
    """Calibrate the scores of candidates; if that fails, log a warning and keep the model without them."""
    import logging

    from skysieve.clusters.evaluate.score_fitting import fit_scores

    try:
        fit_scores(folder, maps, galactic_cut=latitude)
    except (ConfigError, SourceError) as error:
        logging.getLogger("skysieve").warning("scores of candidates are not fitted: %s", error)


def _read_recipe(settings: TrainSettings) -> TrainingRecipe:
    """Check that the packages for training are installed, and return the recipe of the training."""
    require("training", "train")
    from skysieve.core.training import processors  # noqa: F401 (imported before torch; the module says why)
    from skysieve.core.training.recipe import read_training_recipe

    recipe = read_training_recipe(settings.recipe, settings.kinds)
    if recipe.job != settings.kinds.job:
        raise ConfigError(f"recipe {settings.recipe} is for {recipe.job}: use `skysieve train {recipe.job}`")
    return settings.changed(recipe)


def _train(task: TrainingTask, folder: Path, settings: TrainSettings, messages: Messages) -> Model | None:
    """Train a network, and return the model; with several GPUs, only in the first process."""
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.training.devices import process_rank
    from skysieve.core.training.fit import fit

    if settings.init is not None:
        task.start_from(settings.init)
    # each GPU has a process that runs this command; only one of them logs
    start_logging(verbose=not messages.quiet and process_rank() == 0)
    model = fit(task, folder, workers=settings.workers, device=settings.device, progress=not messages.quiet)
    if model is not None:
        print(f"model: {model.folder}")
    return model
