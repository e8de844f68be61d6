"""Base class of the trainings of all jobs: description, initial weights, batches, and the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from skysieve._version import __version__
from skysieve.core.models.card import ModelCard
from skysieve.core.training.export import Calibration, write_model
from skysieve.core.training.feed import stream_batches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch.utils.data import DataLoader

    from skysieve.core.evaluation.calibration import Platt
    from skysieve.core.models.card import Model, Tiling
    from skysieve.core.models.find import ModelJob
    from skysieve.core.networks.blocks import ExportableNetwork
    from skysieve.core.training.learner import Learner
    from skysieve.core.training.recipe import TrainingRecipe
    from skysieve.core.training.shuffled_stream import Order, ShuffledStream

__all__ = ["Measured", "TrainingTask"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a training measures of its network for the model card; see :class:`ModelCard`.

    Attributes
    ----------
    classes, tiling
        Classes of the network, and the tiles that it takes.
    thresholds, scores
        Default thresholds by class, and scores by set of data.
    training_priors, default_priors
        Priors by class.
    calibration
        Calibration of the logits by class, in the order of the network's outputs, for the graph.
    facts
        Entries of the card about this kind of training.
    domain, screening, sky
        Entries of the card that only some jobs have.
    """

    classes: tuple[str, ...]
    tiling: Tiling
    thresholds: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]]
    training_priors: Mapping[str, float] = field(default_factory=dict)
    default_priors: Mapping[str, float] = field(default_factory=dict)
    calibration: Mapping[str, Platt] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    domain: Mapping[str, list[float]] = field(default_factory=dict)
    screening: Mapping[str, float] = field(default_factory=dict)
    sky: Mapping[str, object] = field(default_factory=dict)


@dataclass
class TrainingTask(ABC):
    """A training: the part that differs from job to job, and what all jobs do alike.

    Parameters
    ----------
    recipe
        Settings of the training.
    initial
        Trained network from which the training starts; None for random weights.
    origin
        Name and checksum of the model of `initial`; part of the identity of the training.
    new_parts
        Attributes of `initial` that its model lacks, with random weights.

    Attributes
    ----------
    models
        What models of this job are.
    material
        What the network is trained on, in words.
    reference
        Page of the documentation.
    """

    models: ClassVar[ModelJob]
    material: ClassVar[str]
    reference: ClassVar[str] = "docs/training.md"

    recipe: TrainingRecipe
    initial: Any = field(default=None, kw_only=True)
    origin: str = field(default="", kw_only=True)
    new_parts: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def documents(self) -> list[str]:
        """Return everything that the recipe refers to, as YAML documents."""

    def describe(self) -> str:
        """Return the recipe and everything it refers to.

        Returns
        -------
        str
            YAML. Two trainings with the same description are the same training.
        """
        documents = [self.recipe.to_yaml(), *self.documents()]
        if self.origin:
            documents.append(f"init: {self.origin}\n")
        return "---\n".join(documents)

    def start_from(self, model: str) -> None:
        """Start from the weights of a trained model.

        Parameters
        ----------
        model
            Name or folder of the model.

        Raises
        ------
        ConfigError
            If the recipe's network cannot start from a model.
        ModelError
            If there is no such model, or its graph is of another network than the recipe's.
        """
        found = self.models.load(model)
        self.initial = self.network_of(found)
        self.origin = f"{found.card.name} {found.card.graphs[0].sha256}"

    @abstractmethod
    def network_of(self, model: Model) -> Any:
        """Return the recipe's network with the weights of a model."""

    @abstractmethod
    def learner(self) -> Learner:
        """Return the network with its loss; not on a GPU yet."""

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless training batches.

        Parameters
        ----------
        done
            Number of batches that each trainer has already used; the batches continue after them.
        workers
            Number of processes that simulate for this rank; 0 to simulate in this process.
        rank, ranks
            Index of this trainer among several, and their number.

        Returns
        -------
        DataLoader
            Its batches are those that the learner takes.
        """
        recipe = self.recipe
        first = self.first_number(done * recipe.batch * ranks)
        stream = self.stream(reuse=recipe.reuse, seed=recipe.seed, first=first, rank=rank, ranks=ranks)
        return stream_batches(stream, batch=recipe.batch, workers=workers)

    @abstractmethod
    def stream(self, **order: Unpack[Order]) -> ShuffledStream[Any, Any]:
        """Return the endless stream of training examples in this order; see :class:`Order`."""

    def first_number(self, shown: int) -> int:
        """Return the number of the first source to simulate.

        Parameters
        ----------
        shown
            Number of examples that were already used.

        Returns
        -------
        int
            Here each source is one example.
        """
        return shown // self.recipe.reuse

    @abstractmethod
    def validation_batches(self) -> DataLoader[Any]:
        """Return the validation batches: the same at each call, and never used in training."""

    @abstractmethod
    def measure(self, network: Any) -> Measured:
        """Calibrate a trained network, and measure what the card says of it.

        Parameters
        ----------
        network
            In evaluation mode, on the CPU.

        Returns
        -------
        Measured
            What differs from training to training.
        """

    def finish(self, learner: Learner, folder: Path, *, facts: Mapping[str, object]) -> Model:
        """Calibrate the trained network and write it as a model, in place of an existing one.

        Parameters
        ----------
        learner
            The trained network, in evaluation mode on the CPU.
        folder
            Folder of the model.
        facts
            Facts about the training for the model card, by name.

        Returns
        -------
        Model
            The model as written.
        """
        learner.before_validation()
        network: ExportableNetwork = learner.network
        found, recipe = self.measure(network), self.recipe
        lines = {name: (line.slope, line.intercept) for name, line in found.calibration.items()}
        card = ModelCard(
            name=recipe.name,
            job=recipe.job,
            version=__version__,
            description=recipe.description,
            licence="MIT, Copyright (c) The Skysieve developers",
            reference=self.reference,
            source=f"trained by the recipe {recipe.name} on {self.material}",
            normalisation=self.models.normalisation,
            classes=found.classes,
            tiling=found.tiling,
            training_priors=found.training_priors,
            default_priors=found.default_priors,
            default_thresholds=found.thresholds,
            graphs=(),
            training={"recipe": recipe.name, "seed": recipe.seed, **found.facts, **facts},
            scores=found.scores,
            calibration=lines,
            domain=found.domain,
            screening=found.screening,
            sky=found.sky,
        )
        calibration = Calibration(*zip(*lines.values(), strict=True)) if lines else None
        return write_model(network, folder, card, calibration=calibration, overwrite=True)
