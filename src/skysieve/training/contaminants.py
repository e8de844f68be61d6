"""Training of the network for contaminants: its frames, its calibration, its card."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from skysieve._version import __version__
from skysieve.contaminants.classes import CLASS_NAMES, CLASSES, NODATA
from skysieve.contaminants.model import JOB
from skysieve.errors import FrameError
from skysieve.evaluation.calibration import fit_platt
from skysieve.evaluation.histograms import ScoreHistograms
from skysieve.imaging.domain import frame_statistics, reference_of
from skysieve.imaging.frames import ArrayFrame
from skysieve.imaging.normalise import NAME as NORMALISATION
from skysieve.models.card import ModelCard, Tiling
from skysieve.simulate.recipe import read_recipe
from skysieve.training.export import Calibration, write_model
from skysieve.training.segmentation import Segmentation, sieve_net
from skysieve.training.thresholds import best_threshold
from skysieve.training.tiles import SimulatedFrames, TileStream, normalised
from skysieve.training.validation import add_logits, average_precisions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import lightning
    from numpy.typing import NDArray

    from skysieve.models.card import Model
    from skysieve.networks.sieve_net import SieveNet
    from skysieve.simulate.recipe import Recipe
    from skysieve.training.recipe import TrainingRecipe
    from skysieve.training.tiles import FrameSource

__all__ = ["DEFAULT_PRIORS", "ContaminantTraining"]

logger = logging.getLogger(__name__)

DEFAULT_PRIORS = {
    "CR": 5e-4, "HCL": 1e-4, "DCL": 2e-4, "HP": 5e-5, "DP": 5e-5, "P": 2e-4, "TRL": 1e-3, "FR": 1e-3,
    "NEB": 1e-3, "SAT": 5e-4, "SP": 5e-4, "OV": 5e-3, "BBG": 0.1, "BG": 0.9,
}  # fmt: skip
"""Part of the pixels of ordinary frames in each class: of the order of the published defaults, but for bad
pixels, columns and persistence, which those call 10 to 100 times rarer than real detectors have them."""

VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 2_000_003
CALIBRATION_FRAMES = 160
PRIOR_FRAMES = 96
MARGIN = 48
BYTES_PER_PIXEL = {"f32": 360, "bf16": 260}


@dataclass
class ContaminantTraining:
    """A training of the network for contaminants.

    Parameters
    ----------
    recipe
        How.
    clean
        The user's own frames, with contaminants injected.
    initial
        A trained network to go on from.
    """

    recipe: TrainingRecipe
    clean: FrameSource | None = None
    initial: SieveNet | None = None

    def use_clean_frames(self, folder: Path) -> None:
        """Put contaminants into the frames of a folder too.

        Raises
        ------
        ConfigError
            If it holds no usable frames.
        SourceError
            If it cannot be read.
        """
        from skysieve.training.injected import InjectedFrames

        frames = InjectedFrames(str(folder), self.simulation, self.recipe.frame, self.recipe.seed)
        _ = frames.frames
        self.clean = frames

    def start_from(self, model: str) -> None:
        """Go on from a trained network: a name or a folder.

        Raises
        ------
        ModelError
            If there is no such model, or its graph is of another network than the recipe's.
        """
        from skysieve.contaminants.model import load_model
        from skysieve.training.initial import load_graph_weights

        network = sieve_net(self.recipe)
        load_graph_weights(network, load_model(model))
        self.initial = network

    @cached_property
    def simulation(self) -> Recipe:
        """What frames are drawn from."""
        return read_recipe(self.recipe.simulation)

    def describe(self) -> str:
        """Return both recipes as YAML."""
        return f"{self.recipe.to_yaml()}---\n{self.simulation.to_yaml()}"

    def _frames(self, seed: int) -> FrameSource:
        from skysieve.training.injected import MixedFrames

        simulated = SimulatedFrames(self.simulation, self.recipe.frame, seed)
        if self.clean is None:
            return simulated
        return MixedFrames(simulated, self.clean, share=self.recipe.clean_share)

    @cached_property
    def priors(self) -> dict[str, float]:
        """Part of the pixels of the training set in each class, measured on some frames."""
        source = self._frames(self.recipe.seed)
        counts, total = np.zeros(len(CLASSES)), 0
        for number in range(PRIOR_FRAMES):
            _, bits = source.frame(number)
            valid = (bits & NODATA.code) == 0
            total += int(valid.sum())
            counts += [((bits & c.code != 0 if c.code else bits == 0) & valid).sum() for c in CLASSES]
        return {name: float(max(n, 1) / total) for name, n in zip(CLASS_NAMES, counts, strict=True)}

    def module(self) -> Segmentation:
        """Return the network with its loss."""
        priors = self.priors
        logger.info("priors: %s", ", ".join(f"{name} {p:.2g}" for name, p in priors.items()))
        return Segmentation(
            self.recipe, priors, network=self.initial, frozen_statistics=self.initial is not None
        )

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless batches of tiles, going on after the steps that are done."""
        recipe = self.recipe
        shown = (recipe.frame // recipe.tile) ** 2 * recipe.reuse
        first = PRIOR_FRAMES + done * recipe.batch * ranks // shown
        stream = TileStream(
            self._frames(recipe.seed),
            tile=recipe.tile,
            reuse=recipe.reuse,
            seed=recipe.seed,
            first=first,
            rank=rank,
            ranks=ranks,
        )
        return DataLoader(
            stream,
            batch_size=recipe.batch,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def validation_batches(self) -> DataLoader[Any]:
        """Return the frames that are scored on the way: the same each time, and never trained on."""
        frames = [(p, b) for p, b, _ in self._held_out(VALIDATION_SEED, self.recipe.validation_frames)]
        pixels = torch.from_numpy(np.stack([p for p, _ in frames]))[:, None]
        bits = torch.from_numpy(np.stack([b for _, b in frames]))
        return DataLoader(TensorDataset(pixels, bits), batch_size=4)

    def _held_out(
        self, seed: int, count: int
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int16], dict[str, float]]]:
        """Yield normalised frames, their classes, and the statistics of the frames."""
        source = self._frames(self.recipe.seed + seed)
        number = 0
        while count:
            pixels, bits = source.frame(number)
            number += 1
            try:
                seen, bits = normalised(pixels, bits, np.random.default_rng([seed, number]))
                statistics = frame_statistics(ArrayFrame(pixels))
            except FrameError:
                continue
            count -= 1
            yield seen, bits, statistics

    def finish(self, module: lightning.LightningModule, folder: Path, *, facts: dict[str, Any]) -> Model:
        """Calibrate the trained network on new frames and write it as a model."""
        network = module.network
        histograms, statistics = ScoreHistograms(CLASS_NAMES), []
        with torch.inference_mode():
            for seen, bits, found in self._held_out(CALIBRATION_SEED, CALIBRATION_FRAMES):
                logits = network(torch.from_numpy(seen)[None, None])
                add_logits(histograms, logits, torch.from_numpy(bits)[None])
                statistics.append(found)
        tallies = {name: histograms.tally(name) for name in CLASS_NAMES}
        priors = {name: float(tally.prevalence) for name, tally in tallies.items()}
        lines = {name: fit_platt(tally) for name, tally in tallies.items()}
        calibration = Calibration(
            [line.slope for line in lines.values()], [line.intercept for line in lines.values()]
        )
        thresholds = {
            name: best_threshold(tally, lines[name], prior=priors[name], target=DEFAULT_PRIORS[name])
            for name, tally in tallies.items()
        }
        card = ModelCard(
            name=self.recipe.name,
            job=JOB,
            version=__version__,
            description=self.recipe.description,
            licence="MIT, Copyright (c) The Skysieve developers",
            reference="docs/training.md",
            source=f"trained by the recipe {self.recipe.name} on simulated frames",
            normalisation=NORMALISATION,
            classes=CLASS_NAMES,
            tiling=Tiling(
                multiple=network.multiple,
                remainder=0,
                minimum=256,
                margin=MARGIN,
                bytes_per_pixel=BYTES_PER_PIXEL,
            ),
            training_priors=priors,
            default_priors=DEFAULT_PRIORS,
            default_thresholds=thresholds,
            graphs=(),
            calibration={name: (line.slope, line.intercept) for name, line in lines.items()},
            domain=reference_of(statistics),
            training={"recipe": self.recipe.name, "seed": self.recipe.seed, **facts},
            scores={"validation": average_precisions(histograms)},
        )
        return write_model(network, folder, card, calibration=calibration, overwrite=True)
