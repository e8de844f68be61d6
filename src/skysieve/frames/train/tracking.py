"""Training of the network for tracking errors: frames, calibration and card."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from math import isnan
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.evaluation.calibration import fit_platt
from skysieve.core.evaluation.histograms import LIMIT, ScoreHistograms, count_pixels
from skysieve.core.models.card import Tiling
from skysieve.core.training.initial import load_all_but, load_graph_weights
from skysieve.core.training.task import Measured, TrainingTask
from skysieve.frames.image.domain import measure_statistics, reference_quantiles
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.track.model import TRACKING
from skysieve.frames.train.kept_frames import KeptFrames
from skysieve.frames.train.tracking_learning import (
    LabelledFrames,
    LabelledStream,
    TrackingLearner,
    rank_auc,
    tracking_net,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from skysieve.core.models.card import Model
    from skysieve.core.training.shuffled_stream import Order, ShuffledStream
    from skysieve.frames.networks.tracking_net import TrackingNet
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.tracking_learning import TrackingExample

__all__ = ["TrackingTraining"]

logger = logging.getLogger(__name__)

CLASSES = ("good", "tracking error")
DEFAULT_PRIORS = {"good": 0.95, "tracking error": 0.05}
VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 2_000_003
CALIBRATION_FRAMES = 150
CALIBRATION_SIDE = 400
"""Minimum side of the calibration frames in pixels: examined frames are larger than training frames."""

BYTES_PER_PIXEL: dict[Literal["f32", "bf16"], int] = {"f32": 200, "bf16": 150}


@dataclass
class TrackingTraining(TrainingTask):
    """A training of the network for tracking errors.

    Parameters
    ----------
    recipe, initial, origin
        See :class:`skysieve.core.training.task.TrainingTask`.
    kept
        Folder of a cache of simulated frames; None caches nothing.

    Raises
    ------
    ConfigError
        If the network does not accept frames of the recipe's size.
    """

    models = TRACKING
    material = "simulated frames"

    kept: Path | None = None

    def __post_init__(self) -> None:
        """Check the size of the recipe against the network."""
        minimum = tracking_net(self.recipe).minimum
        if self.recipe.frame < minimum:
            raise ConfigError(
                f"recipe {self.recipe.name}: frame: {self.recipe.frame}, expected at least {minimum} px"
            )

    def network_of(self, model: Model) -> TrackingNet:
        """Return the recipe's network with the weights of a model, which may lack the autocorrelation."""
        network = tracking_net(self.recipe)
        try:
            load_graph_weights(network, model)
        except ModelError:  # of a release without the autocorrelation, or of another size
            self.new_parts = ("pairs", "told")
            load_all_but(self.new_parts, network, model, tracking_net(self.recipe, pairs=False))
        return network

    @cached_property
    def simulation(self) -> Recipe:
        """Recipe of the simulated frames."""
        return read_recipe(self.recipe.simulation)

    def documents(self) -> list[str]:
        """Return the recipe of the frames."""
        return [self.simulation.to_yaml()]

    def learner(self) -> TrackingLearner:
        """Return the network with its loss.

        Returns
        -------
        TrackingLearner
            The learner.

        Raises
        ------
        ConfigError
            If the recipe freezes levels with random weights.
        """
        frozen = self.recipe.network.frozen
        if frozen and self.initial is None:
            raise ConfigError(
                f"recipe {self.recipe.name}: network.frozen: {frozen} levels of random weights would stay as "
                "they are; give --init, or 0"
            )
        return TrackingLearner(self.recipe, network=self.initial, frozen_statistics=self.initial is not None)

    def stream(self, **order: Unpack[Order]) -> ShuffledStream[Any, Any]:
        """Return the endless stream of frames."""
        frames = self._frames(self.recipe.seed)
        return LabelledStream(frames if self.kept is None else KeptFrames(frames, self.kept), **order)

    def validation_batches(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation frames: the same in each validation, and never used in training."""
        frames = list(self._held_out(VALIDATION_SEED, self.recipe.validation_frames))
        pixels = torch.from_numpy(np.stack([example.pixels for example in frames]))
        elongations = torch.from_numpy(np.stack([example.elongation for example in frames]))
        labels = torch.tensor([[float(example.tracking_error)] for example in frames])
        return DataLoader(TensorDataset(pixels[:, None], labels, elongations), batch_size=8)

    def _frames(self, seed: int, side: int = 0) -> LabelledFrames:
        cell = tracking_net(self.recipe).minimum
        return LabelledFrames(self.simulation, max(self.recipe.frame, side), seed, cell)

    def _held_out(self, seed: int, wanted: int, side: int = 0) -> Iterator[TrackingExample]:
        """Yield frames that are not used in training, of at least `side` pixels along each axis."""
        frames = self._frames(self.recipe.seed + seed, side)
        # cached frames lack the raw pixels, which the calibration measures
        source = frames if self.kept is None or side else KeptFrames(frames, self.kept)
        # frames without noise are None
        return islice(filter(None, map(source.frame, count())), wanted)

    def measure(self, network: TrackingNet) -> Measured:
        """Calibrate the trained network on new frames."""
        logger.info("calibrating on %d frames", CALIBRATION_FRAMES)
        logits, labels, statistics = [], [], []
        with torch.inference_mode():
            for example in self._held_out(CALIBRATION_SEED, CALIBRATION_FRAMES, CALIBRATION_SIDE):
                logits.append(float(network(torch.from_numpy(example.pixels)[None, None])))
                labels.append(example.tracking_error)
                statistics.append(measure_statistics(example.frame))
        scores = np.clip(np.array(logits, np.float32), -LIMIT, LIMIT)
        truth = np.array(labels)
        histograms = ScoreHistograms((CLASSES[1],))
        histograms.add("all", {CLASSES[1]: count_pixels(scores, truth, decided=scores > 0)})
        line = fit_platt(histograms.tally(CLASSES[1]))
        prior = float(truth.mean().clip(1e-3, 1 - 1e-3))
        auc = rank_auc(scores, truth)
        return Measured(
            classes=CLASSES,
            tiling=Tiling(
                multiple=network.minimum,
                remainder=0,
                minimum=256,
                margin=0,
                bytes_per_pixel=BYTES_PER_PIXEL,
            ),
            training_priors={CLASSES[0]: 1 - prior, CLASSES[1]: prior},
            default_priors=DEFAULT_PRIORS,
            thresholds=dict.fromkeys(CLASSES, 0.5),
            calibration={CLASSES[1]: line},
            domain=reference_quantiles(statistics),
            scores={"validation": {} if isnan(auc) else {"AUC": round(auc, 4)}},
        )
