"""The training loop of all jobs: start or resume, keep checkpoints, write the model at the end."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

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
from skysieve.core.training.feed import TrainingData, shorten_worker_error
from skysieve.core.training.interrupts import StopBetweenSteps
from skysieve.core.training.memory import keep_freed_memory
from skysieve.core.training.progress import ProgressBar, ProgressLines, RecordMetrics
from skysieve.core.training.quiet import quiet_lightning

if TYPE_CHECKING:
    from skysieve.core.models.card import Model
    from skysieve.core.training.task import TrainingTask

__all__ = ["DEVICES", "fit"]

logger = logging.getLogger(__name__)

RECIPE_FILE = "recipe.yaml"
METRICS_FILE = "metrics.csv"
CURVES_FILE = "curves.png"
CHECKPOINT = Path("checkpoints", "last.ckpt")
MODEL = "model"

DEVICES = ("auto", "cpu", "cuda")


def fit(
    task: TrainingTask,
    folder: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Model | None:
    """Train a network, or resume a training that stopped, and write the model.

    The folder holds the recipe, the last checkpoint, ``metrics.csv`` and ``curves.png``, and at the end the
    model in ``model``.

    Parameters
    ----------
    task
        Network, data and recipe.
    folder
        Output folder; if it holds a training by the same recipe, that training resumes.
    workers
        Number of processes that simulate training data; by default one for each processor.
    device
        ``auto``, ``cpu`` or ``cuda``; ``cuda`` uses every visible GPU.
    progress
        Whether to show the progress: as a bar on a terminal, as log lines elsewhere.

    Returns
    -------
    Model
        The model as written. With several GPUs each has one process; all but the first return None.

    Raises
    ------
    ConfigError
        If the folder holds a training by another recipe (a different number of steps is allowed), the device
        is not available, or the loss is no longer finite.
    KeyboardInterrupt
        If the training is interrupted; its state is saved first.
    OutputError
        If the folder cannot be written.
    """
    recipe, description = task.recipe, task.describe()
    _prepare(folder, description)
    accelerator = _accelerator(device)
    torch.manual_seed(recipe.seed)
    module = task.module()
    checkpoint = folder / CHECKPOINT
    resumes = checkpoint.exists()
    if resumes:
        check_checkpoint(checkpoint, module, description)
        logger.info("going on with %s, to step %d", checkpoint, recipe.steps)
    _describe(folder, description)
    if accelerator == "cpu" or not torch.cuda.is_available():
        keep_freed_memory()
    every = max(1, recipe.steps // recipe.validations)
    workers = default_workers() if workers is None else workers
    metrics, stopping = RecordMetrics(folder / METRICS_FILE), StopBetweenSteps()
    keeping = KeepCheckpoint(checkpoint, every=every, description=description)
    displays: list[Callback] = []
    if progress:
        displays.append(ProgressBar(metrics) if sys.stderr.isatty() else ProgressLines(metrics))
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
            # Averaging comes first, so that a checkpoint holds the averages of its own step
            callbacks=[EMAWeightAveraging(decay=recipe.averaging), metrics, *displays, keeping, stopping],
        )
        _run(trainer, module, TrainingData(task, workers), stopping, checkpoint if resumes else None)
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
    if task.origin:
        facts["init"] = task.origin
    if keeping.schedules_before:
        facts["schedules_before"] = keeping.schedules_before
    model = task.finish(module.cpu().eval(), folder / MODEL, facts=facts)
    draw_curves(folder / METRICS_FILE, folder / CURVES_FILE)
    return model


def _run(
    trainer: lightning.Trainer,
    module: lightning.LightningModule,
    data: TrainingData,
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
        with stopping.stop_on_signals():
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint)
    except SystemExit as end:
        # Lightning turns an interrupt into SystemExit
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        _interrupted(trainer, end)
    except Exception as error:
        if stopping.asked:  # the same signal ended the worker processes
            _interrupted(trainer, error)
        shortened = shorten_worker_error(error)
        if shortened is error:
            raise
        raise shortened from error


def _interrupted(trainer: lightning.Trainer, cause: BaseException) -> NoReturn:
    logger.warning(
        "interrupted at step %d of %d; the same command goes on from there",
        *(trainer.global_step, trainer.max_steps),
    )
    raise KeyboardInterrupt from cause


def _prepare(folder: Path, description: str) -> None:
    """Create the folder, or check that it holds this training."""
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
    """Write the description of the training, unless the file already holds it."""
    recipe = folder / RECIPE_FILE
    if not recipe.exists() or recipe.read_text(encoding="utf-8") != description:
        with atomic_write(recipe, overwrite=True) as temporary:
            temporary.write_text(description, encoding="utf-8")


def _accelerator(device: str) -> str:
    """Return Lightning's name for a device."""
    if device not in DEVICES:
        raise ConfigError(f"--device {device}: choose from {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no GPU; use cpu")
    return "gpu" if device == "cuda" else device


def _precision(wanted: str, accelerator: str) -> str:
    """Return Lightning's name for the precision that the machine supports."""
    if accelerator != "cpu" and torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported()
    else:
        has_bf16 = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 (torch has no public function for this)
    return "bf16-mixed" if wanted == "bf16" and has_bf16 else "32-true"


def _on_gpu(trainer: lightning.Trainer) -> bool:
    return trainer.strategy.root_device.type == "cuda"
