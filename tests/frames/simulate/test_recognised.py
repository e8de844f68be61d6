"""Simulated contaminants look enough like real ones for the network that was trained on real ones."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

import skysieve
from skysieve.frames.simulate import read_recipe, simulate_frame

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("maximask_and_maxitrack") is None, reason="the published weights are not installed"
    ),
]

NAMES = ["CR", "DCL", "DP", "TRL", "SAT"]
PLAIN_TO_SEE = 5.0
"""Standard deviations of the sky: the truth also holds what is fainter than the published training set's."""


@pytest.fixture(scope="module")
def pairs():
    recipe = read_recipe("showcase")
    others = ["HCL", "HP", "SP"]
    frames = [
        simulate_frame((512, 512), seed=seed, recipe=recipe, contaminants=NAMES + others)
        for seed in (1, 2, 3)
    ]
    return [(frame, skysieve.mask(frame.pixels, model="maximask")) for frame in frames]


@pytest.mark.parametrize(
    ("name", "recall"), [("CR", 0.85), ("DCL", 0.7), ("DP", 0.7), ("TRL", 0.6), ("SAT", 0.6)]
)
def test_published_network_finds_most_of_what_was_simulated(pairs, name, recall):
    found = there = 0
    for frame, result in pairs:
        departure = np.abs(frame.pixels - np.median(frame.pixels))
        seen = frame.truth[name] & (departure > PLAIN_TO_SEE * 1.4826 * np.median(departure))
        found += int(np.count_nonzero(result.boolean(name) & seen))
        there += int(np.count_nonzero(seen))
    assert there > 50
    assert found > recall * there
