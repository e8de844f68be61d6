"""Simulated contaminants look enough like real ones for the network that was trained on real ones."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

import skysieve
from skysieve.simulate import simulate_frame

pytestmark = pytest.mark.skipif(
    find_spec("maximask_and_maxitrack") is None, reason="the published weights are not installed"
)


@pytest.fixture(scope="module")
def pairs():
    frames = [simulate_frame((640, 640), seed=seed) for seed in (1, 2)]
    return [(frame.truth, skysieve.mask(frame.pixels)) for frame in frames]


@pytest.mark.parametrize(
    ("name", "recall"), [("CR", 0.8), ("TRL", 0.8), ("SAT", 0.8), ("DCL", 0.7), ("DP", 0.7)]
)
def test_published_network_finds_most_of_what_was_simulated(pairs, name, recall):
    found = sum(np.count_nonzero(result.boolean(name) & truth[name]) for truth, result in pairs)
    there = sum(np.count_nonzero(truth[name]) for truth, _ in pairs)
    assert found > recall * there
