"""Train a network for clusters: patches, calibration and model card."""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from scipy.special import expit

from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.model import CLUSTERS
from skysieve.clusters.train.learning import (
    DEFAULT_NETWORK,
    ClusterLearner,
    class_names,
    pixel_scores,
    segmenter,
)
from skysieve.clusters.train.patches import ClusterPatches
from skysieve.clusters.train.stream import PatchStream, collate
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.evaluation.scores import average_precision
from skysieve.core.models.card import Tiling
from skysieve.core.networks.margin import measure_margin
from skysieve.core.training.feed import list_batches
from skysieve.core.training.initial import load_graph_weights
from skysieve.core.training.pixels import add_logits, calibrate_pixels
from skysieve.core.training.task import Measured, TrainingTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.utils.data import DataLoader

    from skysieve.clusters.maps.split import Role
    from skysieve.clusters.networks.segmentation_blocks import Segmenter
    from skysieve.clusters.train.patches import LabelledPatch
    from skysieve.clusters.train.skies import LabelledSky
    from skysieve.core.models.card import Model
    from skysieve.core.training.shuffled_stream import Order, ShuffledStream

    Pixels = NDArray[np.float32]

__all__ = ["ClusterTraining"]

logger = logging.getLogger(__name__)

VALIDATION_SEED = 1_000_003
SIGMA_SEED = 2_000_003
STATISTICS_SEED = 3_000_017
SIGMA_PATCHES = 400
"""Number of random training patches from which the scale of each band is measured."""

STATISTICS_BATCHES = 8
"""Number of batches from which the statistics of batch normalisation are measured."""

MARGIN_PATCHES = 12
"""Number of validation patches on which the margin is measured."""

MARGIN_TOLERANCE, MARGIN_FRACTION = 0.05, 1e-3
"""Beyond the margin, at most the fraction of probabilities may change by more than the tolerance."""

MIN_THRESHOLD, MAX_THRESHOLD = 0.05, 0.95
"""Limits of the thresholds; beyond them a threshold is determined by few pixels."""


