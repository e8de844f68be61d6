"""Training for ghosts: from simulated focal planes to a model that the command takes."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from skysieve.core.errors import ConfigError
from skysieve.core.models.card import read_model
from skysieve.core.training.fit import fit
from skysieve.core.training.recipe import read_training_recipe
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import Ghost
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.settings import GhostSettings
from skysieve.ghosts.train import pictures as ghost_pictures
from skysieve.ghosts.train import training as ghosts
from skysieve.ghosts.train.learning import GhostLearner, centre_maps
from skysieve.ghosts.train.pictures import collate
from skysieve.ghosts.train.training import GhostTraining, PictureWithPredictions, best_thresholds

SETTINGS = """
name: tiny
job: ghosts
simulation: ghosts
network: {widths: [8, 8, 8, 8], depths: [1, 1, 1, 1]}
steps: 2
batch: 2
reuse: 2
validation_frames: 2
validations: 1
precision: f32
"""


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.yaml"
    path.write_text(SETTINGS)
    return GhostTraining(read_training_recipe(path))


@pytest.fixture(scope="module")
def model(training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ghosts") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ghosts, "THRESHOLD_PICTURES", 3)
        patch.setattr(ghost_pictures, "BUFFER", 4)
        fit(training, folder, workers=0, device="cpu", progress=False)
    return folder / "model"


@pytest.fixture(scope="module")
def shown(training):
    """Pictures with ghosts and without."""
    pictures = training._pictures(5)
    shown = [pictures.picture(number) for number in range(6)]
    assert {len(one.labels) > 0 for one in shown} == {True, False}
    return shown


@pytest.fixture(scope="module")
def batch(shown):
    return collate(shown)


def test_ends_with_a_model_that_finds_ghosts_in_pictures(model):
    card = read_model(model).card
    assert (card.job, card.classes) == ("ghosts", CLASS_NAMES)
    assert set(card.default_thresholds) == set(CLASS_NAMES)
    assert card.training["steps"] == 2
    found = GhostFinder(GhostSettings(model=str(model))).find(
        np.random.default_rng(0).normal(54, 13, (400, 400)).clip(0, 255).astype(np.uint8)
    )
    assert 0 < found.probability < 1
    assert all(ghost.class_name in CLASS_NAMES for ghost in found.ghosts)


def test_its_graph_gives_what_the_network_gives(training, model, batch):
    again = GhostTraining(training.recipe)
    again.start_from(str(model))
    assert again.initial is not None
    network = again.initial.eval()
    maps = GhostFinder(GhostSettings(model=str(model), precision="f32")).network(batch.pixels[:1].numpy())
    with torch.inference_mode():
        expected = network.probabilities(batch.pixels[:1]).numpy()
    # kernels of the graph are stored in 16 bits
    assert np.abs(maps - expected).max() < 0.01 * np.abs(expected).max()


def test_every_ghost_has_its_peak(batch):
    maps = centre_maps(batch, (50, 50))
    assert maps.max() == 1
    for picture, kind, (row, column) in zip(batch.pictures, batch.labels, batch.centres, strict=True):
        place = maps[
            picture, kind, int(row) // 8 - 1 : int(row) // 8 + 2, int(column) // 8 - 1 : int(column) // 8 + 2
        ]
        assert place.max() == 1
    without = set(range(len(batch.pixels))) - set(batch.pictures.tolist())
    assert all(maps[picture].max() == 0 for picture in without)


def test_learns_the_pictures_that_it_is_shown(training, shown):
    ghosted, empty = (next(one for one in shown if (len(one.labels) > 0) is there) for there in (True, False))
    batch = collate([ghosted, empty])
    torch.manual_seed(0)
    module = GhostLearner(training.recipe)
    module.train()
    optimiser = torch.optim.Adam(module.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = module.training_loss(batch)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]


def squares():
    """Return two masks that lie apart."""
    here, there = np.zeros((2, 400, 400), bool)
    here[100:200, 100:200] = True
    there[250:300, 250:300] = True
    return here, there


def predictions(name, truth, *found):
    return PictureWithPredictions(
        () if truth is None else ((name, truth),),
        tuple(Ghost(name, score, mask) for score, mask in found),
        0.5,
    )


def test_thresholds_are_those_with_which_ccds_are_found_best():
    right, wrong = squares()
    thresholds, scores = best_thresholds([predictions("Faint", right, (0.7, right), (0.3, wrong))])
    assert 0.3 < thresholds["Faint"] <= 0.7
    assert scores["CCD F1 Faint"] == 1


def test_thresholds_stand_amid_others_that_are_as_good():
    right, wrong = squares()
    # all from 0.35 to 0.6 find the same
    thresholds, _ = best_thresholds([predictions("Faint", right, (0.6, right), (0.31, wrong))])
    assert 0.35 < thresholds["Faint"] < 0.6


def test_real_pictures_count_for_classes_that_they_have():
    right, wrong = squares()
    simulated = [predictions(name, right, (0.6, right)) for name in ("Rays", "Faint")]
    real = [predictions("Rays", right, (0.6, right), (0.4, wrong)), predictions("Faint", None, (0.4, wrong))]
    alone, _ = best_thresholds(simulated)
    both, scores = best_thresholds(simulated, real)
    assert alone["Rays"] < 0.4 < both["Rays"]
    assert alone["Faint"] == both["Faint"]
    assert scores["CCD F1 Rays"] == 1


def test_mask_rcnn_says_what_it_needs_where_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    for name in ("skysieve.ghosts.networks.mask_rcnn", "skysieve.ghosts.train.mask_rcnn_learning"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ConfigError, match="Mask R-CNN needs torchvision"):
        GhostTraining(read_training_recipe("ghosts-mask-rcnn")).learner()


def test_mask_rcnn_cannot_start_from_a_graph():
    with pytest.raises(ConfigError, match="mask-rcnn cannot start from a model; leave --init out"):
        GhostTraining(read_training_recipe("ghosts-mask-rcnn")).start_from("skysieve")


def test_mask_rcnn_has_a_size_of_its_own():
    recipe = read_training_recipe("ghosts-mask-rcnn")
    sized = replace(recipe, network=replace(recipe.network, widths=(8, 16, 32, 64)))
    with pytest.raises(ConfigError, match="mask-rcnn has no widths and depths"):
        GhostTraining(sized).learner()
