"""Every network for clusters with every loss: an epoch on a small set, in which the loss falls.

``pytest -m slow tests/training/test_cluster_pairs.py`` runs all of them.
"""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("healpy")

import torch
from tests.clusters.train.planted_skies import planted_sky

from skysieve.clusters.networks.segmenters import SEGMENTERS
from skysieve.clusters.train import training as clusters
from skysieve.clusters.train.learning import ClusterLearner
from skysieve.clusters.train.losses import ClusterLoss, cluster_loss
from skysieve.clusters.train.settings import LOSSES, ClusterTrainSettings
from skysieve.clusters.train.stream import ClusterBatch, collate
from skysieve.clusters.train.training import ClusterTraining
from skysieve.core.training.patch_settings import LabelSettings, PatchSettings
from skysieve.core.training.recipe import LossSettings, NetworkSettings, TrainingRecipe
from skysieve.core.training.schedule import optimiser_with_schedule

WIDTHS = (6, 8, 12)
PATCHES, BATCH = 320, 16


def recipe(network="unet", loss="bce"):
    return TrainingRecipe(
        name="pair",
        job="clusters",
        network=NetworkSettings(kind=network, widths=WIDTHS),
        loss=LossSettings(kind=loss),
        steps=PATCHES // BATCH,
        learning_rate=2e-2,
        patches=PatchSettings(side=32, resolution=12.0, edge=3.0),
        labels=LabelSettings(arcmin=36.0),
    )


@pytest.fixture(scope="module")
def sky():
    return planted_sky()


@pytest.fixture(scope="module")
def small_set(sky):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "SIGMA_PATCHES", 20)
        source = ClusterTraining(recipe(), (sky,))._patches("train", 1)
    shown = [source.patch(number) for number in range(PATCHES)]
    return [collate(shown[first : first + BATCH]) for first in range(0, PATCHES, BATCH)]


def whole_loss(module, batches):
    """Return the loss over the whole set, normalised as in training: statistics of one epoch are young."""
    module.train()
    whole = ClusterBatch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
    with torch.no_grad():
        return float(module.training_loss(whole))


@pytest.mark.slow
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("network", list(SEGMENTERS))
def test_an_epoch_lowers_the_loss(sky, small_set, network, loss):
    torch.manual_seed(1)
    pair = recipe(network, loss)
    module = ClusterLearner(pair, len(sky.bands))
    optimiser, schedule = optimiser_with_schedule(module.network, pair)
    before = whole_loss(module, small_set)
    for batch in small_set:
        optimiser.zero_grad()
        value = module.training_loss(batch)
        assert torch.isfinite(value)
        value.backward()
        assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)
        optimiser.step()
        schedule.step()
    after = whole_loss(module, small_set)
    assert math.isfinite(after)
    assert after < 0.98 * before
    assert all(torch.isfinite(values).all() for values in module.state_dict().values())


def test_recipes_know_the_names_of_all_networks_and_losses():
    for network in SEGMENTERS:
        assert recipe(network).network.kind == network
    for loss in LOSSES:
        assert isinstance(cluster_loss(loss), ClusterLoss)
    assert set(ClusterTrainSettings.kinds.networks) == set(SEGMENTERS)
