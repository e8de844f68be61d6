"""Recipes of trainings: what can be said in them, and what is said of those that are wrong."""

from __future__ import annotations

import pytest
import yaml

from skysieve.clusters.train.settings import ClusterTrainSettings
from skysieve.core.errors import ConfigError
from skysieve.core.training.recipe import LossSettings, TrainingRecipe, read_training_recipe
from skysieve.frames.train.settings import ContaminantTrainSettings, TrackingTrainSettings
from skysieve.ghosts.train.settings import GhostTrainSettings

KINDS = {
    "contaminants": ContaminantTrainSettings.kinds,
    "tracking": TrackingTrainSettings.kinds,
    "ghosts": GhostTrainSettings.kinds,
    "clusters": ClusterTrainSettings.kinds,
}


def read(folder, **settings):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(settings))
    return read_training_recipe(path, KINDS.get(settings.get("job", "")))


def refusal(folder, **settings):
    """Return why a recipe is refused, without the name of its file."""
    with pytest.raises(ConfigError) as caught:
        read(folder, **settings)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder / 'mine.yaml'}: ")
    return message.removeprefix(f"{folder / 'mine.yaml'}: ")


@pytest.mark.parametrize("job", ["contaminants", "tracking", "ghosts", "clusters"])
def test_each_job_has_a_recipe_of_ours(job):
    assert read_training_recipe(job).job == job


def test_what_a_recipe_leaves_out_keeps_its_default(tmp_path):
    recipe = read(tmp_path, job="tracking", steps=7, network={"widths": [8, 16]}, loss={"dice": 1})
    assert (recipe.name, recipe.job, recipe.steps) == ("mine", "tracking", 7)
    assert recipe.network.widths == (8, 16)
    assert recipe.loss.dice == 1.0
    assert recipe.batch == TrainingRecipe(name="", job="tracking").batch


def test_a_recipe_can_be_written_and_read_again(tmp_path):
    recipe = read(tmp_path, job="contaminants", network={"widths": [8, 16], "depths": [1, 2]})
    (tmp_path / "again.yaml").write_text(recipe.to_yaml())
    assert read_training_recipe(tmp_path / "again.yaml") == recipe


def test_a_recipe_for_clusters_can_be_written_and_read_again(tmp_path):
    recipe = read(
        tmp_path,
        job="clusters",
        network={"kind": "unet3+"},
        loss={"kind": "cosine-tversky", "delta": 0.6},
        patches={"side": 32, "bands": ["100", "143"]},
        labels={"sources": True},
        split={"test": [1, 2]},
    )
    (tmp_path / "again.yaml").write_text(recipe.to_yaml())
    assert read_training_recipe(tmp_path / "again.yaml") == recipe


def test_what_clusters_brought_stands_in_no_recipe_of_another_job():
    """Trainings that were begun before go on: the text of their recipe is still the same."""
    assert TrainingRecipe(name="mine", job="ghosts").to_yaml() == (
        "name: mine\njob: ghosts\ndescription: ''\nsimulation: default\n"
        "network:\n  widths: []\n  depths: []\n"
        "loss: {kind: sigmoid, balance: 0.5, most: 30.0, gamma: 2.0, dice: 0.0, proper: 0.0}\n"
        "seed: 1\nsteps: 10000\nbatch: 16\ntile: 256\nframe: 512\nreuse: 2\nlearning_rate: 0.002\n"
        "weight_decay: 0.01\nwarm_up: 0.05\naveraging: 0.998\nvalidation_frames: 48\nvalidations: 10\n"
        "clean_share: 0.5\nprecision: bf16\n"
    )


