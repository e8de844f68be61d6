"""Statistics of the training frames of a model, for the detection of out-of-distribution frames.

They are stored in the card of the model.  The last step of a training measures them, and ``skysieve models
calibrate-domain`` measures them again for a model whose weights, simulation or statistics have changed.
Neither training nor torch is needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.models.card import read_model, update_card
from skysieve.frames.image.domain import measure_statistics, reference_quantiles
from skysieve.frames.image.usable import UsableFrame
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.optics import PsfBank
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.track.model import TRACKING
from skysieve.frames.train.injected import CleanFolder, InjectedFrames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.models.card import Model
    from skysieve.frames.image.frame_statistics import Measured
    from skysieve.frames.train.settings import DomainSettings

__all__ = [
    "DOMAIN_SEED",
    "RECIPES",
    "calibrate_domain",
    "calibrate_on_recipe",
    "simulated_pixels",
]

logger = logging.getLogger(__name__)

LOG_INTERVAL = 50
"""Number of frames between two progress messages in the log."""

DOMAIN_SEED = 3_000_003

RECIPES: dict[str, str] = {CONTAMINANTS.name: "default", TRACKING.name: "tracking"}
"""Default recipe of the simulated training frames of each job."""


def calibrate_domain(model: Model, frames: Iterable[NDArray[np.float32]]) -> Model:
    """Measure the statistics of training frames and of their predictions, and write them into the card.

    Parameters
    ----------
    model
        Model for contaminants or tracking, in a folder of its own.
    frames
        Pixels ``(H, W)`` float32 of training frames, in any unit.

    Returns
    -------
    Model
        The model with its new card.

    Raises
    ------
    ConfigError
        If the model is for another job, or no frame can be measured.
    OutputError
        If the card cannot be written.
    """
    if model.card.job not in RECIPES:
        raise ConfigError(
            f"model {model.card.name!r} is for {model.card.job}; expected {' or '.join(RECIPES)}"
        )
    reference = reference_quantiles(_statistics(model, frames))
    if not reference:
        raise ConfigError(f"model {model.card.name!r}: no frame to measure the domain by")
    return update_card(model, domain=reference)


def calibrate_on_recipe(settings: DomainSettings) -> tuple[Model, str]:
    """Simulate training frames of a model, and write their statistics into its card.

    Parameters
    ----------
    settings
        The model, and its training frames.

    Returns
    -------
    Model
        The model with its new card.
    str
        Recipe of the frames.

    Raises
    ------
    ConfigError
        If the settings do not fit the model, or no frame can be measured.
    OutputError
        If the card cannot be written.
    """
    model = read_model(settings.folder)
    job, count, clean = model.card.job, settings.frames, settings.clean_frames
    recipe = settings.recipe or RECIPES.get(job, "default")
    if clean is not None and job != CONTAMINANTS.name:
        raise ConfigError(f"--clean-frames: models for {job} are not trained on clean frames")
    seed = DOMAIN_SEED + settings.seed
    pixels = simulated_pixels(job, recipe, count=count, side=settings.side, seed=seed, clean=clean)
    return calibrate_domain(model, _with_progress(pixels, count)), recipe


def simulated_pixels(
    job: str, recipe: str | Path, *, count: int, side: int, seed: int, clean: Path | None = None
) -> Iterator[NDArray[np.float32]]:
    """Yield the pixels ``(side, side)`` of simulated training frames.

    Parameters
    ----------
    job
        Job of the training, ``contaminants`` or ``tracking``.
    recipe
        Recipe of the simulation: a name or a YAML file.
    count, side, seed
        Number of frames, their side in pixels, and the seed.
    clean
        Folder of clean frames of the training, if any; every second frame is then one with injected
        contaminants.

    Yields
    ------
    numpy.ndarray
        ``(side, side)`` float32, in ADU.

    Raises
    ------
    ConfigError
        If the recipe is not valid, or the folder contains no usable frames.
    SourceError
        If the folder cannot be read.
    """
    scene = read_recipe(recipe)
    bank = PsfBank(scene.optics)
    injected = None if clean is None else InjectedFrames(CleanFolder(str(clean), side), scene, side, seed)
    for number in range(count):
        if injected is not None and number % 2:
            yield injected.frame(number)[0]
            continue
        rng = np.random.default_rng([seed, number])
        if job == TRACKING.name:
            from skysieve.frames.simulate.tracking_scene import simulate_tracking_frame

            yield simulate_tracking_frame((side, side), seed=rng, recipe=scene, bank=bank).pixels
        else:
            yield simulate_frame((side, side), seed=rng, recipe=scene, bank=bank).pixels


def _statistics(model: Model, frames: Iterable[NDArray[np.float32]]) -> Iterator[dict[str, Measured]]:
    masker = None
    if model.card.job == CONTAMINANTS.name:
        masker = Masker(MaskSettings(model=str(model.folder)))
    for pixels in frames:
        frame = ArrayFrame(pixels)
        found = measure_statistics(UsableFrame(frame).sky)
        if masker is not None:
            try:
                found |= masker.mask(frame).statistics
            except FrameError:  # a frame without noise
                continue
        yield found


def _with_progress(frames: Iterator[NDArray[np.float32]], total: int) -> Iterator[NDArray[np.float32]]:
    for number, pixels in enumerate(frames, start=1):
        yield pixels
        if number % LOG_INTERVAL == 0:
            logger.info("%d of %d frames", number, total)
