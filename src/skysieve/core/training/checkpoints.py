"""Checkpoints: written whole or not at all, and read without running what a stranger put into them."""

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
"""Seconds of work that a power cut may cost."""

DESCRIPTION = "skysieve description"
MINUTES = "minutes"
SCHEDULES = "skysieve schedules before"

STEPS = re.compile(r"^steps: (\d+)$", re.MULTILINE)
"""What may change in a description while a training stays the same: how long it shall last."""


class CheckpointFiles(TorchCheckpointIO):
    """Files of tensors and plain values, of which each is there whole or not at all."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint over the one before.

        Raises
        ------
        OutputError
            If it cannot be written, as on a full disk; the one before is kept.
        """
        del storage_options
        content = io.BytesIO()  # torch tells nothing of a full disk but that it failed
        torch.save(checkpoint, content)
        with atomic_write(Path(path), overwrite=True) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = "cpu",
        weights_only: bool | None = True,  # noqa: FBT001, FBT002 (Lightning's own signature)
    ) -> dict[str, Any]:
        """Read a checkpoint; whatever is asked for, objects other than tensors and plain values are refused.

        Raises
        ------
        ConfigError
            If it cannot be read.
        """
        del weights_only
        return _read(Path(path), map_location)


def check_checkpoint(path: Path, module: lightning.LightningModule, description: str) -> None:
    """Make sure that a training can go on with a checkpoint.

    Parameters
    ----------
    path
        The file.
    module
        What is to be trained.
    description
        The recipe of this, and all that it refers to.

    Raises
    ------
    ConfigError
        If it cannot be read, or is of another training.
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
    """Tell whether two descriptions are of the same training, be it for more steps or fewer."""
    return STEPS.sub("", one, count=1) == STEPS.sub("", other, count=1)


def _steps(description: str) -> int:
    """Return the number of steps in a description; 0 if it has none."""
    found = STEPS.search(description)
    return int(found[1]) if found else 0


class KeepCheckpoint(Callback):
    """Keeps the state of a training in a file: now and then, before each validation, and when it ends.

    Parameters
    ----------
    path
        The file.
    every
        Steps between two validations.
    description
        The recipe of the training, and all that it refers to.

    Attributes
    ----------
    schedules_before
        Where the training was to last longer or less long at first: until which step, and the number of
        steps after which the rate was to be zero then.
    """

    def __init__(self, path: Path, *, every: int, description: str) -> None:
        self.path, self.every, self.description = path, every, description
        self.schedules_before: list[dict[str, int]] = []
        self.minutes_before = 0.0
        self._begun = self._saved_at = time.monotonic()
        self._saved_step = 0
        self._spoilt = False

    @property
    def minutes(self) -> float:
        """Minutes of the training so far, all of its runs together."""
        return self.minutes_before + (time.monotonic() - self._begun) / 60

    def state_dict(self) -> dict[str, Any]:
        """Return what this callback wants to know again."""
        return {MINUTES: self.minutes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what was kept."""
        self.minutes_before = float(state_dict[MINUTES])

    def on_save_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say in the checkpoint what it is of."""
        checkpoint[DESCRIPTION], checkpoint[SCHEDULES] = self.description, self.schedules_before

    def on_load_checkpoint(
        self, _trainer: lightning.Trainer, _module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note how long the training was to last so far, if that has changed."""
        self.schedules_before = list(checkpoint.get(SCHEDULES, []))
        before = _steps(checkpoint.get(DESCRIPTION, self.description))
        if before != _steps(self.description):
            self.schedules_before.append({"until": int(checkpoint["global_step"]), "steps": before})

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Begin to count the time."""
        self._begun = self._saved_at = time.monotonic()
        self._saved_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Keep the state before a validation, and where much work would be lost without.

        Raises
        ------
        ConfigError
            If the training came to nothing.
        OutputError
            If the state cannot be written.
        """
        late = trainer.strategy.reduce_boolean_decision(
            time.monotonic() - self._saved_at > INTERVAL, all=False
        )
        if not late and trainer.global_step % self.every:
            return
        if not math.isfinite(float(outputs["loss"])):
            self._spoilt = True
            kept = f"; {self.path} is of step {self._saved_step}" if self._saved_step else ""
            raise ConfigError(
                f"step {trainer.global_step}: the loss is no number any more: give a lower learning_rate, "
                f"or precision f32, in a new folder{kept}"
            )
        self._save(trainer)

    def on_train_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Keep the trained network, for what comes after the training may be interrupted too."""
        self._save(trainer)

    def on_exception(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Keep what is done so far.

        Not in a validation: it runs with averaged weights in place of those that learn, and the state before
        it is kept.
        """
        nothing_new = trainer.global_step <= self._saved_step or trainer.validating
        if nothing_new or self._spoilt or isinstance(exception, OutputError):
            return
        _forget_broken_step(trainer)
        try:
            self._save(trainer)
        except OutputError as error:
            logger.warning("%s; the last checkpoint is of step %d", error, self._saved_step)

    def _save(self, trainer: lightning.Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()


def _forget_broken_step(trainer: lightning.Trainer) -> None:
    """Count a batch that was begun and not learnt from as never seen, or validations would come early."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    for counts in (progress.total, progress.current):
        if isinstance(counts, _ProcessedTracker) and counts.processed == counts.completed:
            counts.ready = counts.started = counts.completed


def _read(path: Path, map_location: Any) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files of other origin, which are refused below
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: no checkpoint, or damaged; remove it to begin anew") from error
    if not isinstance(checkpoint, dict):
        raise ConfigError(f"{path}: no checkpoint of a training; remove it to begin anew")
    return checkpoint
