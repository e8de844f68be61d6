"""Training of a network for clusters of galaxies: its patches, its calibration, its card."""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import expit

from skysieve._version import __version__
from skysieve.clusters.maps.patches import PatchGrid
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.model import JOB, NORMALISATION
from skysieve.clusters.train.learning import (
    DEFAULT_NETWORK,
    ClusterLearning,
    add_pixels,
    class_names,
    pixel_scores,
    segmenter,
)
from skysieve.clusters.train.patches import ClusterPatches
from skysieve.clusters.train.stream import PatchStream, patch_batches
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.evaluation.calibration import fit_platt
from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.evaluation.scores import average_precision
from skysieve.core.models.card import ModelCard, Tiling
from skysieve.core.networks.margin import measure_margin
from skysieve.core.training.export import Calibration, write_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import lightning
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.utils.data import DataLoader

    from skysieve.clusters.maps.split import Role
    from skysieve.clusters.networks.segmenters import Segmenter
    from skysieve.clusters.train.patches import ShownPatch
    from skysieve.clusters.train.skies import LearnedSky
    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import TrainingRecipe

    Pixels = NDArray[np.float32]

__all__ = ["ClusterTraining"]

logger = logging.getLogger(__name__)

VALIDATION_SEED = 1_000_003
SIGMA_SEED = 2_000_003
TYPICAL_SEED = 3_000_017
SIGMA_PATCHES = 400
"""Random patches of the training tiles, from which the scale of each band is taken."""

TYPICAL_BATCHES = 8
"""From which the statistics of batch normalisation are taken."""

MARGIN_PATCHES = 12
CHANGE, PART = 0.05, 1e-3
"""At most this part of the probabilities beyond the margin may change by more than that."""

LEAST_THRESHOLD, LARGEST_THRESHOLD = 0.05, 0.95
"""Beyond these a threshold hangs on few pixels."""


