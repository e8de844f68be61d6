"""The interface between the training loop and the task that it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from torch.utils.data import DataLoader

    from skysieve.core.models.card import Model
    from skysieve.core.training.learner import Learner
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["TrainingTask"]


class TrainingTask(Protocol):
    """The part of a training that differs from job to job.

    Attributes
    ----------
    recipe
        Settings of the training.
    origin
        Name and checksum of the model whose weights initialise the network; empty for random weights.
    """

    recipe: TrainingRecipe
    origin: str

    def describe(self) -> str:
        """Return the recipe and everything it refers to, as YAML.

        Returns
        -------
        str
            Two trainings with the same description are the same training.
        """
        ...

    def learner(self) -> Learner:
        """Return the network with its loss.

        Returns
        -------
        Learner
            Ready to be trained; not on a GPU yet.
        """
        ...

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
        ...

    def validation_batches(self) -> DataLoader[Any]:
        """Return the validation batches.

        Returns
        -------
        DataLoader
            The same batches at each call.
        """
        ...

    def finish(self, learner: Learner, folder: Path, *, facts: dict[str, object]) -> Model:
        """Calibrate the trained network and write it as a model.

        Parameters
        ----------
        learner
            The trained network, in evaluation mode on the CPU.
        folder
            Folder of the model to write.
        facts
            Facts about the training for the model card, by name.

        Returns
        -------
        Model
            The model as written.
        """
        ...
