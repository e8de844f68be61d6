"""A model of ours as the beginning of another training."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from tests.core.networks.fill import filled, pixels

from skysieve.core.errors import ModelError
from skysieve.core.models.card import read_model
from skysieve.core.models.engine import load_network
from skysieve.core.training.initial import load_graph_weights
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.networks.sieve_net import SieveNet
from skysieve.frames.networks.tracking_net import TrackingNet
from skysieve.frames.train.contaminants import ContaminantTraining
from skysieve.frames.train.tracking import TrackingTraining


def started(recipe_file, folder, **settings):
    training = ContaminantTraining(read_training_recipe(recipe_file(**settings)))
    training.start_from(str(folder / "model"))
    return training


def test_the_network_begins_with_the_outputs_of_the_model(recipe_file, trained):
    network = started(recipe_file, trained).initial.eval()
    model, shown = read_model(trained / "model"), pixels(2, 1, 64, 96)
    expected = load_network(model, precision="f32", threads=1)(shown.numpy())
    with torch.inference_mode():
        found = network.probabilities(shown).numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_a_model_without_context_blocks_begins_a_network_that_has_some(recipe_file, trained):
    """The blocks change nothing until they have learnt."""
    network = {"widths": [8, 16], "depths": [1, 1], "context": [0, 1]}
    begun = started(recipe_file, trained, network=network).initial.eval()
    assert len(begun.context[1]) == 1
    model, shown = read_model(trained / "model"), pixels(2, 1, 64, 96)
    expected = load_network(model, precision="f32", threads=1)(shown.numpy())
    with torch.inference_mode():
        assert np.abs(begun.probabilities(shown).numpy() - expected).max() < 1e-4


def test_each_layer_gets_its_own_weights(tmp_path):
    """A deeper network, of which every value is another one."""
    from tests.core.training.test_export import card

    from skysieve.core.training.export import write_model

    widths, depths = (8, 16, 16), (1, 2, 1)
    model = write_model(filled(SieveNet(14, widths, depths)), tmp_path, card())
    network = SieveNet(14, widths, depths).eval()
    load_graph_weights(network, model)
    shown = pixels(1, 1, 64, 64)
    expected = load_network(model, precision="f32", threads=1)(shown.numpy())
    with torch.inference_mode():
        assert np.abs(network.probabilities(shown).numpy() - expected).max() < 1e-4


def test_a_network_for_frames_begins_so_too(tmp_path):
    from tests.core.training.test_export import card

    from skysieve.core.training.export import write_model

    model = write_model(
        filled(TrackingNet((8, 16), (1, 1))), tmp_path, card("tracking", ("good", "tracking error"))
    )
    network = TrackingNet((8, 16), (1, 1)).eval()
    load_graph_weights(network, model)
    shown = pixels(2, 1, 64, 64)
    expected = load_network(model, precision="f32", threads=1)(shown.numpy())
    with torch.inference_mode():
        assert np.abs(network.probabilities(shown).numpy() - expected).max() < 1e-4


def test_its_statistics_stay_as_they_are(recipe_file, trained):
    training = started(recipe_file, trained)
    training.__dict__["priors"] = dict.fromkeys(read_model(trained / "model").card.classes, 0.1)
    module = training.learner().train()
    assert module.frozen_statistics
    module.training_loss((pixels(2, 1, 64, 64), torch.zeros(2, 64, 64, dtype=torch.int16)))
    norm = module.network.stem[1]
    assert not norm.training
    assert not norm.running_mean.any()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"widths": [8, 16, 16], "depths": [1, 1, 1]}, "has 7 layers, the recipe's network 11"),
        ({"widths": [8, 24], "depths": [1, 1]}, r"has a layer of \(16, 8, 2, 2\) where the recipe's"),
    ],
)
def test_a_model_of_another_size_is_refused(recipe_file, trained, network, message):
    with pytest.raises(ModelError, match=message) as caught:
        started(recipe_file, trained, network=network)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_job_is_refused(recipe_file, trained):
    training = TrackingTraining(read_training_recipe(recipe_file("tracking")))
    with pytest.raises(ModelError, match="contaminants") as caught:
        training.start_from(str(trained / "model"))
    assert "\n" not in str(caught.value)


def test_a_model_that_is_not_there_is_refused(recipe_file, tmp_path):
    training = TrackingTraining(read_training_recipe(recipe_file("tracking")))
    with pytest.raises(ModelError) as caught:
        training.start_from(str(tmp_path / "nowhere"))
    assert "\n" not in str(caught.value)


def test_a_network_of_which_a_part_was_refused_is_not_taken(recipe_file, trained):
    training = ContaminantTraining(
        read_training_recipe(recipe_file(network={"widths": [8, 24], "depths": [1, 1]}))
    )
    with pytest.raises(ModelError):
        training.start_from(str(trained / "model"))
    assert training.initial is None