@dataclass
class ClusterTraining(TrainingTask):
    """A training of a network for clusters.

    Parameters
    ----------
    recipe, initial, origin
        See :class:`skysieve.core.training.task.TrainingTask`.
    skies
        Maps whose clusters are known; see :func:`skysieve.clusters.train.sky_files.read_skies`.

    Raises
    ------
    ConfigError
        If no patch fits into the part of the maps in the tiles for training.
    """

    models = CLUSTERS
    material = "skies whose clusters are known"
    reference = "docs/clusters.md"

    skies: Sequence[LabelledSky]

    def __post_init__(self) -> None:
        """Compute the preprocessing before processes are started, which share it."""
        _ = self.preprocessing

    def network_of(self, model: Model) -> Segmenter:
        """Return the recipe's network with the weights of a model.

        Raises
        ------
        ModelError
            If the model is for other bands, or of another network than the recipe's.
        """
        names, wanted = [band.name for band in self.skies[0].bands], list(model.card.sky["bands"])
        if wanted != names:
            raise ModelError(
                f"model {model.card.name!r} is for bands {', '.join(wanted)}, and the maps "
                f"are {', '.join(names)}; give the bands of the model as patches.bands of the recipe"
            )
        network = segmenter(self.recipe, len(names))
        load_graph_weights(network, model)
        return network

    def documents(self) -> list[str]:
        """Return the checksums of the skies."""
        return ["skies:\n" + "".join(f"- {sky.digest}\n" for sky in self.skies)]

    def learner(self) -> ClusterLearner:
        """Return the network with its loss.

        Returns
        -------
        ClusterLearner
            Module to train.

        Raises
        ------
        ConfigError
            If network or loss are unknown, or need a package that is not installed.
        """
        return ClusterLearner(
            self.recipe,
            len(self.skies[0].bands),
            network=self.initial,
            frozen_statistics=self.initial is not None,
            statistics_batches=self.statistics_batches,
        )

    def stream(self, **order: Unpack[Order]) -> ShuffledStream[Any, Any]:
        """Return the endless stream of patches."""
        return PatchStream(self._patches("train", self.recipe.seed), **order)

    def validation_batches(self) -> DataLoader[LabelledPatch]:
        """Return the validation patches, the same each time.

        Returns
        -------
        DataLoader
            Batches that are never trained on.
        """
        return self._batches(self.held_out[: self.recipe.validation_frames])

    @cached_property
    def split(self) -> SkySplit:
        """Split of the sky into tiles for training, validation and test."""
        settings = self.recipe.split
        split = SkySplit(test=settings.test, validation=settings.validation)
        return split.folds()[settings.fold - 1] if settings.fold else split

    @cached_property
    def grid(self) -> PatchGrid:
        """Pixel grid of a patch."""
        return PatchGrid(self.recipe.patches.side, self.recipe.patches.resolution)

    @cached_property
    def held_out(self) -> list[LabelledPatch]:
        """Patches that cover the tiles for validation once, in random order.

        Raises
        ------
        ConfigError
            If the maps have no data there.
        """
        patches = self._patches("validation", self.recipe.seed + VALIDATION_SEED)
        positions, rng = patches.covering_positions(), np.random.default_rng(patches.seed)
        cut = [patches.cut(positions[n], rng) for n in rng.permutation(len(positions))]
        found = [patch for patch in cut if patch is not None]
        if not found:
            raise ConfigError(
                f"the maps show no patch in the tiles for validation, {_numbers(self.split.validation)}; "
                "give maps of the whole sky, or other tiles as split.validation of the recipe"
            )
        if not any((patch.targets[0] > 0).any() for patch in found):
            logger.warning("no labelled cluster lies in the tiles for validation: scores will be missing")
        return found

    @cached_property
    def statistics_batches(self) -> list[Tensor]:
        """Input batches as in training, for the statistics of batch normalisation."""
        recipe = self.recipe
        patches = self._patches("train", recipe.seed + STATISTICS_SEED)
        numbers = range(STATISTICS_BATCHES * recipe.batch)
        return [batch.pixels for batch in self._batches([patches.patch(n) for n in numbers])]

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Conversion of map pixels to network input, with scales measured on the training tiles alone."""
        settings = self.recipe.patches
        patches = self._patches("train", self.recipe.seed + SIGMA_SEED, _unchanged)
        positions = patches.random_positions(SIGMA_PATCHES)
        pixels = np.stack(
            [self.skies[p.sky].stack.cut(p.lon, p.lat, self.grid, p.rotation) for p in positions]
        )
        found = Preprocessing.fit(
            pixels, kind=settings.sigma, centred=settings.centred, stretch=settings.stretch
        )
        return dataclasses.replace(found, sigma=tuple(settings.linear * sigma for sigma in found.sigma))

    def _patches(
        self, role: Role, seed: int, preprocessing: Callable[[Pixels], Pixels] | None = None
    ) -> ClusterPatches:
        return ClusterPatches(
            self.skies,
            self.grid,
            self.split,
            role,
            preprocessing or self.preprocessing,
            self.recipe.patches,
            self.recipe.labels,
            seed,
        )

    def _batches(self, patches: Sequence[LabelledPatch]) -> DataLoader[Any]:
        return list_batches(patches, batch=self.recipe.batch, collate=collate)

    def measure(self, network: Segmenter) -> Measured:
        """Calibrate the trained network on the tiles for validation."""
        names = class_names(self.recipe)
        logger.info("calibrating on %d patches of the tiles for validation", len(self.held_out))
        histograms = ScoreHistograms(names)
        with torch.inference_mode():
            for batch in self._batches(self.held_out):
                add_logits(histograms, network(batch.pixels), batch.targets, batch.valid)
        tallies, lines, priors = calibrate_pixels(histograms)
        found = {name: pixel_scores(tally) for name, tally in tallies.items()}
        thresholds = {
            name: _threshold(lines[name].slope * found[name].threshold + lines[name].intercept)
            for name in names
        }
        scores = {
            name: {
                "AP": float(average_precision(tallies[name])),
                "precision": found[name].precision,
                "recall": found[name].recall,
                "Dice": found[name].dice,
            }
            for name in names
        }
        recipe = self.recipe
        return Measured(
            classes=names,
            tiling=Tiling(
                multiple=network.multiple, remainder=0, minimum=self.grid.side, margin=self._margin(network)
            ),
            training_priors=priors,
            default_priors=priors,
            thresholds=thresholds,
            calibration=lines,
            facts={
                "skies": [sky.digest for sky in self.skies],
                "network": recipe.network.kind or DEFAULT_NETWORK,
                "loss": recipe.loss.kind,
            },
            scores={
                "validation": {
                    f"{score} {name}": round(value, 4)
                    for name, of_class in scores.items()
                    for score, value in of_class.items()
                    if math.isfinite(value)
                }
            },
            sky={
                "bands": [band.name for band in self.skies[0].bands],
                "side": self.grid.side,
                "resolution": self.grid.resolution,
                **self.preprocessing.to_card(),
                "labels": dataclasses.asdict(recipe.labels),
                "split": self.split.to_card(),
            },
        )

    def _margin(self, network: Segmenter) -> int:
        """Return the width in pixels of a patch's border where the neighbouring patch gives better results.

        Predictions for patches of twice the side are compared with and without what lies beyond a patch.
        """
        multiple, side = network.multiple, self.grid.side
        border = side // 2 // multiple * multiple
        wide = PatchGrid(side + 2 * border, self.grid.resolution)
        centres = self._patches("validation", self.recipe.seed + VALIDATION_SEED).covering_positions()[
            :MARGIN_PATCHES
        ]
        pixels = [self.preprocessing(self.skies[p.sky].stack.cut(p.lon, p.lat, wide)) for p in centres]
        if border == 0 or not pixels:
            return side // 4
        wide_patches = torch.from_numpy(np.stack(pixels))
        found = measure_margin(
            network, wide_patches, border=border, tolerance=MARGIN_TOLERANCE, part=MARGIN_FRACTION
        )
        return min(max(found, 1), side // 4)


def _threshold(odds: float) -> float:
    """Return log-odds as a threshold on the probability, within limits; one half if not finite."""
    if not math.isfinite(odds):
        return 0.5
    return float(np.clip(expit(odds), MIN_THRESHOLD, MAX_THRESHOLD).round(3))


def _unchanged(pixels: Pixels) -> Pixels:
    return pixels


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
