"""The training for tracking: its frames, and the model that it ends with."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from tests.core.networks.fill import filled, pixels
from tests.core.training.test_export import card
from tests.core.training.tiny import few_frames

from skysieve.core.errors import ConfigError
from skysieve.core.models.card import read_model
from skysieve.core.training.export import write_model
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.networks.tracking_net import TrackingNet
from skysieve.frames.train.tracking import TrackingTraining


@pytest.fixture(autouse=True)
def few(monkeypatch):
    few_frames(monkeypatch)


@pytest.fixture
def training(recipe_file):
    return TrackingTraining(read_training_recipe(recipe_file("tracking")))


@pytest.fixture
def trained_tracking(tmp_path):
    network = filled(TrackingNet((8, 16), (1, 1)))
    return write_model(network, tmp_path / "begin", card("tracking", ("good", "tracking error"))).folder


def test_batches_hold_frames_and_labels(training):
    loader = training.training_batches(done=10, workers=0, rank=1, ranks=2)
    pixels, labels, smears = next(iter(loader))
    assert (pixels.shape, labels.shape, smears.shape) == ((2, 1, 128, 128), (2, 1), (2, 2, 32, 32))
    assert loader.dataset.first == 10 * 2 * 2 // 2


def test_levels_that_are_frozen_stay_as_they_were(recipe_file, trained_tracking):
    network = {"widths": [8, 16], "depths": [1, 1], "frozen": 1}
    training = TrackingTraining(read_training_recipe(recipe_file("tracking", network=network)))
    with pytest.raises(
        ConfigError, match=r"network\.frozen: 1 levels of random weights would stay as they are"
    ):
        training.learner()
    training.start_from(str(trained_tracking))
    learning = {name for name, value in training.learner().named_parameters() if value.requires_grad}
    assert not any(name.startswith(("network.features.0", "network.features.1")) for name in learning)
    assert any(name.startswith("network.features.2") for name in learning)


def test_a_model_that_does_not_look_for_pairs_begins_a_network_that_does(training, tmp_path):
    """What looks for them says little until it has learnt."""
    old = filled(TrackingNet((8, 16), (1, 1), pairs=False))
    model = write_model(old, tmp_path / "old", card("tracking", ("good", "tracking error")))
    training.start_from(str(model.folder))
    begun = training.initial.eval()
    shown = pixels(2, 1, 64, 96)
    with torch.inference_mode():
        assert torch.allclose(begun.forward_all(shown)[1], old.forward_all(shown)[1], atol=0.01)
        assert torch.allclose(begun(shown), old(shown), atol=0.5)


def test_validation_frames_are_the_same_each_time(training):
    (pixels, labels, smears), (again, *_) = (next(iter(training.validation_batches())) for _ in range(2))
    assert (pixels.shape, labels.shape, smears.shape) == ((2, 1, 128, 128), (2, 1), (2, 2, 32, 32))
    assert torch.equal(pixels, again)


def test_frames_smaller_than_the_network_looks_are_refused(recipe_file):
    network = {"widths": [8] * 8, "depths": [1] * 8}
    recipe = read_training_recipe(recipe_file("tracking", network=network))
    with pytest.raises(ConfigError, match="recipe tiny: frame: 128, expected at least 256 px"):
        TrackingTraining(recipe)


def test_the_model_is_calibrated_and_takes_frames_of_any_size(training, tmp_path):
    module = training.learner().eval()
    model = training.finish(module, tmp_path / "model", facts={"steps": 0})
    card = read_model(model.folder).card
    assert (card.job, card.classes) == ("tracking", ("good", "tracking error"))
    assert card.tiling.multiple == 4
    assert sum(card.training_priors.values()) == pytest.approx(1)
    assert set(card.calibration) == {"tracking error"}
    assert card.training["steps"] == 0
    assert card.domain
    model.verify()
