"""From a trained network for contaminants to a model: calibrated, measured, with its card."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch

from skysieve._version import __version__
from skysieve.core.evaluation.calibration import fit_platt
from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.models.card import ModelCard, Tiling
from skysieve.core.networks.margin import measure_margin
from skysieve.core.training.export import Calibration, write_model
from skysieve.frames.image.normalise import NAME as NORMALISATION
from skysieve.frames.mask.classes import CLASS_NAMES, NODATA
from skysieve.frames.mask.model import JOB
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.train.agreement import bf16_agreement
from skysieve.frames.train.thresholds import best_threshold
from skysieve.frames.train.validation import add_logits, average_precisions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.frames.networks.sieve_net import SieveNet

__all__ = ["DEFAULT_PRIORS", "CalibrationFrame", "tile_margin", "write_contaminant_model"]

DEFAULT_PRIORS = {
    "CR": 1.5e-3, "HCL": 1e-4, "DCL": 2e-4, "HP": 5e-5, "DP": 5e-5, "P": 2e-4, "TRL": 1e-3, "FR": 2e-3,
    "NEB": 1e-3, "SAT": 5e-4, "SP": 5e-4, "OV": 5e-3, "BBG": 0.1, "BG": 0.9,
}  # fmt: skip
"""Part of the pixels of ordinary frames in each class: of the order of the published defaults, but for bad
pixels, columns and persistence, which those call 10 to 100 times rarer than real detectors have them, and for
cosmic rays and fringes: with 1.5e-3, as in long exposures, whole tracks are found, not just their cores."""

MARGIN_FRAMES = 12
AGREEMENT_FRAMES = 16
BYTES_PER_PIXEL: dict[Literal["f32", "bf16"], int] = {"f32": 330, "bf16": 320}
"""As measured in calls of the engine; both precisions hold float32 at their widest."""

BYTES_OF_REVISION = 80
"""What a revision adds to these: its input lies beside its output."""

MEMORY = 440
"""Of a call, in MB: larger tiles are hardly faster, and a frame of 2048 x 2048 px then needs some 650 MB."""

LEAST_MARGIN, LARGEST_MARGIN, MARGIN_STEP = 32, 128, 16
CHANGE, PART = 0.05, 1e-3
"""At most this part of the probabilities beyond the margin may change by more than that."""


class CalibrationFrame(NamedTuple):
    """A frame whose truth is known.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32 in units of the noise.
    bits
        ``(H, W)`` int16, codes of classes; that of NODATA for no data.
    """

    pixels: NDArray[np.float32]
    bits: NDArray[np.int16]


def write_contaminant_model(
    network: SieveNet | RevisedNet,
    frames: Iterable[CalibrationFrame],
    folder: Path,
    *,
    recipe: TrainingRecipe,
    facts: dict[str, Any],
) -> Model:
    """Calibrate a trained network and write it as a model, in place of one that is there.

    Parameters
    ----------
    network
        In evaluation mode, on the processor.
    frames
        Frames that it was not trained on, all of one size.
    folder
        Of the model.
    recipe
        How it was trained.
    facts
        What else the card shall say of the training.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    histograms = ScoreHistograms(CLASS_NAMES)
    first: list[CalibrationFrame] = []
    with torch.inference_mode():
        for frame in frames:
            logits = network(torch.from_numpy(frame.pixels)[None, None])
            add_logits(histograms, logits, torch.from_numpy(frame.bits)[None])
            if len(first) < AGREEMENT_FRAMES:
                first.append(frame)
    tallies = {name: histograms.tally(name) for name in CLASS_NAMES}
    priors = {name: _within(float(tally.prevalence)) for name, tally in tallies.items()}
    lines = {name: fit_platt(tally) for name, tally in tallies.items()}
    thresholds = {
        name: best_threshold(tally, lines[name], prior=priors[name], target=DEFAULT_PRIORS[name])
        for name, tally in tallies.items()
    }
    scores = {name: round(v, 4) for name, v in average_precisions(histograms).items() if math.isfinite(v)}
    revision = BYTES_OF_REVISION if isinstance(network, RevisedNet) else 0
    card = ModelCard(
        name=recipe.name,
        job=JOB,
        version=__version__,
        description=recipe.description,
        licence="MIT, Copyright (c) The Skysieve developers",
        reference="docs/training.md",
        source=f"trained by the recipe {recipe.name} on simulated frames",
        normalisation=NORMALISATION,
        classes=CLASS_NAMES,
        tiling=Tiling(
            multiple=network.multiple,
            remainder=0,
            minimum=256,
            margin=tile_margin(network, [frame.pixels for frame in first[:MARGIN_FRAMES]]),
            bytes_per_pixel={name: needed + revision for name, needed in BYTES_PER_PIXEL.items()},
            memory=MEMORY,
        ),
        training_priors=priors,
        default_priors=DEFAULT_PRIORS,
        default_thresholds=thresholds,
        graphs=(),
        calibration={name: (line.slope, line.intercept) for name, line in lines.items()},
        training={"recipe": recipe.name, "seed": recipe.seed, **facts},
        scores={"validation": scores},
    )
    calibration = Calibration(
        [line.slope for line in lines.values()], [line.intercept for line in lines.values()]
    )
    model = write_model(network, folder, card, calibration=calibration, overwrite=True)
    agreement = bf16_agreement(model, [(f.pixels, (f.bits & NODATA.code) == 0) for f in first])
    if agreement is None:
        return model
    card = dataclasses.replace(card, agreement={"bf16": round(agreement, 6)})
    return write_model(network, folder, card, calibration=calibration, overwrite=True)


def tile_margin(network: SieveNet | RevisedNet, frames: Sequence[NDArray[np.float32]]) -> int:
    """Return the pixels at a tile's border that are better taken from the next tile.

    Beyond them at most 0.1 % of the probabilities change by more than 0.05 where the tile ends.

    Parameters
    ----------
    network
        In evaluation mode, on the processor.
    frames
        ``(H, W)`` normalised pixels, all of one size.

    Returns
    -------
    int
        A multiple of 16, between 32 and 128.
    """
    pixels = torch.stack([torch.from_numpy(frame) for frame in frames])[:, None]
    quarter = min(pixels.shape[-2:]) // 4
    border = min(LARGEST_MARGIN, quarter) // network.multiple * network.multiple
    if border == 0:
        return LARGEST_MARGIN  # the frames are too small to tell
    found = measure_margin(network, pixels, border=border, tolerance=CHANGE, part=PART)
    rounded = math.ceil(found / MARGIN_STEP) * MARGIN_STEP
    return min(max(rounded, LEAST_MARGIN), LARGEST_MARGIN)


def _within(prior: float) -> float:
    """Return a prior that has odds; classes that no calibration frame has get a small one."""
    return min(max(prior, 1e-7), 1 - 1e-7) if math.isfinite(prior) else 1e-7
