"""How far a training is and how good: for who watches, and for later."""

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
    from rich.progress import Progress

__all__ = ["REPORT_EVERY", "ProgressBar", "ProgressLines", "RecordMetrics"]

logger = logging.getLogger(__name__)

REPORT_EVERY = 50
"""Steps between two values of the loss, which is the mean over them."""


class RecordMetrics(Callback):
    """Writes the loss and the scores into a CSV file; a training that goes on adds to it.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    loss
        Mean over the last :data:`REPORT_EVERY` steps.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loss = float("nan")
        self._rows: list[dict[str, Any]] = []
        self._losses: list[Any] = []

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Take what was written before, up to where the training goes on."""
        self._rows = [row for row in _rows(self.path) if row["step"] <= trainer.global_step]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Add the loss."""
        self._losses.append(outputs["loss"].detach())
        if trainer.global_step % REPORT_EVERY == 0 or trainer.global_step == trainer.max_steps:
            self.loss = sum(float(value) for value in self._losses) / len(self._losses)
            self._losses = []
            self._write(trainer, {"loss": self.loss})

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Add the scores."""
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
    """Lines in the log, for where there is no terminal.

    Parameters
    ----------
    metrics
        Knows the loss; comes before this among the callbacks.
    """

    def __init__(self, metrics: RecordMetrics) -> None:
        self.metrics = metrics
        self._begun, self._first = 0.0, 0

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Begin to count the time."""
        self._begun, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Say how far the training is, how fast, and how long it will still take."""
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
        """Say how good the network is."""
        if trainer.is_global_zero:
            logger.info("%s", _line(trainer))


class ProgressBar(Callback):
    """A bar on a terminal.

    Parameters
    ----------
    metrics
        Knows the loss; comes before this among the callbacks.
    bar
        Where it is shown; by default on the standard error stream.
    """

    def __init__(self, metrics: RecordMetrics, bar: Progress | None = None) -> None:
        self.metrics, self.bar = metrics, bar or _bar()
        self._task: Any = None

    def on_train_start(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Show the bar."""
        if trainer.is_global_zero:
            self.bar.start()
            self._task = self.bar.add_task("steps", total=trainer.max_steps, completed=trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Move the bar; the loss stands before it."""
        if self._task is not None:
            loss = "steps" if isnan(self.metrics.loss) else f"loss {self.metrics.loss:.4f}"
            self.bar.update(self._task, completed=trainer.global_step, description=loss)

    def on_validation_start(self, *_: Any) -> None:
        """Say why the bar stands still."""
        if self._task is not None:
            self.bar.update(self._task, description="validation")

    def on_validation_end(self, trainer: lightning.Trainer, _module: lightning.LightningModule) -> None:
        """Say how good the network is, above the bar."""
        if self._task is not None:
            self.bar.console.print(_line(trainer), highlight=False, markup=False)

    def on_train_end(self, *_: Any) -> None:
        """Take the bar away."""
        self.bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Take the bar away."""
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
    """Return the rows of a file of metrics, with whole steps; none if there is no such file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{**row, "step": int(row["step"])} for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError):
        return []
