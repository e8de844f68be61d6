"""The loop: what a training leaves, how it goes on after a stop, and what it says of what is wrong."""

from __future__ import annotations

import csv
import errno
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.training.line import Line, LineTraining
from torch.utils.data import IterableDataset

from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.training import fit as loop
from skysieve.core.training.feed import shorten_worker_error, stream_batches
from skysieve.core.training.fit import fit


def train(training, folder, **options):
    return fit(training, folder, **{"workers": 0, "device": "cpu", "progress": False, **options})


def stop_at(wanted, error=KeyboardInterrupt):
    """Return what raises an error at a step."""

    def stop(number):
        if number == wanted:
            raise error

    return stop


def metrics(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def last(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that was never stopped, and its folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    training = LineTraining()
    train(training, folder)
    return training, folder


class TestATraining:
    def test_does_the_steps_of_its_recipe_and_validates_on_the_way(self, whole):
        training, _ = whole
        assert training.steps == list(range(6))
        assert training.validated == 2 * 2

    def test_leaves_recipe_checkpoint_metrics_and_curves(self, whole):
        training, folder = whole
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        assert names == ["checkpoints/last.ckpt", "curves.png", "metrics.csv", "recipe.yaml"]
        assert (folder / "recipe.yaml").read_text() == training.describe()
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
        assert last(folder)["step"] == 6

    def test_writes_loss_and_scores_with_their_steps(self, whole):
        rows = metrics(whole[1])
        assert [(int(row["step"]), bool(row["loss"]), bool(row["AP"])) for row in rows] == [
            (3, False, True),
            (6, True, False),
            (6, False, True),
        ]

    def test_hands_on_averaged_weights_with_the_facts(self, whole):
        training, folder = whole
        [weights] = training.finished
        average = last(folder)["average"]
        assert same(weights, {name: average[f"module.{name}"] for name in weights})
        assert not same(weights, last(folder)["network"])
        facts = training.facts
        assert (facts["steps"], facts["device"], facts["precision"]) == (6, "cpu", "32-true")
        assert facts["minutes"] >= 0

    def test_returns_the_model(self, tmp_path):
        assert train(LineTraining(steps=1), tmp_path / "run").folder == tmp_path / "run" / "model"

    def test_is_the_same_each_time(self, whole, folder):
        training = LineTraining()
        torch.rand(3)
        train(training, folder)
        assert same(training.finished[0], whole[0].finished[0])

    def test_of_fewer_steps_than_validations_validates_after_each(self, folder):
        training = LineTraining(steps=2, validations=8)
        train(training, folder)
        assert [row["step"] for row in metrics(folder) if row["AP"]] == ["1", "2"]

    def test_says_nothing_but_what_is_ours(self, folder, capfd, caplog, recwarn):
        with caplog.at_level(logging.INFO, logger="skysieve"):
            train(LineTraining(), folder, progress=True)
        assert capfd.readouterr() == ("", "")
        # those of deprecation are for developers, and not shown to users
        assert not [one for one in recwarn if not issubclass(one.category, DeprecationWarning)]
        assert {record.name.partition(".")[0] for record in caplog.records} == {"skysieve"}
        assert [r.message.partition(":")[0] for r in caplog.records] == ["step 3", "step 6"]


class Folded(Line):
    """A line after a normalisation whose statistics are to stay."""

    def __init__(self, training, *, frozen):
        super().__init__(training)
        norm = torch.nn.BatchNorm2d(1)
        self.network = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 1, 1)), norm, torch.nn.Flatten(1))
        self.frozen_statistics = frozen


class TestBatchStatistics:
    def means(self, folder, monkeypatch, *, frozen):
        training = LineTraining()
        monkeypatch.setattr(training, "learner", lambda: Folded(training, frozen=frozen))
        train(training, folder)
        state = last(folder)["network"]
        return state["1.running_mean"].item(), state["1.weight"].item()

    def test_that_are_frozen_stay_from_the_first_step_and_after_validations(self, folder, monkeypatch):
        mean, weight = self.means(folder, monkeypatch, frozen=True)
        assert mean == 0
        assert weight != 1

    def test_are_measured_otherwise(self, folder, monkeypatch):
        assert self.means(folder, monkeypatch, frozen=False)[0] > 0


class TestAccumulatedBatches:
    def test_give_the_step_of_a_batch_as_large_as_all(self, folder, whole):
        training = LineTraining(batch=1, accumulate=2)
        train(training, folder)
        [weights] = training.finished
        for name, value in whole[0].finished[0].items():
            assert torch.allclose(weights[name], value, atol=1e-6)
        [loss], [expected] = (
            [row["loss"] for row in metrics(place) if row["loss"]] for place in (folder, whole[1])
        )
        assert float(loss) == pytest.approx(float(expected))

    def test_go_on_after_a_stop_with_the_batches_that_follow(self, folder):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(accumulate=2, at_step=stop_at(7)), folder)
        assert last(folder)["step"] == 3
        training = LineTraining(accumulate=2)
        train(training, folder)
        assert training.asked[0][0] == 6
        assert training.steps == list(range(6, 12))


