"""Conversion of a trained network for contaminants to a model: calibration, measurements and card."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Literal, NamedTuple

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
    from collections.abc import Iterable, Mapping, Sequence
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
"""Fraction of the pixels of ordinary frames in each class.

They differ from the published defaults where those do not fit real detectors: the published values of bad
pixels and columns are 2 to 50 times lower, those of persistence, saturation and spikes 2 to 10 times higher.
The value of cosmic rays, 1.5e-3, is that of long exposures: with it, whole tracks are found, not just their
cores.
"""

MARGIN_FRAMES = 12
AGREEMENT_FRAMES = 16
BYTES_PER_PIXEL: dict[Literal["f32", "bf16"], int] = {"f32": 330, "bf16": 320}
"""Memory, measured in calls of the engine; at their peak, both precisions hold float32 tensors."""

BYTES_OF_REVISION = 80
"""Additional bytes per pixel of a revising network, whose input and output are in memory together."""

MEMORY = 440
"""Memory of a call in MB.

Larger tiles are hardly faster.  With this value, a frame of 2048 x 2048 px needs about 650 MB.
"""

MIN_MARGIN, MAX_MARGIN, MARGIN_STEP = 32, 128, 16
TOLERANCE, FRACTION = 0.05, 1e-3
"""At most FRACTION of the probabilities beyond the margin may change by more than TOLERANCE."""


class CalibrationFrame(NamedTuple):
    """A frame with known truth.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, normalised, in units of the noise.
    bits
        ``(H, W)`` int16, codes of the classes, and of NODATA.
    """

    pixels: NDArray[np.float32]
    bits: NDArray[np.int16]


def write_contaminant_model(
    network: SieveNet | RevisedNet,
    frames: Iterable[CalibrationFrame],
    folder: Path,
    *,
    recipe: TrainingRecipe,
    facts: Mapping[str, object],
) -> Model:
    """Calibrate a trained network and write it as a model, replacing an existing one.

    Parameters
    ----------
    network
        Trained network, in evaluation mode, on the CPU.
    frames
        Frames that were not used in training.
    folder
        Folder of the model.
    recipe
        Recipe of the training.
    facts
        Further entries of the card about the training.

    Returns
    -------
    Model
        The model, with agreement of bf16 and float32 where it can be measured.

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
    sized = [frame.pixels for frame in first[:MARGIN_FRAMES]]
    tallies = {name: histograms.tally(name) for name in CLASS_NAMES}
    priors = {name: _clipped_prior(float(tally.prevalence)) for name, tally in tallies.items()}
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
            margin=tile_margin(network, [pixels for pixels in sized if pixels.shape == sized[0].shape]),
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
    """Measure the width of the border of a tile where predictions depend on the missing surroundings.

    Further inside, at most 0.1 % of the probabilities change by more than 0.05 because of the edge of the
    tile.

    Parameters
    ----------
    network
        Trained network, in evaluation mode, on the CPU.
    frames
        ``(H, W)`` float32, normalised pixels, all of one size.

    Returns
    -------
    int
        Width in pixels, a multiple of 16 between 32 and 128.
    """
    pixels = torch.stack([torch.from_numpy(frame) for frame in frames])[:, None]
    quarter = min(pixels.shape[-2:]) // 4
    border = min(MAX_MARGIN, quarter) // network.multiple * network.multiple
    if border == 0:
        return MAX_MARGIN  # the frames are too small to measure it
    found = measure_margin(network, pixels, border=border, tolerance=TOLERANCE, part=FRACTION)
    rounded = math.ceil(found / MARGIN_STEP) * MARGIN_STEP
    return min(max(rounded, MIN_MARGIN), MAX_MARGIN)


def _clipped_prior(prior: float) -> float:
    """Return a prior with finite log-odds; it is 1e-7 for classes without pixels in the frames."""
    return min(max(prior, 1e-7), 1 - 1e-7) if math.isfinite(prior) else 1e-7
