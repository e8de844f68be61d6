"""The loop that every training goes through: begin or go on, keep what is done, end with a model."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.loggers import CSVLogger

from skysieve.errors import ConfigError, OutputError
from skysieve.training.curves import draw_curves

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from skysieve.models.card import Model
    from skysieve.training.recipe import TrainingRecipe

__all__ = ["Trainee", "default_workers", "fit"]

logger = logging.getLogger(__name__)

RECIPE_FILE = "recipe.yaml"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"
INTERRUPTED = "interrupted.ckpt"
REPORT_EVERY = 50
"""Steps between two lines of progress."""


class Trainee(Protocol):
    """What is trained: the part of a training that differs from job to job."""

    recipe: TrainingRecipe

    def describe(self) -> str:
        """Return the recipe and all that it refers to, as YAML: what makes two trainings the same."""
        ...

    def module(self) -> lightning.LightningModule:
        """Return the network with its loss."""
        ...

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless batches, going on after those done."""
        ...

    def validation_batches(self) -> DataLoader[Any]:
        """Return the batches that are scored on the way."""
        ...

    def finish(self, module: lightning.LightningModule, folder: Path, *, facts: dict[str, Any]) -> Model:
        """Calibrate the trained network and write it as a model."""
        ...


def default_workers() -> int:
    """Return how many processes simulate: one less than there are processors, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 1)


def fit(
    trainee: Trainee, folder: Path, *, workers: int | None = None, device: str = "auto", progress: bool = True
) -> Model:
    """Train a network, or go on with a training that stopped, and write the model.

    The folder holds the recipe, checkpoints, ``metrics.csv`` and ``curves.png``, and at the end the model in
    ``model``.

    Parameters
    ----------
    trainee
        What is trained.
    folder
        Where all is kept; a training of the same recipe in it goes on where it stopped.
    workers
        Processes that simulate frames.
    device
        ``auto``, ``cpu`` or ``cuda``.
    progress
        Whether lines of progress are logged.

    Raises
    ------
    ConfigError
        If the folder holds another training, or the device is not there.
    OutputError
        If the folder cannot be written.
    """
    recipe = trainee.recipe
    last = _prepare(folder, trainee.describe())
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no GPU; use cpu")
    workers = default_workers() if workers is None else workers
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    module = trainee.module()
    feed = _Feed(trainee, workers)
    every = max(1, recipe.steps // max(1, recipe.validations))
    trainer = lightning.Trainer(
        accelerator={"cuda": "gpu"}.get(device, device),
        precision=_precision(recipe.precision, device),  # type: ignore[arg-type]
        max_steps=recipe.steps,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=CSVLogger(folder, name="", version="log"),
        log_every_n_steps=REPORT_EVERY,
        gradient_clip_val=1.0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[
            EMAWeightAveraging(decay=recipe.averaging),
            # Kept whole while the next is written: Lightning renames what is written to a temporary name
            ModelCheckpoint(folder / CHECKPOINTS, save_last=True, every_n_train_steps=every, save_top_k=0),
            OnExceptionCheckpoint(folder / CHECKPOINTS, filename=INTERRUPTED.removesuffix(".ckpt")),
            _Progress(recipe, enabled=progress),
        ],
    )
    started = time.monotonic()
    if last is not None:
        logger.info("going on with %s", last)
    trainer.fit(module, datamodule=feed, ckpt_path=last, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    facts = {
        "steps": trainer.global_step,
        "minutes_of_last_run": round((time.monotonic() - started) / 60, 1),
        "processes": workers,
        "device": str(module.device),
        "torch": torch.__version__,
    }
    if trainer.is_global_zero:
        draw_curves(folder / "log" / "metrics.csv", folder / "curves.png")
    return trainee.finish(module.cpu().eval(), folder / "model", facts=facts)


def _prepare(folder: Path, description: str) -> Path | None:
    """Make the folder, or find the checkpoint to go on from."""
    recipe = folder / RECIPE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not recipe.exists():
            if any(folder.iterdir()):
                raise OutputError(f"{folder}: is not empty and holds no training; choose another folder")
            recipe.write_text(description, encoding="utf-8")
        elif recipe.read_text(encoding="utf-8") != description:
            raise ConfigError(
                f"{folder}: holds a training by another recipe (see {RECIPE_FILE}); choose another folder"
            )
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    found = [path for name in (LAST, INTERRUPTED) if (path := folder / CHECKPOINTS / name).exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _precision(wanted: str, device: str) -> str:
    """Return Lightning's name of the precision, for what the machine has."""
    on_gpu = device != "cpu" and torch.cuda.is_available()
    has_bf16 = torch.cuda.is_bf16_supported() if on_gpu else torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if wanted == "bf16" and has_bf16 else "32-true"


class _Feed(lightning.LightningDataModule):
    """Batches for Lightning, from where the training stands."""

    def __init__(self, trainee: Trainee, workers: int) -> None:
        super().__init__()
        self.trainee, self.workers = trainee, workers

    def train_dataloader(self) -> DataLoader[Any]:
        trainer = self.trainer
        done, rank, ranks = (
            (trainer.global_step, trainer.global_rank, trainer.world_size) if trainer else (0, 0, 1)
        )
        return self.trainee.training_batches(done=done, workers=self.workers, rank=rank, ranks=ranks)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.trainee.validation_batches()


class _Progress(Callback):
    """Lines that say how far the training is, how good, and how long it will still take."""

    def __init__(self, recipe: TrainingRecipe, *, enabled: bool) -> None:
        self.recipe, self.enabled = recipe, enabled
        self._start, self._first = 0.0, 0

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        self._start, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        step = trainer.global_step
        if not self.enabled or step % REPORT_EVERY:
            return
        rate = (step - self._first) / (time.monotonic() - self._start)
        loss = float(trainer.callback_metrics.get("loss", float("nan")))
        left = (self.recipe.steps - step) / rate / 60
        logger.info(
            "step %d of %d: loss %.4f, %.2f steps/s, %.0f min left", step, self.recipe.steps, loss, rate, left
        )

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        if self.enabled:
            values = {k: float(v) for k, v in trainer.callback_metrics.items() if k != "loss"}
            logger.info(
                "step %d: %s", trainer.global_step, ", ".join(f"{k} {v:.3f}" for k, v in values.items())
            )
