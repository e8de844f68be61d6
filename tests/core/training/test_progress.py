"""What who watches a training sees: a bar on a terminal, lines elsewhere; and the picture at the end."""

from __future__ import annotations

import io
import logging
import re
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import lightning
import torch
from rich.console import Console
from rich.progress import Progress

from skysieve.core.errors import ConfigError
from skysieve.core.extras import install_command
from skysieve.core.training.curves import draw_curves
from skysieve.core.training.progress import REPORT_EVERY, ProgressBar, ProgressLines, RecordMetrics

LINE = lightning.LightningModule()


def trainer(step, *, first=True):
    metrics = {"AP": torch.tensor(0.25), "validation loss": torch.tensor(0.5)}
    return SimpleNamespace(global_step=step, max_steps=100, is_global_zero=first, callback_metrics=metrics)


def steps(callbacks, last, *, first=True):
    for callback in callbacks:
        callback.on_train_start(trainer(0, first=first), LINE)
    for step in range(1, last + 1):
        for callback in callbacks:
            callback.on_train_batch_end(trainer(step, first=first), LINE, {"loss": torch.tensor(2.0)})


@pytest.fixture
def recorded(tmp_path):
    return RecordMetrics(tmp_path / "metrics.csv")


def test_lines_say_how_far_how_good_and_how_long(recorded, caplog):
    lines = ProgressLines(recorded)
    with caplog.at_level(logging.INFO):
        steps([recorded, lines], REPORT_EVERY)
        lines.on_validation_end(trainer(REPORT_EVERY), LINE)
    first, second = (record.message for record in caplog.records)
    assert first.startswith("step 50 of 100: loss 2.0000, ")
    assert first.endswith(" min left")
    assert second == "step 50: AP 0.250, validation loss 0.500"


def test_a_bar_shows_the_loss_and_scores_above_it(recorded):
    shown = io.StringIO()
    bar = ProgressBar(recorded, Progress(console=Console(file=shown, force_terminal=True, width=100)))
    steps([recorded, bar], REPORT_EVERY)
    bar.on_validation_start(trainer(REPORT_EVERY), LINE)
    bar.on_validation_end(trainer(REPORT_EVERY), LINE)
    [task] = bar.bar.tasks
    assert (task.completed, task.total) == (50, 100)
    bar.on_train_batch_end(trainer(51))
    assert task.description == "loss 2.0000"
    bar.on_train_end()
    assert bar.bar.finished is False
    assert "step 50: AP 0.250, validation loss 0.500" in shown.getvalue()


def test_only_the_first_of_several_trainers_speaks_and_writes(recorded, caplog):
    shown = io.StringIO()
    bar = ProgressBar(recorded, Progress(console=Console(file=shown, force_terminal=True)))
    lines = ProgressLines(recorded)
    with caplog.at_level(logging.INFO):
        steps([recorded, bar, lines], REPORT_EVERY, first=False)
        for callback in (bar, lines):
            callback.on_validation_end(trainer(REPORT_EVERY, first=False), LINE)
        bar.on_exception()
    assert not caplog.records
    assert shown.getvalue() == ""
    assert not recorded.path.exists()


def test_a_file_of_metrics_that_is_none_is_begun_anew(recorded):
    recorded.path.write_text("hello\nworld\n")
    steps([recorded], REPORT_EVERY)
    assert recorded.path.read_text().splitlines() == ["step,loss", "50,2.0"]


class TestCurves:
    def test_are_drawn_where_values_are_missing(self, tmp_path):
        (tmp_path / "m.csv").write_text("step,loss,AP,AP OV\n50,0.5,,\n50,,0.2,nan\n100,0.25,,\n")
        draw_curves(tmp_path / "m.csv", tmp_path / "c.png")
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    def test_are_drawn_of_nothing(self, tmp_path):
        (tmp_path / "m.csv").write_text("step,loss\n")
        draw_curves(tmp_path / "m.csv", tmp_path / "c.png")
        assert (tmp_path / "c.png").exists()

    def test_need_matplotlib(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(ConfigError, match=re.escape(install_command("train"))):
            draw_curves(tmp_path / "m.csv", tmp_path / "c.png")
