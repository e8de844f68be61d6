"""Statistics of the training frames of a model, for the detection of out-of-distribution frames.

They are stored in the card of the model.  The last step of a training measures them, and ``skysieve models
calibrate-domain`` measures them again for a model whose weights, simulation or statistics have changed.
Neither training nor torch is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.models.card import update_card
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

__all__ = [
    "DOMAIN_SEED",
    "RECIPES",
    "calibrate_domain",
    "simulated_pixels",
]

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
