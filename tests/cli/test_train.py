"""``skysieve train``: from a recipe to a model that masks and tracks."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from tests.cli.command import failure, leftovers, sky, write
from tests.core.training.tiny import few_frames, write_recipe

from skysieve.core.extras import EXTRAS, install_command
from skysieve.core.models.card import read_model

VERBS = ("contaminants", "tracking")
installed = all(find_spec(name) is not None for name in EXTRAS["train"])
needs_torch = pytest.mark.skipif(not installed, reason="the extra train is not installed")


@pytest.fixture
def few(monkeypatch):
    few_frames(monkeypatch)


@pytest.fixture
def train(run, tmp_path, few):
    """Train with a tiny recipe into the folder `mine`."""

    def train(job, *options, output="mine", **settings):
        recipe = write_recipe(tmp_path / "recipes" / f"{job}.yaml", job, **settings)
        standard = ("-o", output, "--workers", 0, "--device", "cpu")
        return run("train", job, "--recipe", recipe, *standard, *options)

    return train


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(run, verb):
    result = run("train", verb, "--help")
    assert result.code == 0
    assert f"skysieve train {verb} " in result.out.partition("Example")[2]
    for option in ("--output", "--recipe", "--init", "--workers", "--device", "--steps", "--quiet"):
        assert option in result.out
    assert ("--clean-frames" in result.out) == (verb == "contaminants")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_without_the_extra_the_command_says_what_to_install(run, monkeypatch, verb, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    line = failure(run("train", verb, "-o", "mine"))
    needed, _, advice = line.removeprefix("training needs ").partition("; run: ")
    assert missing in needed.split(", ")
    assert advice == install_command("train")


@needs_torch
def test_a_network_for_contaminants_is_trained_and_masks(run, train, tmp_path):
    result = train("contaminants")
    assert (result.code, result.out) == (0, "model: mine/model\n")
    lines = result.err.splitlines()
    assert all(line.startswith("skysieve: INFO: ") for line in lines), result.err
    assert [line for line in lines if "step 4" in line]
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "checkpoints",
        "curves.png",
        "metrics.csv",
        "model",
        "recipe.yaml",
    ]
    assert not leftovers(tmp_path)
    write(tmp_path / "frame.fits", sky(shape=(140, 150)))
    masked = run("mask", "frame.fits", "--model", "mine/model", "-q")
    assert masked.code == 0


@needs_torch
def test_a_network_for_tracking_is_trained_and_tracks(run, train, tmp_path):
    result = train("tracking", "--quiet")
    assert result == (0, "model: mine/model\n", "")
    write(tmp_path / "frame.fits", sky(shape=(140, 150)))
    tracked = run("track", "frame.fits", "--model", "mine/model")
    assert tracked.code == 0


@needs_torch
def test_a_trained_network_goes_on_learning_on_clean_frames(train, trained, tmp_path):
    for seed in (1, 2):
        write(tmp_path / "nights" / f"{seed}.fits", sky(seed, (130, 140)))
    options = ("--init", trained / "model", "--clean-frames", "nights", "--steps", 2, "-q")
    assert train("contaminants", *options, clean_share=1.0) == (0, "model: mine/model\n", "")
    card = read_model(tmp_path / "mine" / "model").card
    assert card.training["steps"] == 2
    assert card.training["init"].startswith("tiny ")
    recipe = (tmp_path / "mine" / "recipe.yaml").read_text()
    assert "init: tiny " in recipe
    assert f"clean_frames: {tmp_path / 'nights'}" in recipe


@needs_torch
def test_an_interrupt_says_how_to_go_on_and_the_same_command_does(train, monkeypatch, tmp_path):
    from skysieve.frames.train.segmentation import Segmentation

    step = Segmentation.training_loss
    done: list[int] = []

    def interrupted(self, batch):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Segmentation, "training_loss", interrupted)
        result = train("contaminants", "-q")
    assert (result.code, result.out) == (130, "")
    assert result.err.splitlines()[0] == (
        "skysieve: WARNING: interrupted at step 3 of 4; the same command goes on from there"
    )
    result = train("contaminants")
    assert result.out == "model: mine/model\n"
    assert "going on with mine/checkpoints/last.ckpt" in result.err
    assert read_model(tmp_path / "mine" / "model").card.training["steps"] == 4


@needs_torch
class TestBadInput:
    """Each ends before any work, in one line."""

    def test_a_recipe_of_the_other_job(self, run, tmp_path):
        recipe = write_recipe(tmp_path / "t.yaml", "tracking")
        assert failure(run("train", "contaminants", "-o", "mine", "--recipe", recipe)) == (
            f"recipe {recipe} is for tracking: use `skysieve train tracking`"
        )

    def test_a_recipe_that_is_not_there(self, run):
        assert failure(run("train", "tracking", "-o", "mine", "--recipe", "mine.yaml")).startswith(
            "mine.yaml: no such recipe; give a YAML file or one of clusters, clusters-proper, "
            "contaminants, contaminants-context, contaminants-revision, ghosts, ghosts-mask-rcnn, tracking"
        )

    def test_a_simulation_that_is_not_there(self, train):
        assert failure(train("contaminants", simulation="nowhere")).startswith("nowhere: no such recipe")

    def test_a_folder_without_clean_frames(self, train, tmp_path):
        (tmp_path / "nights").mkdir()
        assert "nights" in failure(train("contaminants", "--clean-frames", "nights"))

    def test_clean_frames_that_are_too_small(self, train, tmp_path):
        write(tmp_path / "nights" / "1.fits", np.zeros((40, 200), np.float32))
        line = failure(train("contaminants", "--clean-frames", "nights"))
        assert line.startswith("nights: no clean frames of 64 × 64 px or more")

    def test_a_model_to_begin_with_that_is_not_there(self, train):
        failure(train("contaminants", "--init", "nowhere/model"))

    def test_a_folder_that_holds_something_else(self, train, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.tex").touch()
        assert failure(train("contaminants")) == (
            "mine: is not empty and holds no training; choose another folder"
        )

    def test_nothing_of_it_leaves_a_folder(self, train, tmp_path):
        failure(train("contaminants", simulation="nowhere"))
        assert not (tmp_path / "mine").exists()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["-o", "mine", "--workers", "-1"], "Invalid value for '--workers'"),
            (["-o", "mine", "--steps", "0"], "Invalid value for '--steps'"),
            (["-o", "mine", "--device", "tpu"], "Invalid value for '--device'"),
            ([], "Missing option '-o' / '--output'"),
        ],
    )
    def test_wrong_options(self, run, options, message):
        result = run("train", "tracking", *options)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