@dataclass
class ClusterTraining:
    """A training of a network for clusters.

    Parameters
    ----------
    recipe
        How.
    skies
        Maps whose clusters are known; see :func:`skysieve.clusters.train.sky_files.read_skies`.
    initial
        A trained network to go on from.
    origin
        What that is, to tell one training from another.

    Raises
    ------
    ConfigError
        If the maps leave no place for a patch in the tiles for training.
    """

    recipe: TrainingRecipe
    skies: Sequence[LearnedSky]
    initial: Segmenter | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        """Make what processes share, before there are any."""
        _ = self.preprocessing

    def start_from(self, model: str) -> None:
        """Go on from a trained network: a name or a folder.

        Raises
        ------
        ModelError
            If there is no such model, or it is for other bands, or of another network than the recipe's.
        """
        from skysieve.core.models.find import find_model
        from skysieve.core.training.initial import load_graph_weights

        found = find_model(model, job=JOB, normalisation=NORMALISATION)
        names = [band.name for band in self.skies[0].bands]
        if list(found.card.sky["bands"]) != names:
            raise ModelError(
                f"model {found.card.name!r} is for bands {', '.join(found.card.sky['bands'])}, and the maps "
                f"are {', '.join(names)}; give the bands of the model as patches.bands of the recipe"
            )
        network = segmenter(self.recipe, len(names))
        load_graph_weights(network, found)
        self.initial, self.origin = network, f"{found.card.name} {found.card.graphs[0].sha256}"

    def describe(self) -> str:
        """Return the recipe and checksums of the skies as YAML: what makes two trainings the same."""
        skies = "".join(f"- {sky.digest}\n" for sky in self.skies)
        text = f"{self.recipe.to_yaml()}---\nskies:\n{skies}"
        return text + (f"---\ninit: {self.origin}\n" if self.origin else "")

    def module(self) -> ClusterLearning:
        """Return the network with its loss.

        Raises
        ------
        ConfigError
            If there is no such network or loss, or what it needs is not installed.
        """
        return ClusterLearning(
            self.recipe,
            len(self.skies[0].bands),
            network=self.initial,
            frozen_statistics=self.initial is not None,
            typical=self.typical,
        )

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless batches of patches, going on after the steps that are done."""
        recipe = self.recipe
        stream = PatchStream(
            self._patches("train", recipe.seed),
            reuse=recipe.reuse,
            seed=recipe.seed,
            first=done * recipe.batch * ranks // recipe.reuse,
            rank=rank,
            ranks=ranks,
        )
        return patch_batches(stream, batch=recipe.batch, workers=workers)

    def validation_batches(self) -> DataLoader[Any]:
        """Return the patches that are scored on the way: the same each time, and never trained on."""
        return patch_batches(self.held_out[: self.recipe.validation_frames], batch=self.recipe.batch)

    @cached_property
    def split(self) -> SkySplit:
        """Which part of the sky is learnt from."""
        settings = self.recipe.split
        split = SkySplit(test=settings.test, validation=settings.validation)
        return split.folds()[settings.fold - 1] if settings.fold else split

    @cached_property
    def grid(self) -> PatchGrid:
        """The pixels of a patch."""
        return PatchGrid(self.recipe.patches.side, self.recipe.patches.resolution)

    @cached_property
    def held_out(self) -> list[ShownPatch]:
        """Patches that cover the tiles for validation once, in random order.

        Raises
        ------
        ConfigError
            If the maps show nothing there.
        """
        patches = self._patches("validation", self.recipe.seed + VALIDATION_SEED)
        places, rng = patches.covering(), np.random.default_rng(patches.seed)
        shown = [patches.shown(places[n], rng) for n in rng.permutation(len(places))]
        found = [patch for patch in shown if patch is not None]
        if not found:
            raise ConfigError(
                f"the maps show no patch in the tiles for validation, {_numbers(self.split.validation)}; "
                "give maps of the whole sky, or other tiles as split.validation of the recipe"
            )
        if not any((patch.targets[0] > 0).any() for patch in found):
            logger.warning("no labelled cluster lies in the tiles for validation: scores will be missing")
        return found

    @cached_property
    def typical(self) -> list[Tensor]:
        """Batches as in training, of which statistics are measured."""
        recipe = self.recipe
        patches = self._patches("train", recipe.seed + TYPICAL_SEED)
        numbers = range(TYPICAL_BATCHES * recipe.batch)
        return [
            batch.pixels for batch in patch_batches([patches.patch(n) for n in numbers], batch=recipe.batch)
        ]

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What makes pixels into a network's input: scales are those of the training tiles alone."""
        settings = self.recipe.patches
        patches = self._patches("train", self.recipe.seed + SIGMA_SEED, _unchanged)
        places = patches.anywhere(SIGMA_PATCHES)
        pixels = np.stack([self.skies[p.sky].stack.cut(p.lon, p.lat, self.grid, p.rotation) for p in places])
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

    def finish(self, module: lightning.LightningModule, folder: Path, *, facts: dict[str, Any]) -> Model:
        """Calibrate the trained network on the tiles for validation and write it as a model."""
        module.settle()  # type: ignore[operator]
        network: Segmenter = module.network  # type: ignore[assignment]
        names = class_names(self.recipe)
        logger.info("calibrating on %d patches of the tiles for validation", len(self.held_out))
        histograms = ScoreHistograms(names)
        with torch.inference_mode():
            for batch in patch_batches(self.held_out, batch=self.recipe.batch):
                add_pixels(histograms, network(batch.pixels), batch)
        tallies = {name: histograms.tally(name) for name in names}
        lines = {name: fit_platt(tally) for name, tally in tallies.items()}
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
        priors = {name: float(np.clip(tallies[name].prevalence, 1e-7, 1 - 1e-7)) for name in names}
        recipe = self.recipe
        card = ModelCard(
            name=recipe.name,
            job=JOB,
            version=__version__,
            description=recipe.description,
            licence="MIT, Copyright (c) The Skysieve developers",
            reference="docs/clusters.md",
            source=f"trained by the recipe {recipe.name} on skies whose clusters are known",
            normalisation=NORMALISATION,
            classes=names,
            tiling=Tiling(
                multiple=network.multiple, remainder=0, minimum=self.grid.side, margin=self._margin(network)
            ),
            training_priors=priors,
            default_priors=priors,
            default_thresholds=thresholds,
            graphs=(),
            calibration={name: (line.slope, line.intercept) for name, line in lines.items()},
            training={
                "recipe": recipe.name,
                "seed": recipe.seed,
                "skies": [sky.digest for sky in self.skies],
                "network": recipe.network.kind or DEFAULT_NETWORK,
                "loss": recipe.loss.kind,
                **facts,
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
        calibration = Calibration(
            [line.slope for line in lines.values()], [line.intercept for line in lines.values()]
        )
        return write_model(network, folder, card, calibration=calibration, overwrite=True)

    def _margin(self, network: Segmenter) -> int:
        """Return the pixels at a patch's border that are better taken from the next patch.

        Patches of twice the side are looked at whole, and without what lies beyond a patch.
        """
        multiple, side = network.multiple, self.grid.side
        border = side // 2 // multiple * multiple
        wide = PatchGrid(side + 2 * border, self.grid.resolution)
        centres = self._patches("validation", self.recipe.seed + VALIDATION_SEED).covering()[:MARGIN_PATCHES]
        pixels = [self.preprocessing(self.skies[p.sky].stack.cut(p.lon, p.lat, wide)) for p in centres]
        if border == 0 or not pixels:
            return side // 4
        seen = torch.from_numpy(np.stack(pixels))
        found = measure_margin(network, seen, border=border, tolerance=CHANGE, part=PART)
        return min(max(found, 1), side // 4)


def _threshold(odds: float) -> float:
    """Return log-odds as a threshold on the probability; one half where there are none."""
    if not math.isfinite(odds):
        return 0.5
    return float(np.clip(expit(odds), LEAST_THRESHOLD, LARGEST_THRESHOLD).round(3))


def _unchanged(pixels: Pixels) -> Pixels:
    return pixels


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
