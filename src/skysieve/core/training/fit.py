"""The training loop of all jobs: start or resume, keep checkpoints, write the model at the end."""

from __future__ import annotations

import logging
import math
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from skysieve.core.training.processors import default_workers  # before torch: see there

# isort: split
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.training.checkpoints import TrainingState, same_training
from skysieve.core.training.curves import draw_curves
from skysieve.core.training.devices import check_device, process_rank, start_trainers
from skysieve.core.training.feed import shorten_worker_error
from skysieve.core.training.interrupts import Interrupts
from skysieve.core.training.memory import keep_freed_memory
from skysieve.core.training.progress import Metrics, choose_display

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.utils.data import DataLoader

    from skysieve.core.models.card import Model
    from skysieve.core.training.devices import Trainer
    from skysieve.core.training.learner import Learner
    from skysieve.core.training.task import TrainingTask

__all__ = ["fit"]

logger = logging.getLogger(__name__)

RECIPE_FILE = "recipe.yaml"
METRICS_FILE = "metrics.csv"
CURVES_FILE = "curves.png"
CHECKPOINT = Path("checkpoints", "last.ckpt")
MODEL = "model"

INTERVAL = 300.0
"""Seconds between two checkpoints: the most work that a power failure can lose."""

MAX_NORM = 1.0
"""Norm to which longer gradients are clipped."""


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
    kind = check_device(device)
    if process_rank() == 0:
        _prepare(folder, description)
    torch.manual_seed(recipe.seed)
    learner = task.learner()
    workers = default_workers() if workers is None else workers
    if kind == "cpu":
        keep_freed_memory()
    with start_trainers(kind) as trainer:
        new_parts = None if task.initial is None else task.new_parts
        state = TrainingState(learner.to(trainer.device), description, new_parts=new_parts)
        if (folder / CHECKPOINT).exists():
            state.load(folder / CHECKPOINT)
            logger.info("going on with %s, to step %d", folder / CHECKPOINT, recipe.steps)
        if trainer.rank == 0:
            _describe(folder, description)
        _Run(task, state, trainer, folder, workers).train(show=progress)
    if trainer.rank:
        return None
    facts: dict[str, object] = {
        "steps": state.step,
        "minutes": round(state.minutes, 1),
        "processes": workers,
        "device": trainer.name,
        "precision": "bf16-mixed" if trainer.uses_bf16(recipe.precision) else "32-true",
        "torch": torch.__version__,
    }
    if task.origin:
        facts["init"] = task.origin
    if state.schedules_before:
        facts["schedules_before"] = state.schedules_before
    learner.network = state.average.module
    model = task.finish(learner.cpu().eval(), folder / MODEL, facts=facts)
    draw_curves(folder / METRICS_FILE, folder / CURVES_FILE)
    return model


