"""The network for clusters that comes with the package, on a cluster that any such network must see."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.clusters.physics.bands import band
from skysieve.clusters.physics.pressure_profile import beam_convolved_profile
from skysieve.clusters.search.model import CLUSTERS, network_input
from skysieve.core.models.engine import load_network


@pytest.fixture(scope="module")
def model():
    return CLUSTERS.load()


def patch(given, y500, *, sign=1, seed=0):
    """Return noise in all bands ``(B, H, W)``, with a cluster of 5 arcmin in the middle; map units."""
    rng, side, step = np.random.default_rng(seed), given.grid.side, given.grid.resolution
    rows, columns = np.indices((side, side)) - side / 2
    away = np.hypot(rows, columns) * step
    radii = np.linspace(0, away.max(), 400)
    planes = []
    for name, offset in zip(given.bands, given.preprocessing.offset, strict=True):
        seen = band(name)
        profile = np.interp(away, radii, beam_convolved_profile(5.0, seen.fwhm, radii))
        noise = rng.normal(0, seen.noise / step, (side, side))
        planes.append(offset + noise + sign * y500 * seen.y_in_unit * profile)
    return np.array(planes)


def highest(model, pixels):
    """Return the highest probability within 5 arcmin of the middle, and anywhere else."""
    given = network_input(model.card)
    seen = load_network(model)(given.preprocessing(pixels)[None])[0, given.channel]
    middle = np.hypot(*(np.indices(seen.shape) - given.grid.side / 2)) * given.grid.resolution < 5
    return seen[middle].max(), seen[~middle].max()


def test_sees_a_bright_cluster_where_it_is(model):
    inside, outside = highest(model, patch(network_input(model.card), 3e-3))
    assert inside > 0.5
    assert outside < 0.5 * inside


def test_sees_none_in_noise_and_none_of_the_wrong_spectrum(model):
    given = network_input(model.card)
    for pixels in (patch(given, 0.0), patch(given, 3e-3, sign=-1)):
        assert max(highest(model, pixels)) < 0.2


def test_its_card_says_what_scores_mean_and_what_it_never_learnt_from(model):
    sky = model.card.sky
    assert set(sky["scores"]) == {"network", "mmf", "both"}
    assert sky["split"]["test"] == [7]
    assert model.size < 8e6
