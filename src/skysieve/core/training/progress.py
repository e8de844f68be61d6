"""Callbacks that record the metrics of a training and show its progress."""

from __future__ import annotations

import csv
import logging
import time
from math import isnan
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Callback

from skysieve.core.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    import lightning
    from rich.progress import Progress, TaskID
    from torch import Tensor

__all__ = ["REPORT_EVERY", "ProgressBar", "ProgressLines", "RecordMetrics"]

logger = logging.getLogger(__name__)

REPORT_EVERY = 50
"""Number of steps over which each recorded loss is averaged."""


class RecordMetrics(Callback):
    """Write the loss and the validation scores to a CSV file; a resumed training appends to it.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    loss
        Mean over the last :data:`REPORT_EVERY` steps; NaN before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loss = float("nan")
        self._rows: list[dict[str, Any]] = []
        self._losses: list[Tensor] = []

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Read the rows of earlier runs, up to the current step."""
        self._rows = [row for row in _rows(self.path) if row["step"] <= trainer.global_step]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Add the loss every :data:`REPORT_EVERY` steps."""
        self._losses.append(outputs["loss"].detach())
        if trainer.global_step % REPORT_EVERY == 0 or trainer.global_step == trainer.max_steps:
            self.loss = sum(float(value) for value in self._losses) / len(self._losses)
            self._losses = []
            self._write(trainer, {"loss": self.loss})

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Add the validation scores."""
        self._write(trainer, _scores(trainer))

    def _write(self, trainer: lightning.Trainer, values: dict[str, float]) -> None:
        self._rows.append({"step": trainer.global_step, **values})
        if not trainer.is_global_zero:
            return
        names = dict.fromkeys(name for row in self._rows for name in row)
        with (
            atomic_write(self.path, overwrite=True) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(names))
            writer.writeheader()
            writer.writerows(self._rows)


class ProgressLines(Callback):
    """Show the progress as log lines, for use without a terminal.

    Parameters
    ----------
    metrics
        Source of the loss; must come before this callback in the list.
    """

    def __init__(self, metrics: RecordMetrics) -> None:
        self.metrics = metrics
        self._begun, self._first = 0.0, 0

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._begun, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Log the step, the loss, the speed and the remaining time every :data:`REPORT_EVERY` steps."""
        step = trainer.global_step
        if step % REPORT_EVERY or not trainer.is_global_zero:
            return
        rate = (step - self._first) / (time.monotonic() - self._begun)
        left = (trainer.max_steps - step) / rate / 60
        logger.info(
            "step %d of %d: loss %.4f, %.2f steps/s, %.0f min left",
            *(step, trainer.max_steps, self.metrics.loss, rate, left),
        )

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Log the validation scores."""
        if trainer.is_global_zero:
            logger.info("%s", _line(trainer))


class ProgressBar(Callback):
    """Show the progress as a bar on a terminal.

    Parameters
    ----------
    metrics
        Source of the loss; must come before this callback in the list.
    bar
        Bar to use; by default a new one on the standard error stream.
    """

    def __init__(self, metrics: RecordMetrics, bar: Progress | None = None) -> None:
        self.metrics, self.bar = metrics, bar or _bar()
        self._task: TaskID | None = None

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Show the bar."""
        if trainer.is_global_zero:
            self.bar.start()
            self._task = self.bar.add_task("steps", total=trainer.max_steps, completed=trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Advance the bar and show the loss before it."""
        if self._task is not None:
            loss = "steps" if isnan(self.metrics.loss) else f"loss {self.metrics.loss:.4f}"
            self.bar.update(self._task, completed=trainer.global_step, description=loss)

    def on_validation_start(self, *_: Any) -> None:
        """Show that a validation is running."""
        if self._task is not None:
            self.bar.update(self._task, description="validation")

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Print the validation scores above the bar."""
        if self._task is not None:
            self.bar.console.print(_line(trainer), highlight=False, markup=False)

    def on_train_end(self, *_: Any) -> None:
        """Remove the bar."""
        self.bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Remove the bar."""
        self.bar.stop()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _scores(trainer: lightning.Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items() if name != "loss"}


def _line(trainer: lightning.Trainer) -> str:
    scores = ", ".join(f"{name} {value:.3f}" for name, value in _scores(trainer).items())
    return f"step {trainer.global_step}: {scores}"


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a metrics file, with integer steps; empty if the file cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{**row, "step": int(row["step"])} for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError):
        return []
