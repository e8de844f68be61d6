"""``skysieve train clusters``: from folders with maps and tables to a model."""

from __future__ import annotations

import csv
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from tests.cli.command import failure

from skysieve.core.extras import EXTRAS, install_command

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in EXTRAS["train"]), reason="the extra train is not installed"
)

RECIPE = """
name: tiny
job: clusters
network: {kind: unet, widths: [4, 8, 8]}
loss: {kind: tversky, delta: 0.6}
steps: 2
batch: 4
validation_frames: 4
validations: 1
precision: f32
patches: {side: 32, resolution: 12.0, edge: 3.0}
labels: {arcmin: 36.0}
"""


@pytest.fixture
def sky(tmp_path):
    """A folder as `simulate sky` writes it, of two bands; the recipe lies beside it."""
    from astropy.table import Table
    from tests.clusters.train.planted_skies import planted_sky

    from skysieve.clusters.maps.healpix_maps import write_healpix_map

    planted = planted_sky()
    folder = tmp_path / "sky"
    folder.mkdir()
    for one, band in zip(planted.stack.maps, planted.bands, strict=True):
        write_healpix_map(
            folder / f"sky_{band.name}.fits",
            1e-4 * one.values,
            nested=False,
            frame="G",
            unit="K_CMB",
            column="I",
            overwrite=False,
        )
    places = {"GLON": planted.clusters.lon, "GLAT": planted.clusters.lat}
    sizes = {"Y500": np.full(len(planted.clusters), 3e-3), "T500": planted.clusters.size / 8}
    Table({**places, **sizes}).write(folder / "clusters.fits")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return folder


@pytest.fixture
def train(run, sky, monkeypatch):
    from skysieve.clusters.train import stream as cluster_stream
    from skysieve.clusters.train import training as clusters

    monkeypatch.setattr(clusters, "SIGMA_PATCHES", 20)
    monkeypatch.setattr(cluster_stream, "BUFFER", 4)

    def train(*options):
        standard = ("--recipe", "tiny.yaml", "-o", "mine", "--workers", 0, "--device", "cpu")
        return run("train", "clusters", *standard, *options)

    return train


def test_trains_the_network_and_the_loss_that_are_asked_for(train, sky, tmp_path):
    from skysieve.core.models.card import read_model

    result = train("--maps", sky, "--network", "vnet", "--loss", "focal-tversky", "--steps", 1)
    assert (result.code, result.out) == (0, "model: mine/model\n")
    assert "250 clusters are labelled, 0 left open, 0 sources" in result.err
    card = read_model(tmp_path / "mine" / "model").card
    assert (card.job, card.training["steps"]) == ("clusters", 1)
    assert (card.training["network"], card.training["loss"]) == ("vnet", "focal-tversky")
    text = (tmp_path / "mine" / "recipe.yaml").read_text()
    assert "kind: vnet\n  widths: [4, 8, 8]\n" in text
    assert "loss: {kind: focal-tversky, gamma: 0.75, delta: 0.6}" in text
    with (tmp_path / "mine" / "metrics.csv").open(newline="") as file:
        assert "Dice of clusters" in next(csv.reader(file))


@pytest.mark.parametrize("option", ["--network", "--loss"])
def test_a_name_that_is_not_known_is_told_with_those_that_are(train, sky, option):
    result = train("--maps", sky, option, "best")
    assert result.code == 2
    shown = {"--network": "resunet-a", "--loss": "cosine-tversky"}[option]
    assert "best" in result.err
    assert shown in result.err


def test_a_folder_without_clusters_is_refused(train, sky):
    (sky / "clusters.fits").unlink()
    assert failure(train("--maps", sky)) == f"{sky / 'clusters.fits'}: no such file"


def test_without_what_it_needs_the_command_says_what_to_install(train, sky, monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    assert failure(train("--maps", sky)) == f"training needs monai; run: {install_command('train')}"


def test_scores_that_cannot_be_fitted_are_told_and_the_model_stays(train, sky, tmp_path):
    """Of two steps nothing is learnt: no candidate is real, or there is none."""
    result = train("--maps", sky)
    assert result.code == 0
    assert "scores of candidates are not fitted: finder network: " in result.err
    assert (tmp_path / "mine" / "model" / "card.json").is_file()


def test_scores_are_not_fitted_unless_wanted(train, sky):
    result = train("--maps", sky, "--no-scores")
    assert result.code == 0
    assert "scores of candidates" not in result.err
