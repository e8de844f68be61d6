"""``skysieve models calibrate-domain``: measure the statistics of a model's training frames."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug
from skysieve.core.errors import ConfigError
from skysieve.core.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["calibrate_domain"]

logger = logging.getLogger(__name__)

FRAMES, MIN_FRAMES = 600, 20
SIDE, MIN_SIDE = 512, 256
LOG_INTERVAL = 50
"""Number of frames between two progress messages in the log."""


def calibrate_domain(
    folder: Annotated[Path, typer.Argument(help="Folder of a model for contaminants or tracking.")],
    *,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="Recipe of its training frames: a YAML file, or the name of a recipe in the package; "
            "default: that of the model's job.",
            show_default=False,
        ),
    ] = None,
    clean_frames: Annotated[
        Path | None,
        typer.Option(
            "--clean-frames",
            help="Folder of clean frames used in its training, if any; every second frame uses them.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[int, typer.Option("-n", "--frames", help="Number of frames to simulate.")] = FRAMES,
    side: Annotated[int, typer.Option("--side", help="Side of the simulated frames, in pixels.")] = SIDE,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed.")] = 0,
    _debug: Debug = False,
) -> None:
    """Measure statistics of training frames; `mask` and `track` warn of frames that differ from them.

    Simulates frames, runs the network on them, and writes quantiles of all statistics into the model's card.
    Run it after the weights or the simulation have changed. It does not train, and takes a few minutes.

    Example: `skysieve models calibrate-domain run/model`
    """
    require("calibrate-domain", "simulate", "galsim", "yaml")
    if frames < MIN_FRAMES:
        raise ConfigError(f"--frames {frames}: expected {MIN_FRAMES} or more")
    if side < MIN_SIDE:
        raise ConfigError(f"--side {side}: expected {MIN_SIDE} px or more")
    from skysieve.core.models.card import read_model
    from skysieve.frames.mask.model import CONTAMINANTS
    from skysieve.frames.train.domain import DOMAIN_SEED, RECIPES, simulated_pixels
    from skysieve.frames.train.domain import calibrate_domain as calibrate

    model = read_model(folder)
    drawn = recipe or RECIPES.get(model.card.job, "default")
    if clean_frames is not None and model.card.job != CONTAMINANTS.name:
        raise ConfigError(f"--clean-frames: models for {model.card.job} are not trained on clean frames")
    pixels = simulated_pixels(
        model.card.job, drawn, count=frames, side=side, seed=DOMAIN_SEED + seed, clean=clean_frames
    )
    done = calibrate(model, _with_progress(pixels, frames))
    print(f"{done.folder}: domain of {len(done.card.domain)} statistics from {frames} frames of {drawn}")


def _with_progress(frames: Iterator[NDArray[np.float32]], total: int) -> Iterator[NDArray[np.float32]]:
    for number, pixels in enumerate(frames, start=1):
        yield pixels
        if number % LOG_INTERVAL == 0:
            logger.info("%d of %d frames", number, total)
