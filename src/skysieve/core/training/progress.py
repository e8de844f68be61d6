"""Metrics of a training, and displays of its progress."""

from __future__ import annotations

import csv
import logging
import sys
import time
from math import isnan
from typing import TYPE_CHECKING, Any

from skysieve.core.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.progress import Progress as RichProgress
    from torch import Tensor

__all__ = ["REPORT_EVERY", "Metrics", "Progress", "ProgressBar", "ProgressLines", "choose_display"]

logger = logging.getLogger(__name__)

REPORT_EVERY = 50
"""Number of steps over which each recorded loss is averaged."""


class Metrics:
    """Loss and validation scores in a CSV file; a resumed training appends to it.

    Parameters
    ----------
    path
        The file.
    step
        Number of completed steps; rows of later steps are dropped.

    Attributes
    ----------
    loss
        Mean over the last :data:`REPORT_EVERY` steps; NaN before.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        self.path = path
        self.loss = float("nan")
        self._rows = [row for row in _rows(path) if row["step"] <= step]
        self._losses: list[Tensor] = []

    def add_loss(self, step: int, loss: Tensor, *, last: bool = False) -> None:
        """Add the loss of a step; a row is written every :data:`REPORT_EVERY` steps.

        Parameters
        ----------
        step
            Number of completed steps.
        loss
            Scalar.
        last
            Whether the training ends here.
        """
        self._losses.append(loss)
        if step % REPORT_EVERY == 0 or last:
            self.loss = sum(float(value) for value in self._losses) / len(self._losses)
            self._losses = []
            self.write(step, {"loss": self.loss})

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row.

        Parameters
        ----------
        step
            Number of completed steps.
        values
            Values by column.
        """
        self._rows.append({"step": step, **values})
        names = dict.fromkeys(name for row in self._rows for name in row)
        with (
            atomic_write(self.path, overwrite=True) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(names))
            writer.writeheader()
            writer.writerows(self._rows)


class Progress:
    """Display of the progress; this one shows nothing.

    Parameters
    ----------
    steps
        Number of steps of the training.
    first
        Number of steps completed before.
    """

    def __init__(self, steps: int, first: int = 0) -> None:
        self.steps, self.first = steps, first

    def show_step(self, step: int, loss: float) -> None:
        """Show a completed step.

        Parameters
        ----------
        step
            Number of completed steps.
        loss
            Mean loss of the last steps; NaN if unknown.
        """

    def show_validation(self) -> None:
        """Show that a validation is running."""

    def show_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Show the scores of a validation.

        Parameters
        ----------
        step
            Number of completed steps.
        scores
            Scores by name.
        """

    def close(self) -> None:
        """Remove what is shown."""


class ProgressLines(Progress):
    """Display as log lines, for use without a terminal.

    Parameters
    ----------
    steps, first
        See :class:`Progress`.
    """

    def __init__(self, steps: int, first: int = 0) -> None:
        super().__init__(steps, first)
        self._begun = time.monotonic()

    def show_step(self, step: int, loss: float) -> None:
        """Log the step, the loss, the speed and the remaining time every :data:`REPORT_EVERY` steps."""
        if step % REPORT_EVERY == 0:
            rate = (step - self.first) / (time.monotonic() - self._begun)
            left = (self.steps - step) / rate / 60
            logger.info(
                "step %d of %d: loss %.4f, %.2f steps/s, %.0f min left", step, self.steps, loss, rate, left
            )

    def show_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Log the scores."""
        logger.info("%s", _line(step, scores))


class ProgressBar(Progress):
    """Display as a bar on a terminal.

    Parameters
    ----------
    steps, first
        See :class:`Progress`.
    bar
        Bar to use; by default a new one on the standard error stream.
    """

    def __init__(self, steps: int, first: int = 0, bar: RichProgress | None = None) -> None:
        super().__init__(steps, first)
        self.bar = bar or _bar()
        self.bar.start()
        self._task = self.bar.add_task("steps", total=steps, completed=first)

    def show_step(self, step: int, loss: float) -> None:
        """Advance the bar and show the loss before it."""
        text = "steps" if isnan(loss) else f"loss {loss:.4f}"
        self.bar.update(self._task, completed=step, description=text)

    def show_validation(self) -> None:
        """Show that a validation is running."""
        self.bar.update(self._task, description="validation")

    def show_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Print the scores above the bar."""
        self.bar.console.print(_line(step, scores), highlight=False, markup=False)

    def close(self) -> None:
        """Remove the bar."""
        self.bar.stop()


def choose_display(steps: int, first: int, *, shown: bool) -> Progress:
    """Return a display of the progress.

    Parameters
    ----------
    steps, first
        See :class:`Progress`.
    shown
        Whether to show anything.

    Returns
    -------
    Progress
        A bar on a terminal, log lines elsewhere.
    """
    if not shown:
        return Progress(steps, first)
    return ProgressBar(steps, first) if sys.stderr.isatty() else ProgressLines(steps, first)


def _bar() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return RichProgress(*columns, console=Console(stderr=True), transient=True)


def _line(step: int, scores: Mapping[str, float]) -> str:
    return f"step {step}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items())


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a metrics file, with integer steps; empty if the file cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [{**row, "step": int(row["step"])} for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError):
        return []