TRAINER = """
import sys
from pathlib import Path
from tests.core.training.line import Line, LineTraining
from skysieve.core.training.fit import fit

training = LineTraining()
fit(training, Path(sys.argv[1]), workers=0, device="cpu", progress=False)
print(training.asked, len(training.finished))
"""


class TestSeveralTrainers:
    def test_learn_together_and_only_the_first_writes(self, folder, whole):
        """Both see the same batches here, so that they learn what one does."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        trainers = [
            subprocess.Popen(
                [sys.executable, "-c", TRAINER, str(folder)],
                env={**shared, "RANK": rank, "OMP_NUM_THREADS": "1"},
                cwd=Path(__file__).parents[3],
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in "01"
        ]
        said = [trainer.communicate(timeout=300)[0].strip() for trainer in trainers]
        assert said == ["[(0, 0, 0, 2)] 1", "[(0, 0, 1, 2)] 0"]
        assert same(last(folder)["network"], last(whole[1])["network"])


class TestAfterAStop:
    def test_a_training_goes_on_at_the_step_where_it_was(self, folder, whole):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4)), folder)
        assert last(folder)["step"] == 4
        training = LineTraining()
        train(training, folder)
        assert training.asked[0][0] == 4
        assert training.steps == [4, 5]
        assert training.facts["steps"] == 6
        assert same(training.finished[0], whole[0].finished[0])

    def test_the_metrics_go_on(self, folder, whole):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4)), folder)
        assert [row["step"] for row in metrics(folder)] == ["3"]
        train(LineTraining(), folder)
        rows, expected = metrics(folder), metrics(whole[1])
        assert [row["step"] for row in rows] == ["3", "6", "6"]
        assert [row["AP"] for row in rows] == pytest.approx([row["AP"] for row in expected])

    def test_that_never_came_nothing_is_kept_and_the_training_begins(self, folder):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(0)), folder)
        assert not (folder / "checkpoints").exists()
        training = LineTraining()
        train(training, folder)
        assert training.steps == list(range(6))

    def test_within_a_validation_the_weights_that_learn_are_kept(self, folder, whole):
        """A validation runs with averaged weights in their place."""
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_validation=stop_at(1)), folder)
        training = LineTraining()
        train(training, folder)
        assert training.steps == [3, 4, 5]
        assert same(training.finished[0], whole[0].finished[0])

    def test_after_the_last_step_nothing_is_trained_again(self, folder, whole):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_finish=stop_at(1)), folder)
        training = LineTraining()
        train(training, folder)
        assert training.steps == []
        assert same(training.finished[0], whole[0].finished[0])
        assert training.facts["steps"] == 6

    def test_by_an_error_what_was_done_is_kept_too(self, folder):
        with pytest.raises(ZeroDivisionError):
            train(LineTraining(at_step=stop_at(5, ZeroDivisionError)), folder)
        assert last(folder)["step"] == 5

    def test_minutes_add_up(self, folder):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4)), folder)
        state = last(folder)
        state["minutes"] = 30.0
        torch.save(state, folder / "checkpoints" / "last.ckpt")
        training = LineTraining()
        train(training, folder)
        assert 30 <= training.facts["minutes"] < 31

    def test_long_after_the_last_validation_little_is_lost(self, folder, monkeypatch):
        monkeypatch.setattr(loop, "INTERVAL", 0.0)

        def die(number):
            if number == 2:
                assert last(folder)["step"] == 2
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=die), folder)


def interrupt(number=signal.SIGINT):
    """Do what Python does when a signal comes; a real one is not safe where other libraries have been."""
    handler = signal.getsignal(number)
    assert callable(handler)
    handler(number, None)


class TestASignal:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_ends_the_training_after_the_step(self, folder, caplog, number):
        before = signal.getsignal(number)

        def ask(step):
            if step == 1:
                interrupt(number)

        training = LineTraining(at_step=ask)
        with pytest.raises(KeyboardInterrupt):
            train(training, folder)
        assert training.steps == [0, 1]
        assert last(folder)["step"] == 2
        assert [record.message for record in caplog.records] == [
            "interrupted: ends after this step; once more ends it at once",
            "interrupted at step 2 of 6; the same command goes on from there",
        ]
        assert signal.getsignal(number) == before

    def test_that_comes_twice_ends_it_at_once(self, folder):
        def ask(step):
            if step == 1:
                interrupt()
                interrupt()

        training = LineTraining(at_step=ask)
        with pytest.raises(KeyboardInterrupt):
            train(training, folder)
        assert training.steps == [0]


class TestOtherSteps:
    @pytest.fixture
    def stopped(self, folder):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4)), folder)
        return folder

    def test_are_done_from_where_the_training_is(self, stopped):
        longer = LineTraining(steps=9)
        train(longer, stopped)
        assert longer.steps == [4, 5, 6, 7, 8]
        assert last(stopped)["step"] == 9
        assert (stopped / "recipe.yaml").read_text() == longer.describe()

    def test_are_noted_with_what_was_planned_before(self, stopped):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(steps=9, at_step=stop_at(6)), stopped)
        shorter = LineTraining(steps=8)
        train(shorter, stopped)
        assert shorter.facts["steps"] == 8
        assert shorter.facts["schedules_before"] == [{"until": 4, "steps": 6}, {"until": 6, "steps": 9}]

    def test_are_not_noted_where_nothing_changed(self, stopped):
        training = LineTraining()
        train(training, stopped)
        assert "schedules_before" not in training.facts


class TestAFolder:
    def test_of_another_training_is_refused(self, whole):
        folder = whole[1]
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(ConfigError, match=r"holds a training by another recipe \(see recipe.yaml\)"):
            train(LineTraining(learning_rate=0.2), folder)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    def test_that_holds_other_things_is_refused(self, folder):
        folder.mkdir()
        (folder / "thesis.tex").write_text("precious")
        with pytest.raises(OutputError, match="is not empty and holds no training"):
            train(LineTraining(), folder)
        assert [path.name for path in folder.iterdir()] == ["thesis.tex"]

    def test_that_is_a_file_is_refused(self, folder):
        folder.write_text("precious")
        with pytest.raises(OutputError, match=r"cannot be used \(File exists\)"):
            train(LineTraining(), folder)

    def test_whose_recipe_is_no_text_is_refused(self, folder):
        folder.mkdir()
        (folder / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(OutputError, match="its recipe is no text"):
            train(LineTraining(), folder)


class Stranger:
    """What runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class TestACheckpoint:
    @pytest.fixture
    def stopped(self, folder):
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4)), folder)
        return folder

    def refusal(self, folder):
        with pytest.raises(ConfigError) as caught:
            train(LineTraining(), folder)
        [line] = str(caught.value).splitlines()
        path = folder / "checkpoints" / "last.ckpt"
        assert line.startswith(f"{path}: ")
        return line.removeprefix(f"{path}: ")

    def test_of_another_network_is_refused(self, stopped, tmp_path):
        other = tmp_path / "other"
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4), width=3), other)
        (other / "checkpoints" / "last.ckpt").replace(stopped / "checkpoints" / "last.ckpt")
        assert self.refusal(stopped) == (
            "a checkpoint of another training; remove it, or choose another folder"
        )

    def test_of_another_recipe_is_refused(self, stopped, tmp_path):
        other = tmp_path / "other"
        with pytest.raises(KeyboardInterrupt):
            train(LineTraining(at_step=stop_at(4), learning_rate=0.2), other)
        (other / "checkpoints" / "last.ckpt").replace(stopped / "checkpoints" / "last.ckpt")
        assert self.refusal(stopped).startswith("a checkpoint of another training")

    def test_that_is_damaged_is_refused(self, stopped):
        path = stopped / "checkpoints" / "last.ckpt"
        path.write_bytes(path.read_bytes()[:1000])
        assert self.refusal(stopped) == "no checkpoint, or damaged; remove it to begin anew"

    @pytest.mark.parametrize("content", [[1, 2], {"weights": 1}])
    def test_that_is_something_else_is_refused(self, stopped, content):
        torch.save(content, stopped / "checkpoints" / "last.ckpt")
        assert self.refusal(stopped) == "no checkpoint of a training; remove it to begin anew"

    @pytest.mark.parametrize("save", [torch.save, lambda o, path: path.write_bytes(pickle.dumps(o))])
    def test_of_a_stranger_runs_nothing(self, stopped, tmp_path, save):
        content = {**last(stopped), "extra": Stranger(tmp_path / "ran")}
        save(content, stopped / "checkpoints" / "last.ckpt")
        assert self.refusal(stopped) == "no checkpoint, or damaged; remove it to begin anew"
        assert not (tmp_path / "ran").exists()

    def test_on_a_full_disk_is_one_line_and_the_one_before_is_kept(self, folder, monkeypatch, whole):
        write = Path.write_bytes

        def full(path, content):
            if path.name.endswith("last.ckpt") and (folder / "checkpoints" / "last.ckpt").exists():
                write(path, content[:1000])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(path, content)

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match=r"last.ckpt: No space left on device; make room") as caught:
            train(LineTraining(), folder)
        assert "\n" not in str(caught.value)
        assert last(folder)["step"] == 3
        assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.ckpt"]
        monkeypatch.undo()
        training = LineTraining()
        train(training, folder)
        assert training.steps == [3, 4, 5]
        assert same(training.finished[0], whole[0].finished[0])

    def test_that_cannot_be_kept_does_not_hide_why_the_training_ended(self, folder, monkeypatch, caplog):
        def full(_path, _content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def fail(step):
            if step == 4:
                monkeypatch.setattr(Path, "write_bytes", full)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            train(LineTraining(at_step=fail), folder)
        assert caplog.records[-1].message.endswith("the last checkpoint is of step 3")


class TestALossThatIsNoNumber:
    def test_ends_the_training(self, folder):
        with pytest.raises(ConfigError, match="step 3: the loss is no number any more: give a lower learn"):
            train(LineTraining(learning_rate=1e30), folder)
        assert not (folder / "checkpoints").exists()

    def test_does_not_replace_what_was_good(self, folder):
        def spoil(step):
            if step == 4:
                training.line.network.weight.data.fill_(torch.nan)

        training = LineTraining(at_step=spoil)
        with pytest.raises(ConfigError, match=r"step 6: the loss is no number .*last.ckpt is of step 3"):
            train(training, folder)
        assert all(values.isfinite().all() for values in last(folder)["network"].values())


class TestADevice:
    def test_that_is_unknown_is_refused(self, folder):
        with pytest.raises(ConfigError, match="--device tpu: choose from auto, cpu, cuda"):
            train(LineTraining(), folder, device="tpu")

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_that_is_not_there_is_refused(self, folder):
        with pytest.raises(ConfigError, match="--device cuda: torch finds no GPU; use cpu"):
            train(LineTraining(), folder, device="cuda")


class Failing(IterableDataset[torch.Tensor]):
    """A stream of numbers that ends in an error, or with the end of its process."""

    def __init__(self, error=None):
        self.error = error

    def __iter__(self):
        yield torch.zeros(1)
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        raise self.error


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
class TestAnErrorInAProcessThatSimulates:
    def told(self, error=None):
        batches = iter(stream_batches(Failing(error), batch=1, workers=1))
        with pytest.raises(Exception, match="DataLoader worker") as caught:
            list(batches)
        batches._shutdown_workers()  # type: ignore[attr-defined]
        return shorten_worker_error(caught.value)

    def test_of_the_user_is_the_same_line_as_anywhere(self):
        found = self.told(ConfigError("nights/: none of 100 pieces has any noise"))
        assert isinstance(found, ConfigError)
        assert str(found) == "nights/: none of 100 pieces has any noise"

    def test_of_ours_is_one_line(self):
        found = self.told(IndexError("list index out of range"))
        assert str(found) == "in a process that simulates: IndexError: list index out of range"

    def test_that_killed_it_is_told_with_what_may_help(self):
        assert "give fewer --workers" in str(self.told())

    def test_is_left_as_it_is_elsewhere(self):
        error = ValueError("no worker")
        assert shorten_worker_error(error) is error


class TestProcessesThatSimulate:
    def test_run_on_all_processors_and_leave_interrupts_to_the_trainer(self):
        batches = iter(stream_batches(Seen(), batch=1, workers=1))
        seen = next(batches)
        batches._shutdown_workers()  # type: ignore[attr-defined]
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        assert seen.tolist() == [[1, allowed, 1]]

    def test_are_shared_by_the_trainers(self, folder):
        training = LineTraining(steps=1)
        train(training, folder, workers=3)
        assert training.asked == [(0, 3, 0, 1)]


class Seen(IterableDataset[torch.Tensor]):
    """What a process sees of itself: are interrupts ignored, how many processors and threads it has."""

    def __iter__(self):
        while True:
            ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
            yield torch.tensor([int(ignored), processors, torch.get_num_threads()])


def test_losses_in_the_metrics_are_means_since_the_last(folder, monkeypatch):
    monkeypatch.setattr("skysieve.core.training.progress.REPORT_EVERY", 2)
    training = LineTraining(steps=4, validations=1, learning_rate=0.0, averaging=0.0)
    train(training, folder)
    losses = [float(row["loss"]) for row in metrics(folder) if row["loss"]]
    weight, bias = (training.finished[0][name].item() for name in ("weight", "bias"))
    x = np.arange(8.0).reshape(4, 2) / 10
    expected = (((weight - 2) * x + bias) ** 2).mean(axis=1).reshape(2, 2).mean(axis=1)
    assert losses == pytest.approx(expected, rel=1e-4)
