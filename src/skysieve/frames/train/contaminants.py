"""Training of the network for contaminants: training, validation and calibration frames."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.models.card import update_card
from skysieve.core.training.initial import load_all_but, load_graph_weights
from skysieve.core.training.task import TrainingTask
from skysieve.frames.mask.classes import CLASS_NAMES, CLASSES, NODATA
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.simulate.contaminants.footprints import read_footprints
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.train.agreement import bf16_agreement
from skysieve.frames.train.contaminant_model import measure_contaminants
from skysieve.frames.train.domain import DOMAIN_SEED, calibrate_domain
from skysieve.frames.train.injected import CleanFolder, InjectedFrames, MixedFrames
from skysieve.frames.train.normalised_frames import NormalisedFrames, first_frames
from skysieve.frames.train.segmentation import Segmentation, sieve_net
from skysieve.frames.train.settings import DOMAIN_FRAMES, DOMAIN_SIDE
from skysieve.frames.train.tiles import SimulatedFrames, TileStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from skysieve.core.models.card import Model
    from skysieve.core.training.learner import Learner
    from skysieve.core.training.shuffled_stream import Order, ShuffledStream
    from skysieve.core.training.task import Measured
    from skysieve.frames.networks.sieve_net import SieveNet
    from skysieve.frames.simulate.recipe import Recipe
    from skysieve.frames.train.normalised_frames import FrameSource, NormalisedFrame
    from skysieve.frames.train.segmentation import ContaminantLearner

__all__ = ["ContaminantTraining"]

logger = logging.getLogger(__name__)

VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 2_000_003
CALIBRATION_FRAMES = 160
PRIOR_FRAMES = 96


@dataclass
class ContaminantTraining(TrainingTask):
    """A training of the network for contaminants.

    Parameters
    ----------
    recipe, initial, origin
        See :class:`skysieve.core.training.task.TrainingTask`.
    clean
        Clean frames of the user, into which contaminants are injected; None for simulated frames alone.
    kept
        Folder of a cache of normalised frames; None caches nothing.

    Raises
    ------
    ConfigError
        If the network does not accept frames or tiles of the recipe's size.
    """

    models = CONTAMINANTS
    material = "simulated frames"

    clean: CleanFolder | None = None
    kept: Path | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the sizes of the recipe against the network."""
        multiple = self.multiple
        for setting in ("frame", "tile"):
            side = getattr(self.recipe, setting)
            if side % multiple:
                raise ConfigError(
                    f"recipe {self.recipe.name}: {setting}: {side}, expected a multiple of {multiple} px"
                )

    def use_clean_frames(self, folder: Path) -> None:
        """Also train on the frames of a folder, with injected contaminants.

        Parameters
        ----------
        folder
            Folder with clean frames.

        Raises
        ------
        ConfigError
            If the folder contains no usable frames.
        SourceError
            If the folder cannot be read.
        """
        clean = CleanFolder(str(folder), self.recipe.tile)
        _ = clean.cached  # read now, so that the worker processes share the memory
        self.clean = clean

    def use_footprints(self, paths: Sequence[Path]) -> None:
        """Draw a fraction of the cosmic rays from files of real ones.

        Parameters
        ----------
        paths
            Files of footprints.

        Raises
        ------
        ConfigError
            If a file cannot be read as footprints.
        """
        for path in paths:
            read_footprints(str(path))
        rays = replace(self.simulation.contaminants.CR, footprints=tuple(str(path) for path in paths))
        self.simulation = replace(
            self.simulation, contaminants=replace(self.simulation.contaminants, CR=rays)
        )

    @property
    def multiple(self) -> int:
        """Number of pixels of which frames and tiles are multiples."""
        multiple: int = sieve_net(self.recipe).multiple
        return multiple

    def network_of(self, model: Model) -> SieveNet | RevisedNet:
        """Return the recipe's network with the weights of a model.

        A model without context blocks, of an earlier release, is accepted: new context blocks are the
        identity.
        """
        network = sieve_net(self.recipe)
        revised = RevisedNet(sieve_net(self.recipe, context=False)).requires_grad_()
        for one in (network, revised):
            with suppress(ModelError):
                load_graph_weights(one, model)
                return one
        self.new_parts = ("context",)
        load_all_but(self.new_parts, network, model, sieve_net(self.recipe, context=False))
        return network

    @cached_property
    def simulation(self) -> Recipe:
        """Recipe of the simulated frames."""
        return read_recipe(self.recipe.simulation)

    def documents(self) -> list[str]:
        """Return the recipe of the frames, and the folder of clean frames."""
        clean = [] if self.clean is None else [f"clean_frames: {Path(self.clean.folder).resolve()}\n"]
        return [self.simulation.to_yaml(), *clean]

    @cached_property
    def priors(self) -> dict[str, float]:
        """Fraction of the training pixels in each class, measured on some frames."""
        source = self._frames(self.recipe.seed)
        counts, total = np.zeros(len(CLASSES)), 0
        for number in range(PRIOR_FRAMES):
            _, bits = source.frame(number)
            valid = (bits & NODATA.code) == 0
            total += int(valid.sum())
            counts += [((bits & c.code != 0 if c.code else bits == 0) & valid).sum() for c in CLASSES]
        found = counts.clip(1, total - 1) / total
        return dict(zip(CLASS_NAMES, found.tolist(), strict=True))

    def learner(self) -> ContaminantLearner:
        """Return the network with its loss."""
        priors = self.priors
        logger.info("priors: %s", ", ".join(f"{name} {p:.2g}" for name, p in priors.items()))
        return Segmentation(
            self.recipe, priors, network=self.initial, frozen_statistics=self.initial is not None
        )

    def stream(self, **order: Unpack[Order]) -> ShuffledStream[Any, Any]:
        """Return the endless stream of tiles."""
        recipe = self.recipe
        frames = self._normalised(self._frames(recipe.seed), recipe.seed, self.kept)
        return TileStream(frames, tile=recipe.tile, distinct=recipe.distinct, **order)

    def first_number(self, shown: int) -> int:
        """Return the number of the first frame: each has several tiles, and some measured the priors."""
        recipe = self.recipe
        return PRIOR_FRAMES + shown // ((recipe.frame // recipe.tile) ** 2 * recipe.reuse)

    def validation_batches(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the validation frames: the same in each validation, and never used in training."""
        frames = first_frames(self._held_out(VALIDATION_SEED, self.kept), self.recipe.validation_frames)
        pixels, bits = (torch.from_numpy(np.stack(part)) for part in zip(*frames, strict=True))
        return DataLoader(TensorDataset(pixels[:, None], bits), batch_size=4)

    def measure(self, network: SieveNet | RevisedNet) -> Measured:
        """Calibrate the trained network on new frames."""
        logger.info("calibrating on %d frames", CALIBRATION_FRAMES)
        measured, self._measured_frames = measure_contaminants(network, self._calibration_frames())
        return measured

    def finish(self, learner: Learner, folder: Path, *, facts: Mapping[str, object]) -> Model:
        """Write the model, and measure how the engine runs it and what training frames look like."""
        model = super().finish(learner, folder, facts=facts)
        frames = [(one.pixels, (one.bits & NODATA.code) == 0) for one in self._measured_frames]
        agreement = bf16_agreement(model, frames)
        if agreement is not None:
            model = update_card(model, agreement={"bf16": round(agreement, 6)})
        logger.info("measuring what %d training frames look like", DOMAIN_FRAMES)
        source = self._frames(self.recipe.seed + DOMAIN_SEED, size=min(self.recipe.frame, DOMAIN_SIDE))
        return calibrate_domain(model, (source.frame(number)[0] for number in range(DOMAIN_FRAMES)))

    def _frames(self, seed: int, *, size: int | None = None) -> FrameSource:
        """Return the training frames of a seed; different seeds give independent frames."""
        recipe = self.recipe
        size = size or recipe.frame
        simulated = SimulatedFrames(self.simulation, size, seed)
        if self.clean is None:
            return simulated
        injected = InjectedFrames(self.clean, self.simulation, recipe.tile, seed)
        return MixedFrames(simulated, injected, share=recipe.clean_share)

    def _normalised(self, source: FrameSource, seed: int, folder: Path | None) -> NormalisedFrames:
        """Return the frames of a source with this seed, cached in a folder if one is given."""
        recipe = self.recipe
        lines = [f"{seed} {recipe.frame} {recipe.tile} {recipe.clean_share}", self.simulation.to_yaml()]
        if self.clean is not None:
            lines.append(self.clean.folder)
        return NormalisedFrames(source, folder, description="\n".join(lines))

    def _held_out(self, seed: int, folder: Path | None = None) -> NormalisedFrames:
        """Return simulated frames that are not used in training and have complete truth."""
        seed += self.recipe.seed
        return self._normalised(SimulatedFrames(self.simulation, self.recipe.frame, seed), seed, folder)

    def _calibration_frames(self) -> Iterator[NormalisedFrame]:
        """Yield simulated frames, then clean frames with contaminants, in the proportion of the training."""
        injected = 0 if self.clean is None else round(CALIBRATION_FRAMES * self.recipe.clean_share)
        yield from first_frames(self._held_out(CALIBRATION_SEED), CALIBRATION_FRAMES - injected)
        if self.clean is not None:
            seed = self.recipe.seed + CALIBRATION_SEED
            source = InjectedFrames(self.clean, self.simulation, self.recipe.tile, seed)
            yield from first_frames(NormalisedFrames(source), injected)
