"""The loop that every training goes through: begin or go on, keep what is done, end with a model."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from skysieve.core.training.processors import default_workers  # before torch: see there

# isort: split
import lightning
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.training.checkpoints import (
    CheckpointFiles,
    KeepCheckpoint,
    check_checkpoint,
    same_training,
)
from skysieve.core.training.curves import draw_curves
from skysieve.core.training.feed import Feed, in_one_line
from skysieve.core.training.interrupts import StopBetweenSteps
from skysieve.core.training.memory import keep_freed_memory
from skysieve.core.training.progress import ProgressBar, ProgressLines, RecordMetrics
from skysieve.core.training.quiet import quiet_lightning

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from skysieve.core.models.card import Model
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["DEVICES", "Trainee", "fit"]

logger = logging.getLogger(__name__)

RECIPE_FILE = "recipe.yaml"
METRICS_FILE = "metrics.csv"
CURVES_FILE = "curves.png"
CHECKPOINT = Path("checkpoints", "last.ckpt")
MODEL = "model"

DEVICES = ("auto", "cpu", "cuda")


class Trainee(Protocol):
    """What is trained: the part of a training that differs from job to job.

    Attributes
    ----------
    recipe
        How.
    origin
        Name and checksum of the model that it begins with; empty for random weights.
    """

    recipe: TrainingRecipe
    origin: str

    def describe(self) -> str:
        """Return the recipe and all that it refers to, as YAML: what makes two trainings the same."""
        ...

    def module(self) -> lightning.LightningModule:
        """Return the network with its loss."""
        ...

    def training_batches(self, *, done: int, workers: int, rank: int, ranks: int) -> DataLoader[Any]:
        """Return endless batches, going on after the steps that are done."""
        ...

    def validation_batches(self) -> DataLoader[Any]:
        """Return the batches that are scored on the way."""
        ...

    def finish(self, module: lightning.LightningModule, folder: Path, *, facts: dict[str, Any]) -> Model:
        """Calibrate the trained network and write it as a model."""
        ...


def fit(
    trainee: Trainee, folder: Path, *, workers: int | None = None, device: str = "auto", progress: bool = True
) -> Model | None:
    """Train a network, or go on with a training that stopped, and write the model.

    The folder holds the recipe, the last checkpoint, ``metrics.csv`` and ``curves.png``, and at the end the
    model in ``model``.

    Parameters
    ----------
    trainee
        What is trained.
    folder
        Where all is kept; a training of the same recipe in it goes on where it stopped.
    workers
        Processes that simulate frames; by default one on each processor.
    device
        ``auto``, ``cpu`` or ``cuda``, which takes every GPU that is visible.
    progress
        Whether to tell how far the training is: by a bar on a terminal, by lines in the log elsewhere.

    Returns
    -------
    Model
        As written; None in all but the first of several processes, of which each trains on one GPU.

    Raises
    ------
    ConfigError
        If the folder holds a training by another recipe, the number of steps apart, the device is not there,
        or the training comes to nothing.
    KeyboardInterrupt
        If it is interrupted; the state is kept.
    OutputError
        If the folder cannot be written.
    """
    recipe, description = trainee.recipe, trainee.describe()
    _prepare(folder, description)
    accelerator = _accelerator(device)
    torch.manual_seed(recipe.seed)
    module = trainee.module()
    checkpoint = folder / CHECKPOINT
    goes_on = checkpoint.exists()
    if goes_on:
        check_checkpoint(checkpoint, module, description)
        logger.info("going on with %s, to step %d", checkpoint, recipe.steps)
    _describe(folder, description)
    if accelerator == "cpu" or not torch.cuda.is_available():
        keep_freed_memory()
    every = max(1, recipe.steps // recipe.validations)
    workers = default_workers() if workers is None else workers
    metrics, stopping = RecordMetrics(folder / METRICS_FILE), StopBetweenSteps()
    keeping = KeepCheckpoint(checkpoint, every=every, description=description)
    showing: list[Callback] = []
    if progress:
        showing.append(ProgressBar(metrics) if sys.stderr.isatty() else ProgressLines(metrics))
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator=accelerator,
            precision=_precision(recipe.precision, accelerator),  # type: ignore[arg-type]
            max_steps=recipe.steps,
            val_check_interval=every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=[CheckpointFiles()],
            # averaging first: what is kept holds the averages of its own step
            callbacks=[EMAWeightAveraging(decay=recipe.averaging), metrics, *showing, keeping, stopping],
        )
        _run(trainer, module, Feed(trainee, workers), stopping, checkpoint if goes_on else None)
    if not trainer.is_global_zero:
        return None
    facts = {
        "steps": trainer.global_step,
        "minutes": round(keeping.minutes, 1),
        "processes": workers,
        "device": f"{trainer.world_size} × {torch.cuda.get_device_name()}" if _on_gpu(trainer) else "cpu",
        "precision": trainer.precision,
        "torch": torch.__version__,
    }
    if trainee.origin:
        facts["init"] = trainee.origin
    if keeping.schedules_before:
        facts["schedules_before"] = keeping.schedules_before
    model = trainee.finish(module.cpu().eval(), folder / MODEL, facts=facts)
    draw_curves(folder / METRICS_FILE, folder / CURVES_FILE)
    return model


def _run(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    feed: Feed,
    stopping: StopBetweenSteps,
    checkpoint: Path | None,
) -> None:
    """Train to the end.

    Raises
    ------
    KeyboardInterrupt
        If the training is interrupted; the state is kept.
    """
    try:
        with stopping.listening():
            trainer.fit(module, datamodule=feed, ckpt_path=checkpoint)
    except SystemExit as end:
        # Lightning makes this of an interrupt
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        _interrupted(trainer, end)
    except Exception as error:
        if stopping.asked:  # whoever ended the processes that simulate asked this one to end, too
            _interrupted(trainer, error)
        told = in_one_line(error)
        if told is error:
            raise
        raise told from error


def _interrupted(trainer: lightning.Trainer, cause: BaseException) -> NoReturn:
    logger.warning(
        "interrupted at step %d of %d; the same command goes on from there",
        *(trainer.global_step, trainer.max_steps),
    )
    raise KeyboardInterrupt from cause


def _prepare(folder: Path, description: str) -> None:
    """Make the folder, or make sure that it holds this training."""
    recipe = folder / RECIPE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = recipe.read_text(encoding="utf-8") if recipe.exists() else None
        foreign = found is None and any(folder.iterdir())
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "its recipe is no text"
        raise OutputError(f"{folder}: cannot be used ({problem}); choose another folder") from error
    if foreign:
        raise OutputError(f"{folder}: is not empty and holds no training; choose another folder")
    if found is not None and not same_training(found, description):
        raise ConfigError(
            f"{folder}: holds a training by another recipe (see {RECIPE_FILE}); choose another folder"
        )


def _describe(folder: Path, description: str) -> None:
    """Write what the training is, unless it stands there."""
    recipe = folder / RECIPE_FILE
    if not recipe.exists() or recipe.read_text(encoding="utf-8") != description:
        with atomic_write(recipe, overwrite=True) as temporary:
            temporary.write_text(description, encoding="utf-8")


def _accelerator(device: str) -> str:
    """Return Lightning's name of a device."""
    if device not in DEVICES:
        raise ConfigError(f"--device {device}: choose from {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no GPU; use cpu")
    return "gpu" if device == "cuda" else device


def _precision(wanted: str, accelerator: str) -> str:
    """Return Lightning's name of the precision, for what the machine has."""
    if accelerator != "cpu" and torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported()
    else:
        has_bf16 = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 (said nowhere else)
    return "bf16-mixed" if wanted == "bf16" and has_bf16 else "32-true"


def _on_gpu(trainer: lightning.Trainer) -> bool:
    return trainer.strategy.root_device.type == "cuda"
