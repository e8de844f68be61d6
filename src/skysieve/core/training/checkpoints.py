"""State of a training and its checkpoints: written atomically, and read without executing code from them."""

from __future__ import annotations

import io
import pickle
import re
import time
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError
from skysieve.core.training.schedule import optimiser_with_schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from skysieve.core.training.learner import Learner

__all__ = ["TrainingState", "same_training"]

STEPS = re.compile(r"^steps: (\d+)$", re.MULTILINE)
"""Number of steps in a description: the only part that may change when a training resumes."""

ENTRIES = ("network", "average", "optimiser", "schedule", "step", "minutes", "description")
"""Entries of a checkpoint; ``schedules_before`` may be missing."""


class TrainingState:
    """State of a training: all that a checkpoint holds.

    Parameters
    ----------
    learner
        Network with its loss, on its device.
    description
        Description of the training: the recipe and everything it refers to.
    new_parts
        See :func:`skysieve.core.training.schedule.optimiser_with_schedule`.

    Attributes
    ----------
    average
        Moving average of the network's parameters and buffers.
    optimiser, schedule
        AdamW and its schedule.
    step
        Number of completed steps.
    schedules_before
        Earlier schedules, if the number of steps has changed: the step until which each one applied, and the
        number of steps that it was made for.
    saved_step
        Step of the last checkpoint.
    saved_at
        Time of the last checkpoint, in seconds of :func:`time.monotonic`.
    """

    def __init__(
        self, learner: Learner, description: str, *, new_parts: Collection[str] | None = None
    ) -> None:
        recipe = learner.recipe
        self.learner, self.description = learner, description
        moving = get_ema_avg_fn(recipe.averaging)  # type: ignore[no-untyped-call]  # torch's own
        self.average = AveragedModel(learner.network, avg_fn=moving, use_buffers=True)
        self.optimiser, self.schedule = optimiser_with_schedule(learner.network, recipe, new_parts=new_parts)
        self.step = self.saved_step = 0
        self.schedules_before: list[dict[str, int]] = []
        self._minutes_before = 0.0
        self._begun = self.saved_at = time.monotonic()

    @property
    def minutes(self) -> float:
        """Minutes of training so far, in all of its runs."""
        return self._minutes_before + (time.monotonic() - self._begun) / 60

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Return the parameters that are trained.

        Returns
        -------
        Iterator
            In the order of the optimiser.
        """
        return (one for group in self.optimiser.param_groups for one in group["params"])

    def advance(self) -> None:
        """Do a step of optimiser and schedule with the present gradients, and update the average."""
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad()
        self.average.update_parameters(self.learner.network)
        self.step += 1

    def save(self, path: Path) -> None:
        """Write a checkpoint in place of the previous one.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        OutputError
            If it cannot be written, for example on a full disk; the previous one is kept.
        """
        content = io.BytesIO()  # torch hides the cause of a failed write, such as a full disk
        values = (
            *(self.learner.network.state_dict(), self.average.state_dict()),
            *(self.optimiser.state_dict(), self.schedule.state_dict()),
            *(self.step, self.minutes, self.description),
        )
        checkpoint = {**dict(zip(ENTRIES, values, strict=True)), "schedules_before": self.schedules_before}
        torch.save(checkpoint, content)
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.saved_step, self.saved_at = self.step, time.monotonic()

    def load(self, path: Path) -> None:
        """Restore the state from a checkpoint.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        ConfigError
            If it cannot be read, or belongs to another training.
        """
        found = _read(path)
        if not all(name in found for name in ENTRIES):
            raise ConfigError(f"{path}: no checkpoint of a training; remove it to begin anew")
        fits = _shapes(found["network"]) == _shapes(self.learner.network.state_dict())
        if not fits or not same_training(found["description"], self.description):
            raise ConfigError(
                f"{path}: a checkpoint of another training; remove it, or choose another folder"
            )
        self.learner.network.load_state_dict(found["network"])
        self.average.load_state_dict(found["average"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.schedule.load_state_dict(found["schedule"])
        self.step = self.saved_step = int(found["step"])
        self._minutes_before = float(found["minutes"])
        self.schedules_before = list(found.get("schedules_before", []))
        before = _steps(found["description"])
        if before != _steps(self.description):
            self.schedules_before.append({"until": self.step, "steps": before})


def same_training(one: str, other: str) -> bool:
    """Return whether two descriptions are equal except for the number of steps.

    Parameters
    ----------
    one, other
        Descriptions as YAML.

    Returns
    -------
    bool
        True for the same training.
    """
    return STEPS.sub("", one, count=1) == STEPS.sub("", other, count=1)


def _steps(description: str) -> int:
    """Return the number of steps in a description, or 0."""
    found = STEPS.search(description)
    return int(found[1]) if found else 0


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(values.shape) for name, values in weights.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files from elsewhere, which are refused below
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: no checkpoint, or damaged; remove it to begin anew") from error
    if not isinstance(checkpoint, dict):
        raise ConfigError(f"{path}: no checkpoint of a training; remove it to begin anew")
    return checkpoint
