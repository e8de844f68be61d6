"""``skysieve models calibrate-domain``: measure again what the training frames of a model look like."""

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

FRAMES, LEAST_FRAMES = 600, 20
SIDE, LEAST_SIDE = 512, 256
EVERY = 50
"""Frames after which the log says how far it is."""


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
    """Measure what training frames look like, by which `mask` and `track` warn of frames unlike them.

    Simulates frames, shows them to the network, and writes quantiles of all statistics into the model's card.
    Do so after the weights or the simulation have changed. It trains nothing, and takes a few minutes.

    Example: `skysieve models calibrate-domain run/model`
    """
    require("calibrate-domain", "simulate", "galsim", "yaml")
    if frames < LEAST_FRAMES:
        raise ConfigError(f"--frames {frames}: expected {LEAST_FRAMES} or more")
    if side < LEAST_SIDE:
        raise ConfigError(f"--side {side}: expected {LEAST_SIDE} px or more")
    from skysieve.core.models.card import read_model
    from skysieve.frames.mask.model import JOB
    from skysieve.frames.train.domain import DOMAIN_SEED, RECIPES, simulated_pixels
    from skysieve.frames.train.domain import calibrate_domain as calibrate

    model = read_model(folder)
    drawn = recipe or RECIPES.get(model.card.job, "default")
    if clean_frames is not None and model.card.job != JOB:
        raise ConfigError(f"--clean-frames: models for {model.card.job} are not trained on clean frames")
    pixels = simulated_pixels(
        model.card.job, drawn, count=frames, side=side, seed=DOMAIN_SEED + seed, clean=clean_frames
    )
    done = calibrate(model, _counted(pixels, frames))
    print(f"{done.folder}: domain of {len(done.card.domain)} statistics from {frames} frames of {drawn}")


def _counted(frames: Iterator[NDArray[np.float32]], total: int) -> Iterator[NDArray[np.float32]]:
    for number, pixels in enumerate(frames, start=1):
        yield pixels
        if number % EVERY == 0:
            logger.info("%d of %d frames", number, total)