@pytest.mark.parametrize(
    ("kind", "gamma"), [("focal", 2.0), ("focal-tversky", 0.75), ("cosine-tversky", 1.0), ("sigmoid", 2.0)]
)
def test_a_loss_has_the_exponent_that_it_is_known_by(kind, gamma):
    assert LossSettings(kind=kind).gamma == gamma
    assert LossSettings(kind="dice", gamma=3.0).of_kind(kind).gamma == gamma
    assert LossSettings(kind=kind, gamma=1.5).gamma == 1.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "loss.kind: sigmoid is not for clusters; choose from bce, focal, dice"),
        (
            {"network": {"kind": "mask-rcnn"}},
            "network.kind: mask-rcnn is not for clusters; choose from unet,",
        ),
        ({"network": {"depths": [1]}}, "network.depths: networks for clusters have none"),
        ({"labels": {"open_snr": 9}}, "labels.open_snr: 9, expected at most least_snr, 7"),
        ({"patches": {"empty": 0.9}}, "patches: empty and sources are more than 1 together"),
        ({"patches": {"edge": 32}}, "patches.edge: 32, expected less than half of side, 64 px"),
        ({"patches": {"side": 8}}, "patches.side: 8, expected at least 16"),
        ({"job": "ghosts", "loss": {"kind": "dice"}}, "loss.kind: dice is not for ghosts; choose from"),
        (
            {"job": "ghosts", "loss": {}, "network": {"kind": "unet"}},
            "network.kind: unet is not for ghosts; leave it out",
        ),
        (
            {"job": "tracking", "loss": {}, "network": {"kind": "revision"}},
            "network.kind: revision is not for",
        ),
    ],
)
def test_what_is_of_another_job_or_does_not_go_together_is_refused(tmp_path, settings, message):
    loss = {} if settings == {} else {"kind": "bce"}
    assert refusal(tmp_path, **{"job": "clusters", "loss": loss, **settings}).startswith(message)


def test_an_unknown_setting_is_named_with_its_place_and_the_known_ones(tmp_path):
    assert refusal(tmp_path, job="tracking", stepps=7).startswith(
        "unknown setting stepps; choose from name, job, description, simulation,"
    )
    assert refusal(tmp_path, job="tracking", loss={"gama": 2}) == (
        "unknown setting loss.gama; choose from kind, balance, most, gamma, dice, proper, delta"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": "many"}, "steps: Input should be a valid integer"),
        ({"precision": "f16"}, "precision: Input should be 'bf16' or 'f32', found 'f16'"),
        (
            {"job": "stars"},
            "job: Input should be 'contaminants', 'tracking', 'ghosts' or 'clusters', found 'stars'",
        ),
        (
            {"loss": {"kind": "best"}},
            "loss.kind: best is not for tracking; choose from sigmoid, published, focal",
        ),
        ({"network": {"widths": 8}}, "network.widths: Input should be a valid tuple"),
        ({"steps": 0}, "steps: 0, expected at least 1"),
        ({"frame": 32, "tile": 32}, "frame: 32, expected at least 64"),
        ({"averaging": 1.0}, "averaging: 1, expected between 0 and 0.999999"),
        ({"clean_share": -0.1}, "clean_share: -0.1, expected between 0 and 1"),
        ({"loss": {"most": 0.5}}, "loss.most: 0.5, expected at least 1"),
        ({"tile": 256, "frame": 128}, "tile: 256, expected at most the frame's 128 px"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(tmp_path, settings, message):
    assert refusal(tmp_path, **{"job": "tracking", **settings}).startswith(message)


def test_the_job_cannot_be_left_out(tmp_path):
    assert refusal(tmp_path, steps=7) == "job: Field required"


def test_a_recipe_that_is_not_there_is_told_with_ours():
    with pytest.raises(
        ConfigError,
        match=r"^decam: no such recipe; .* contaminants, contaminants-context, contaminants-revision, ghosts",
    ):
        read_training_recipe("decam")


@pytest.mark.parametrize("content", ["steps: [", "- steps", "\x00"])
def test_a_file_that_is_no_recipe_is_one_line(tmp_path, content):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(ConfigError, match="recipe") as caught:
        read_training_recipe(tmp_path / "mine.yaml")
    assert "\n" not in str(caught.value)
