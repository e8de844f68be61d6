"""Base class of the networks in training: loss, validation scores and frozen batch statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["Learner", "fastest_memory_format"]


def fastest_memory_format() -> torch.memory_format:
    """Return the memory format in which convolutions train fastest on this machine.

    Channels last, except on processors without AVX-512: there the gradients of the weights take two to five
    times as long in that order, and a training step 1.6 times.

    Returns
    -------
    torch.memory_format
        ``torch.channels_last`` or ``torch.contiguous_format``.
    """
    if torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return torch.channels_last
    return torch.contiguous_format


class Learner(nn.Module, ABC):
    """A network in training.

    Parameters
    ----------
    recipe
        Settings of the training.
    network
        Network to train.
    frozen_statistics
        Whether batch normalisation keeps its statistics. This is necessary for weights from a graph, in which
        the normalisation is folded into the convolutions.

    Attributes
    ----------
    step
        Number of completed steps; the training loop sets it.
    """

    def __init__(
        self, recipe: TrainingRecipe, network: nn.Module, *, frozen_statistics: bool = False
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.frozen_statistics = frozen_statistics
        self.memory_format = fastest_memory_format()
        # torch's stubs lack the signature without a device
        self.network: Any = network.to(memory_format=self.memory_format)  # type: ignore[call-overload]
        self.step = 0
        self._values: dict[str, list[float]] = {}

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 (torch's own signature)
        """Set the mode; frozen batch normalisation stays in evaluation mode."""
        super().train(mode)
        if self.frozen_statistics:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        device: torch.device = next(self.network.parameters()).device
        return device

    @abstractmethod
    def training_loss(self, batch: Any) -> Tensor:
        """Return the loss of a batch, a scalar."""

    @abstractmethod
    def validate(self, batch: Any) -> None:
        """Add a batch to the validation scores."""

    def before_step(self) -> None:
        """Change the network before a step, if the training needs it."""

    def before_validation(self) -> None:
        """Prepare the averaged network for a validation, or for the model."""

    def record(self, **values: float | Tensor) -> None:
        """Keep values of a validation batch; :meth:`scores` returns their means.

        Parameters
        ----------
        **values
            Values by name.
        """
        for name, value in values.items():
            self._values.setdefault(name, []).append(float(value))

    def scores(self) -> dict[str, float]:
        """Return the scores of a validation, and begin the next one.

        Returns
        -------
        dict
            Scores by name; here the means of the recorded values.
        """
        means = {name: float(np.mean(values)) for name, values in self._values.items()}
        self._values = {}
        return means