class _Run:
    """The steps of a training, from the present state to the last one."""

    def __init__(
        self, task: TrainingTask, state: TrainingState, trainer: Trainer, folder: Path, workers: int
    ) -> None:
        self.task, self.state, self.trainer, self.folder, self.workers = task, state, trainer, folder, workers
        self.recipe = task.recipe
        self.bf16 = trainer.uses_bf16(self.recipe.precision)
        self.every = max(1, self.recipe.steps // self.recipe.validations)
        self.learner: Learner = state.learner
        self.loss_of: nn.Module = _Loss(state.learner)
        if trainer.ranks > 1:
            self.loss_of = DistributedDataParallel(self.loss_of)
        self.metrics = Metrics(folder / METRICS_FILE, state.step)
        self.interrupts = Interrupts()
        self.loss = torch.zeros(())
        self._validation: DataLoader[Any] | None = None

    def train(self, *, show: bool) -> None:
        """Train to the last step.

        Raises
        ------
        KeyboardInterrupt
            If the training is interrupted; the state is saved.
        """
        first = self.trainer.rank == 0
        self.display = choose_display(self.recipe.steps, self.state.step, shown=show and first)
        try:
            with self.interrupts.recorded():
                self._steps()
        except KeyboardInterrupt as error:
            self._save_after(error)
            self._interrupted(error)
        except Exception as error:
            self._save_after(error)
            if self.interrupts.asked:  # the same signal ended the worker processes
                self._interrupted(error)
            shortened = shorten_worker_error(error)
            if shortened is error:
                raise
            raise shortened from error
        finally:
            self.display.close()

    def _steps(self) -> None:
        recipe, state = self.recipe, self.state
        if state.step >= recipe.steps:
            return
        self.learner.train()
        batches = iter(
            self.task.training_batches(
                done=state.step * recipe.accumulate,
                workers=max(1, self.workers // self.trainer.ranks) if self.workers else 0,
                rank=self.trainer.rank,
                ranks=self.trainer.ranks,
            )
        )
        while state.step < recipe.steps:
            self.loss = self._step(batches)
            last, validates = state.step == recipe.steps, state.step % self.every == 0
            late = time.monotonic() - state.saved_at > INTERVAL
            asked, late = self.trainer.any_of(self.interrupts.asked, late)
            if last or validates or late:
                self._check_loss()
                self._save()
            if self.trainer.rank == 0:
                self.metrics.add_loss(state.step, self.loss, last=last)
                self.display.show_step(state.step, self.metrics.loss)
            if asked:
                raise KeyboardInterrupt
            if validates:
                self._validate()

    def _step(self, batches: Iterator[Any]) -> Tensor:
        """Do one step and return its loss."""
        learner, parts = self.learner, []
        learner.step = self.state.step
        learner.before_step()
        for _ in range(self.recipe.accumulate):
            batch = self.trainer.to_device(next(batches))
            with self._precision():
                loss = self.loss_of(batch) / self.recipe.accumulate
            loss.backward()
            parts.append(loss.detach())
        nn.utils.clip_grad_norm_(self.state.parameters(), MAX_NORM)
        self.state.advance()
        learner.step = self.state.step
        return torch.stack(parts).sum()

    def _validate(self) -> None:
        """Score the averaged network; the one that is trained stays as it is."""
        self.display.show_validation()
        if self._validation is None:
            self._validation = self.task.validation_batches()
        with self._averaged(), torch.inference_mode(), self._precision():
            self.learner.before_validation()
            for batch in self._validation:
                self.learner.validate(self.trainer.to_device(batch))
                if self.trainer.any_of(self.interrupts.asked)[0]:
                    raise KeyboardInterrupt
            scores = self.learner.scores()
        if self.trainer.rank == 0:
            self.metrics.write(self.state.step, scores)
            self.display.show_scores(self.state.step, scores)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Put the averaged network in place of the trained one, in evaluation mode."""
        trained = self.learner.network
        self.learner.network = self.state.average.module
        self.learner.eval()
        try:
            yield
        finally:
            self.learner.network = trained
            self.learner.train()

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.trainer.device.type, torch.bfloat16, enabled=self.bf16)

    def _check_loss(self) -> None:
        finite = math.isfinite(float(self.loss))
        if self.trainer.any_of(not finite)[0]:
            saved = self.state.saved_step
            kept = f"; {self.folder / CHECKPOINT} is of step {saved}" if saved else ""
            raise ConfigError(
                f"step {self.state.step}: the loss is no number any more: give a lower learning_rate, "
                f"or precision f32, in a new folder{kept}"
            )

    def _save(self) -> None:
        if self.trainer.rank == 0:
            self.state.save(self.folder / CHECKPOINT)
        else:
            self.state.saved_step, self.state.saved_at = self.state.step, time.monotonic()

    def _save_after(self, error: BaseException) -> None:
        """Save the work done so far, unless it is saved, cannot be saved, or is of no use."""
        saved = self.state.step <= self.state.saved_step
        if saved or isinstance(error, OutputError) or not math.isfinite(float(self.loss)):
            return
        try:
            self._save()
        except OutputError as problem:
            logger.warning("%s; the last checkpoint is of step %d", problem, self.state.saved_step)

    def _interrupted(self, cause: BaseException) -> NoReturn:
        logger.warning(
            "interrupted at step %d of %d; the same command goes on from there",
            *(self.state.step, self.recipe.steps),
        )
        raise KeyboardInterrupt from cause


class _Loss(nn.Module):
    """The loss of a learner as a forward pass, which torch distributes over GPUs."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, batch: Any) -> Tensor:
        return self.learner.training_loss(batch)


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
