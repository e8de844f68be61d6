"""What who watches a training sees: a bar on a terminal, lines elsewhere; and the picture at the end."""

from __future__ import annotations

import io
import logging
import re
import sys

import pytest

pytest.importorskip("torch")

import torch
from rich.console import Console
from rich.progress import Progress

from skysieve.core.errors import ConfigError
from skysieve.core.extras import install_command
from skysieve.core.training.curves import draw_curves
from skysieve.core.training.progress import REPORT_EVERY, Metrics, ProgressBar, ProgressLines, choose_display

SCORES = {"AP": 0.25, "validation loss": 0.5}


def do_steps(metrics, display, last):
    for step in range(1, last + 1):
        metrics.add_loss(step, torch.tensor(2.0))
        display.show_step(step, metrics.loss)


@pytest.fixture
def metrics(tmp_path):
    return Metrics(tmp_path / "metrics.csv")


def test_lines_say_how_far_how_good_and_how_long(metrics, caplog):
    lines = ProgressLines(100)
    with caplog.at_level(logging.INFO):
        do_steps(metrics, lines, REPORT_EVERY)
        lines.show_scores(REPORT_EVERY, SCORES)
    first, second = (record.message for record in caplog.records)
    assert first.startswith("step 50 of 100: loss 2.0000, ")
    assert first.endswith(" min left")
    assert second == "step 50: AP 0.250, validation loss 0.500"


def test_a_bar_shows_the_loss_and_scores_above_it(metrics):
    shown = io.StringIO()
    bar = ProgressBar(
        100, bar=Progress(console=Console(file=shown, force_terminal=True, width=100), auto_refresh=False)
    )
    do_steps(metrics, bar, REPORT_EVERY)
    bar.show_validation()
    bar.show_scores(REPORT_EVERY, SCORES)
    [task] = bar.bar.tasks
    assert (task.completed, task.total) == (50, 100)
    assert task.description == "validation"
    bar.show_step(51, metrics.loss)
    assert task.description == "loss 2.0000"
    bar.close()
    assert "step 50: AP 0.250, validation loss 0.500" in shown.getvalue()


def test_nothing_is_shown_unless_asked_for(caplog, capfd):
    with caplog.at_level(logging.INFO):
        display = choose_display(100, 0, shown=False)
        display.show_step(50, 1.0)
        display.show_scores(50, SCORES)
        display.close()
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_file_of_metrics_that_is_none_is_begun_anew(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("hello\nworld\n")
    metrics = Metrics(path)
    for step in range(1, REPORT_EVERY + 1):
        metrics.add_loss(step, torch.tensor(2.0))
    assert path.read_text().splitlines() == ["step,loss", "50,2.0"]


def test_rows_of_steps_that_are_done_again_are_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n50,3.0\n100,2.0\n")
    Metrics(path, 60).write(70, {"loss": 1.0})
    assert path.read_text().splitlines() == ["step,loss", "50,3.0", "70,1.0"]


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
