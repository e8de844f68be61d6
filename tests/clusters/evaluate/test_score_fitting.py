"""Scores of candidates, fitted to skies whose clusters are known."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from tests.clusters import tiny_sky

from skysieve.clusters.evaluate.score_fitting import fit_scores
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.combine import Scoring
from skysieve.core.errors import ConfigError
from skysieve.core.models.card import read_model


@pytest.fixture(scope="module")
def tile():
    """Return the tile of nside 2, from 1, RING, that the clusters lie in."""
    import healpy

    lon, lat = np.transpose(tiny_sky.CLUSTERS)
    tiles = np.unique(healpy.ang2pix(2, lon, lat, lonlat=True)) + 1
    assert tiles.size == 1
    return int(tiles[0])


@pytest.fixture(scope="module")
def fitted(tile, tmp_path_factory):
    """A model and its card, fitted where two of three things that look like clusters are."""
    folder = tmp_path_factory.mktemp("scores")
    maps = tiny_sky.cluster_maps(peak=1e-2)
    sky = tiny_sky.write_sky(folder / "sky", maps, part=tiny_sky.two_units())
    write_truth(sky, tiny_sky.CLUSTERS[:2])
    split = SkySplit(test=(1,), validation=(tile,))
    before = read_model(tiny_sky.save_sky_model(folder / "model", sky={"split": split.to_card()})).card
    return before, fit_scores(folder / "model", [sky]), folder


def write_truth(sky, places):
    lon, lat = np.transpose(places)
    table = Table(
        {"GLON": lon, "GLAT": lat, "Y500": np.full(len(lon), 0.01), "T500": np.full(len(lon), 25.0)}
    )
    table.write(sky / "clusters.fits", overwrite=True)


def test_the_card_says_how_each_finder_scores(fitted):
    _, model, folder = fitted
    assert set(model.card.sky["scores"]) == {"network", "mmf", "both"}
    for name in ("network", "mmf", "both"):
        scoring = Scoring.from_card(read_model(folder / "model").card.sky, name)
        assert scoring != Scoring.default(name)


def test_what_is_clearer_scores_higher(fitted):
    _, model, _ = fitted
    scoring = Scoring.from_card(model.card.sky, "both")
    rows = Table({"probability": [0.2, 0.99], "snr": [4.2, 20.0], "source": [0.0, 0.0]})
    assert np.diff(scoring(rows)) > 0


def test_the_threshold_is_chosen_anew_and_all_else_stays(fitted):
    before, model, _ = fitted
    assert model.card.default_thresholds["cluster"] != before.default_thresholds["cluster"]
    assert 0.03 <= model.card.default_thresholds["cluster"] <= 0.9
    assert model.card.graphs == before.graphs
    assert {k: v for k, v in model.card.sky.items() if k != "scores"} == before.sky
    model.verify()


def test_nothing_real_is_an_error_that_names_the_finder(fitted, tmp_path, tile):
    _, _, folder = fitted
    sky = tmp_path / "sky"
    sky.mkdir()
    for path in (folder / "sky").glob("sky_*.fits"):
        (sky / path.name).symlink_to(path)
    write_truth(sky, [(300.0, -40.0)])
    split = SkySplit(test=(1,), validation=(tile,))
    tiny_sky.save_sky_model(tmp_path / "model", sky={"split": split.to_card()})
    card = (tmp_path / "model" / "card.json").read_text()
    with pytest.raises(ConfigError, match=r"finder network: \d+ candidates, 0 real"):
        fit_scores(tmp_path / "model", [sky])
    assert (tmp_path / "model" / "card.json").read_text() == card
