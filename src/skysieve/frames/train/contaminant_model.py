"""Calibration of a trained network for contaminants, and what its card says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch

from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.models.card import Tiling
from skysieve.core.networks.margin import measure_margin
from skysieve.core.training.pixels import add_logits, calibrate_pixels
from skysieve.core.training.task import Measured
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.train.tiles import targets_of
from skysieve.frames.train.validation import average_precisions, best_threshold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.train.normalised_frames import NormalisedFrame

__all__ = ["DEFAULT_PRIORS", "measure_contaminants", "tile_margin"]

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


def measure_contaminants(
    network: SieveNet | RevisedNet, frames: Iterable[NormalisedFrame]
) -> tuple[Measured, list[NormalisedFrame]]:
    """Calibrate a trained network, choose thresholds, and measure the margin of its tiles.

    Parameters
    ----------
    network
        Trained network, in evaluation mode, on the CPU.
    frames
        Frames that were not used in training.

    Returns
    -------
    measured : Measured
        For the card.
    first : list of NormalisedFrame
        The first frames, on which :func:`bf16_agreement` is measured.
    """
    histograms = ScoreHistograms(CLASS_NAMES)
    first: list[NormalisedFrame] = []
    with torch.inference_mode():
        for frame in frames:
            logits = network(torch.from_numpy(frame.pixels)[None, None])
            add_logits(histograms, logits, *targets_of(torch.from_numpy(frame.bits)[None]))
            if len(first) < AGREEMENT_FRAMES:
                first.append(frame)
    sized = [frame.pixels for frame in first[:MARGIN_FRAMES]]
    tallies, lines, priors = calibrate_pixels(histograms)
    thresholds = {
        name: best_threshold(tally, lines[name], prior=priors[name], target=DEFAULT_PRIORS[name])
        for name, tally in tallies.items()
    }
    scores = {name: round(v, 4) for name, v in average_precisions(histograms).items() if math.isfinite(v)}
    revision = BYTES_OF_REVISION if isinstance(network, RevisedNet) else 0
    measured = Measured(
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
        thresholds=thresholds,
        calibration=lines,
        scores={"validation": scores},
    )
    return measured, first


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
