"""Training for clusters: from skies whose clusters are known to a model that engines run."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("healpy")

import torch
from tests.clusters.train.planted_skies import planted_sky

from skysieve.clusters.maps.patches import MapStack
from skysieve.clusters.maps.preprocessing import Preprocessing
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.physics.bands import band
from skysieve.clusters.train import stream as cluster_stream
from skysieve.clusters.train import training as clusters
from skysieve.clusters.train.learning import ClusterLearner, pixel_scores
from skysieve.clusters.train.skies import LabelledSky
from skysieve.clusters.train.stream import collate
from skysieve.clusters.train.training import ClusterTraining
from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.evaluation.histograms import ScoreHistograms
from skysieve.core.models.card import read_model
from skysieve.core.models.engine import load_network
from skysieve.core.training.fit import fit
from skysieve.core.training.pixels import add_logits
from skysieve.core.training.recipe import read_training_recipe

SETTINGS = """
name: tiny
job: clusters
network: {kind: unet, widths: [4, 8, 8]}
loss: {kind: tversky}
steps: 3
batch: 4
reuse: 2
validation_frames: 6
validations: 1
precision: f32
patches: {side: 32, resolution: 12.0, edge: 3.0}
labels: {arcmin: 36.0}
"""


def read(folder, text=SETTINGS):
    path = folder / "tiny.yaml"
    path.write_text(text)
    return read_training_recipe(path)


@pytest.fixture(scope="module")
def sky():
    return planted_sky(ignored=60)


@pytest.fixture(scope="module")
def training(sky, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "SIGMA_PATCHES", 20)
        yield ClusterTraining(read(tmp_path_factory.mktemp("recipes")), (sky,))


@pytest.fixture(scope="module")
def run(training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clusters") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster_stream, "BUFFER", 4)
        fit(training, folder, workers=0, device="cpu", progress=False)
    return folder


def test_ends_with_a_card_that_says_how_to_use_the_network(run, training):
    card = read_model(run / "model").card
    assert (card.job, card.classes, card.training["steps"]) == ("clusters", ("cluster",), 3)
    assert (card.training["network"], card.training["loss"]) == ("unet", "tversky")
    assert card.training["skies"] == [training.skies[0].digest]
    assert card.sky["bands"] == ["100", "353"]
    assert (card.sky["side"], card.sky["resolution"]) == (32, 12.0)
    assert Preprocessing.from_card(card.sky) == training.preprocessing
    assert SkySplit.from_card(card.sky["split"]) == SkySplit()
    assert 0.05 <= card.default_thresholds["cluster"] <= 0.95
    assert set(card.scores["validation"]) == {f"{s} cluster" for s in ("AP", "precision", "recall", "Dice")}
    assert 0 < card.tiling.margin <= 8


def test_its_graph_gives_what_the_network_gives(run, training):
    """On any number of patches, calibrated as the card says."""
    module = training.learner()
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["average"]
    module.network.load_state_dict(
        {name.removeprefix("module."): value for name, value in state.items() if name != "n_averaged"}
    )
    module.before_validation()
    network = module.network.eval()
    pixels = torch.from_numpy(np.stack([patch.pixels for patch in training.held_out[:3]]))
    model = read_model(run / "model")
    slope, intercept = model.card.calibration["cluster"]
    with torch.inference_mode():
        expected = torch.sigmoid(slope * network(pixels) + intercept).numpy()
    found = load_network(model, engine="onnxruntime")(pixels.numpy())
    assert found.shape == (3, 1, 32, 32)
    assert np.abs(found - expected).max() < 2e-3  # kernels of the graph are stored in 16 bits


def test_averaged_weights_get_statistics_of_their_own(training):
    """Those of what the network sees, whatever they were."""
    torch.manual_seed(0)
    module = training.learner().eval()
    norm = next(layer for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    assert norm.running_mean is not None
    norm.running_mean.fill_(30.0)
    seen: list[torch.Tensor] = []
    handle = norm.register_forward_hook(lambda _layer, inputs, _output: seen.append(inputs[0]))
    module.before_validation()
    handle.remove()
    assert len(seen) == 8
    assert torch.allclose(
        norm.running_mean, torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0), atol=1e-5
    )
    assert not norm.training
    assert norm.momentum == 0.1
    frozen = ClusterLearner(
        training.recipe, 2, frozen_statistics=True, statistics_batches=training.statistics_batches
    )
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    frozen.before_validation()
    assert all(torch.equal(value, before[name]) for name, value in frozen.state_dict().items())


def test_scores_on_the_way_are_written(run):
    with (run / "metrics.csv").open(newline="") as file:
        names = {name for row in csv.DictReader(file) for name, value in row.items() if value}
    wanted = {"precision of clusters", "recall of clusters", "Dice of clusters", "validation loss", "loss"}
    assert wanted <= names


def test_goes_on_where_it_stopped_and_only_with_the_same_skies(run, training):
    longer = ClusterTraining(replace(training.recipe, steps=4), training.skies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster_stream, "BUFFER", 4)
        model = fit(longer, run, workers=0, device="cpu", progress=False)
    assert model is not None
    assert model.card.training["schedules_before"] == [{"until": 3, "steps": 3}]
    other = ClusterTraining(training.recipe, (planted_sky(seed=2),))
    with pytest.raises(ConfigError, match="holds a training by another recipe"):
        fit(other, run, workers=0, device="cpu", progress=False)


def test_a_training_can_start_from_a_model(run, training):
    again = ClusterTraining(training.recipe, training.skies)
    again.start_from(str(run / "model"))
    assert "init: tiny " in again.describe()
    model = read_model(run / "model")
    pixels = np.stack([patch.pixels for patch in training.held_out[:2]])
    with torch.inference_mode():
        found = again.learner().network.eval().probabilities(torch.from_numpy(pixels)).numpy()
    assert np.abs(found - load_network(model, engine="onnxruntime")(pixels)).max() < 1e-4
    other = LabelledSky(
        "other", training.skies[0].stack, (band("100"), band("143")), training.skies[0].clusters
    )
    with pytest.raises(ModelError, match="is for bands 100, 353, and the maps are 100, 143; give the bands"):
        ClusterTraining(training.recipe, (other,)).start_from(str(run / "model"))


def test_scales_are_measured_on_tiles_for_training_alone(sky, training):
    """A hundred times brighter elsewhere, they are the same."""
    import healpy

    lon, lat = healpy.pix2ang(64, np.arange(12 * 64**2), lonlat=True)
    held = SkySplit().role_of(lon, lat) != "train"
    changed = []
    for one in sky.stack.maps:
        values = one.values.copy()
        values[held] *= 100
        changed.append(replace(one, values=values))
    other = LabelledSky("other", MapStack(changed), sky.bands, sky.clusters, sky.ignored, sky.sources)
    assert ClusterTraining(training.recipe, (other,)).preprocessing == training.preprocessing
    assert np.allclose(training.preprocessing.sigma, 1, atol=0.5)


def test_bands_are_divided_by_as_many_sigma_as_asked_for(tmp_path, sky, training):
    text = SETTINGS.replace("edge: 3.0", "edge: 3.0, linear: 3.0")
    other = ClusterTraining(read(tmp_path, text), (sky,))
    assert np.allclose(other.preprocessing.sigma, 3 * np.array(training.preprocessing.sigma))
    assert other.preprocessing.offset == training.preprocessing.offset


def test_two_classes_if_sources_are_labelled(tmp_path, sky):
    training = ClusterTraining(read(tmp_path, SETTINGS.replace("36.0", "36.0, sources: true")), (sky,))
    batch = next(iter(training.validation_batches()))
    assert batch.targets.shape == (4, 2, 32, 32)
    model = training.finish(training.learner().eval(), tmp_path / "model", facts={})
    assert model.card.classes == ("cluster", "source")
    assert set(model.card.default_thresholds) == {"cluster", "source"}
    assert load_network(model, engine="onnxruntime")(np.zeros((1, 2, 32, 32), np.float32)).shape[1] == 2


def test_learns_the_patches_that_it_is_shown(training):
    torch.manual_seed(0)
    patches = training._patches("train", 3)
    batch = collate([patches.patch(number) for number in range(8)])
    module = ClusterLearner(training.recipe, 2).train()
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = module.training_loss(batch)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_scores_of_pixels_are_those_at_the_best_threshold():
    """One of three pixels of a cluster is missed there, and one other is found; one does not count."""
    logits = torch.tensor([[3.0, 2.0, 1.0, -1.0], [-9.0, -3.0, -4.0, 9.0]]).reshape(1, 1, 2, 4)
    targets = torch.tensor([[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.3, 0.0]]).reshape(1, 1, 2, 4)
    counted = torch.ones(1, 1, 2, 4)
    counted[..., 1, 3] = 0
    histograms = ScoreHistograms(("cluster",))
    add_logits(histograms, logits, targets, counted)
    scores = pixel_scores(histograms.tally("cluster"))
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.dice == pytest.approx(2 / 3)
    assert scores.threshold == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("side: 36", "patches.side: 36, expected a multiple of"),
        ("side: 32, bands: []", ""),
    ],
)
def test_a_network_that_does_not_take_such_patches_is_refused(tmp_path, sky, change, message):
    recipe = read(tmp_path, SETTINGS.replace("side: 32", change).replace("[4, 8, 8]", "[4, 8, 8, 8]"))
    if not message:
        ClusterTraining(recipe, (sky,)).learner()
        return
    with pytest.raises(ConfigError, match=message):
        ClusterTraining(recipe, (sky,)).learner()


def test_maps_that_show_no_tile_for_validation_are_refused(tmp_path, sky):
    """As of a cap about a pole: other tiles must be named."""
    recipe = read(tmp_path)
    split = replace(recipe.split, validation=(1,), test=(2,))
    narrow = ClusterTraining(replace(recipe, split=split), (sky,))
    assert len(narrow.held_out) > 1
    import healpy

    lon, lat = healpy.pix2ang(64, np.arange(12 * 64**2), lonlat=True)
    there = np.isin(SkySplit().tile_of(lon, lat), [30, 31, 32])
    maps = [replace(one, values=np.where(there, one.values, np.nan)) for one in sky.stack.maps]
    part = LabelledSky("part", MapStack(maps), sky.bands, sky.clusters)
    with pytest.raises(ConfigError, match="show no patch in the tiles for validation, 10, 26, 39, 42"):
        _ = ClusterTraining(recipe, (part,)).held_out
