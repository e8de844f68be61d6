"""Checkpoints: written atomically, and read without executing code from the file."""

from __future__ import annotations

import io
import logging
import math
import pickle
import re
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loops.progress import _ProcessedTracker
from lightning.pytorch.plugins.io import TorchCheckpointIO

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError

if TYPE_CHECKING:
    import lightning

__all__ = ["CheckpointFiles", "KeepCheckpoint", "check_checkpoint", "same_training"]

logger = logging.getLogger(__name__)

INTERVAL = 300.0
"""Seconds between two checkpoints: the most work that a power failure can lose."""

DESCRIPTION = "skysieve description"
MINUTES = "minutes"
SCHEDULES = "skysieve schedules before"

STEPS = re.compile(r"^steps: (\d+)$", re.MULTILINE)
"""Number of steps in a description: the only part that may change when a training resumes."""


class CheckpointFiles(TorchCheckpointIO):
    """Checkpoint files with tensors and plain values, written atomically."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint in place of the previous one.

        Parameters
        ----------
        checkpoint
            Contents.
        path
            The file.
        storage_options
            Ignored.

        Raises
        ------
        OutputError
            If it cannot be written, for example on a full disk; the previous one is kept.
        """
        del storage_options
        content = io.BytesIO()  # torch hides the cause of a failed write, such as a full disk
        torch.save(checkpoint, content)
        with atomic_write(Path(path), overwrite=True) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = "cpu",
        weights_only: bool | None = True,  # noqa: FBT001, FBT002 (Lightning's own signature)
    ) -> dict[str, Any]:
        """Read a checkpoint; refuse objects other than tensors and plain values.

        Parameters
        ----------
        path
            The file.
        map_location
            Device of the tensors; see :func:`torch.load`.
        weights_only
            Ignored; always True.

        Returns
        -------
        dict
            Contents.

        Raises
        ------
        ConfigError
            If it cannot be read.
        """
        del weights_only
        return _read(Path(path), map_location)


def check_checkpoint(path: Path, module: lightning.LightningModule, description: str) -> None:
    """Check that a training can resume from a checkpoint.

    Parameters
    ----------
    path
        The file.
    module
        Network to be trained.
    description
        Description of its training: the recipe and everything it refers to.

    Raises
    ------
    ConfigError
        If it cannot be read, or belongs to another training.
    """
    checkpoint = _read(path, "cpu")
    weights = checkpoint.get("state_dict")
    if not isinstance(weights, dict) or "loops" not in checkpoint:
        raise ConfigError(f"{path}: no checkpoint of a training; remove it to begin anew")
    sizes = {name: tuple(values.shape) for name, values in module.state_dict().items()}
    found = {name: tuple(getattr(values, "shape", ())) for name, values in weights.items()}
    if found != sizes or not same_training(checkpoint.get(DESCRIPTION, description), description):
        raise ConfigError(f"{path}: a checkpoint of another training; remove it, or choose another folder")


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


class KeepCheckpoint(Callback):
    """Save the state of a training at intervals, before each validation, and at the end.

    Parameters
    ----------
    path
        The file.
    every
        Number of steps between two validations.
    description
        Description of the training: the recipe and everything it refers to.

    Attributes
    ----------
    schedules_before
        Earlier schedules, if the number of steps has changed: the step until which each one applied, and the
        number of steps that it was made for.
    """

    def __init__(self, path: Path, *, every: int, description: str) -> None:
        self.path, self.every, self.description = path, every, description
        self.schedules_before: list[dict[str, int]] = []
        self.minutes_before = 0.0
        self._begun = self._saved_at = time.monotonic()
        self._saved_step = 0
        self._diverged = False

    @property
    def minutes(self) -> float:
        """Minutes of training so far, in all of its runs."""
        return self.minutes_before + (time.monotonic() - self._begun) / 60

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this callback.

        Returns
        -------
        dict
            Minutes of training so far.
        """
        return {MINUTES: self.minutes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of this callback.

        Parameters
        ----------
        state_dict
            See :meth:`state_dict`.
        """
        self.minutes_before = float(state_dict[MINUTES])

    def on_save_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the description and the earlier schedules to the checkpoint."""
        checkpoint[DESCRIPTION], checkpoint[SCHEDULES] = self.description, self.schedules_before

    def on_load_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Record the previous number of steps, if it has changed."""
        self.schedules_before = list(checkpoint.get(SCHEDULES, []))
        before = _steps(checkpoint.get(DESCRIPTION, self.description))
        if before != _steps(self.description):
            self.schedules_before.append({"until": int(checkpoint["global_step"]), "steps": before})

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._begun = self._saved_at = time.monotonic()
        self._saved_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Save the state before a validation, and at least every :data:`INTERVAL` seconds.

        Raises
        ------
        ConfigError
            If the loss is no longer finite.
        OutputError
            If the state cannot be written.
        """
        late = trainer.strategy.reduce_boolean_decision(
            time.monotonic() - self._saved_at > INTERVAL, all=False
        )
        if not late and trainer.global_step % self.every:
            return
        if not math.isfinite(float(outputs["loss"])):
            self._diverged = True
            kept = f"; {self.path} is of step {self._saved_step}" if self._saved_step else ""
            raise ConfigError(
                f"step {trainer.global_step}: the loss is no number any more: give a lower learning_rate, "
                f"or precision f32, in a new folder{kept}"
            )
        self._save(trainer)

    def on_train_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Save the trained network, since the steps after the training may be interrupted too."""
        self._save(trainer)

    def on_exception(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Save the work done so far.

        Nothing is saved during a validation. It runs with averaged weights in place of the trained ones, and
        the state before it is already saved.
        """
        nothing_new = trainer.global_step <= self._saved_step or trainer.validating
        if nothing_new or self._diverged or isinstance(exception, OutputError):
            return
        _uncount_unfinished_batch(trainer)
        try:
            self._save(trainer)
        except OutputError as error:
            logger.warning("%s; the last checkpoint is of step %d", error, self._saved_step)

    def _save(self, trainer: lightning.Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()


def _uncount_unfinished_batch(trainer: lightning.Trainer) -> None:
    """Remove a batch without an optimiser step from the counts; otherwise validations would come early."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    for counts in (progress.total, progress.current):
        if isinstance(counts, _ProcessedTracker) and counts.processed == counts.completed:
            counts.ready = counts.started = counts.completed


def _read(path: Path, map_location: Any) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files from elsewhere, which are refused below
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: no checkpoint, or damaged; remove it to begin anew") from error
    if not isinstance(checkpoint, dict):
        raise ConfigError(f"{path}: no checkpoint of a training; remove it to begin anew")
    return checkpoint
