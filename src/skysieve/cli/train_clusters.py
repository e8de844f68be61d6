"""``skysieve train clusters``: train networks that find galaxy clusters, on maps with known clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import Debug, Quiet
from skysieve.cli.train import (
    Device,
    Init,
    Output,
    RecipeOption,
    Steps,
    Workers,
    chosen_recipe,
    run_training,
)
from skysieve.core.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["train_clusters"]

GALACTIC_CUT = 15.0
"""Galactic latitude in degrees below which candidates are not searched for; as the default of a search."""


NetworkKind = Literal["unet", "vnet", "unet++", "r2unet", "attention-unet", "resunet-a", "u2net", "unet3+"]
"""Network architectures."""

LossKind = Literal[
    "bce", "focal", "dice", "focal-dice", "tversky", "focal-tversky", "combo", "cosine-tversky", "mixed-focal"
]
"""Loss functions."""


def train_clusters(
    output: Output,
    *,
    maps: Annotated[
        list[Path],
        typer.Option(
            "--maps",
            metavar="DIR",
            help="Folder with maps, clusters.fits and sources.fits, written by `skysieve simulate sky`; "
            "may be repeated.",
            show_default=False,
        ),
    ],
    recipe: RecipeOption = "clusters",
    network: Annotated[
        NetworkKind | None,
        typer.Option("--network", help="Architecture, instead of that in the recipe.", show_default=False),
    ] = None,
    loss: Annotated[
        LossKind | None,
        typer.Option("--loss", help="Loss, instead of that in the recipe.", show_default=False),
    ] = None,
    init: Init = None,
    workers: Workers = None,
    device: Device = "auto",
    steps: Steps = None,
    scores: Annotated[
        bool,
        typer.Option(
            "--scores/--no-scores",
            help="Calibrate the scores of candidates at the end, by searching the maps.",
        ),
    ] = True,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Train a network that finds clusters of galaxies in microwave maps.

    The model is written to the folder `model` of the output, for `skysieve clusters find --model`. At the end
    the scores of candidates are calibrated by a search of the validation tiles, and written into the card of
    the model. Ctrl-C loses no finished work: the same command resumes the training.

    Example: `skysieve train clusters --maps sky1/ --maps sky2/ -o mine --network unet3+ --loss tversky`
    """
    chosen = chosen_recipe(recipe, "clusters", steps)
    chosen = _modified(chosen, network, loss)
    from skysieve.cli.running import start_logging
    from skysieve.clusters.train.sky_files import read_skies
    from skysieve.clusters.train.training import ClusterTraining

    start_logging(verbose=not quiet)
    skies = read_skies(maps, chosen.labels, bands=chosen.patches.bands)
    task = ClusterTraining(chosen, skies)
    if init is not None:
        task.start_from(init)
    model = run_training(task, output, workers=workers, device=device, quiet=quiet)
    if model is not None and scores:
        _fit_scores(model.folder, maps, max(chosen.patches.latitude, GALACTIC_CUT))


def _fit_scores(folder: Path, maps: list[Path], latitude: float) -> None:
    """Calibrate the scores of candidates; if that fails, log a warning and keep the model without them."""
    import logging

    from skysieve.clusters.evaluate.score_fitting import fit_scores

    try:
        fit_scores(folder, maps, galactic_cut=latitude)
    except (ConfigError, SourceError) as error:
        logging.getLogger("skysieve").warning("scores of candidates are not fitted: %s", error)


def _modified(recipe: TrainingRecipe, network: NetworkKind | None, loss: LossKind | None) -> TrainingRecipe:
    """Return the recipe with another architecture of the same widths, or another loss (default exponent)."""
    from dataclasses import replace

    if network is not None:
        recipe = replace(recipe, network=replace(recipe.network, kind=network))
    if loss is not None and loss != recipe.loss.kind:
        recipe = replace(recipe, loss=recipe.loss.of_kind(loss))
    return recipe
