"""Probabilities, and decisions made of them, keep to bounds."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.mask.bounds import Bounds, bound_bits, bound_probabilities
from skysieve.frames.mask.decide import bit_mask

CODES = {"CR": 1, "SAT": 512, "TRL": 64}
WHOLE = (slice(None), slice(None))


@pytest.fixture
def given():
    rng = np.random.default_rng(1)
    marks = rng.integers(0, 3, (40, 50)).astype(np.int8)
    bounds = (
        Bounds(marks == 2, upper={"CR": 0.2}),
        Bounds(marks, lower={"TRL": 0.9}, upper={"CR": 0.05, "SAT": 0.3}, mark=1),
    )
    return rng.uniform(size=(3, 40, 50)).astype(np.float32), marks, bounds


def test_probabilities_are_within_them(given):
    before, marks, bounds = given
    kept = before.copy()
    after = bound_probabilities(before, list(CODES), bounds, WHOLE)
    assert np.array_equal(before, kept), "what was given is as it was"
    assert after[0][marks == 2].max() == np.float32(0.2)
    assert after[0][marks == 1].max() == np.float32(0.05)
    assert after[2][marks == 1].min() == np.float32(0.9)
    assert np.array_equal(after[:, marks == 0], before[:, marks == 0])


@pytest.mark.parametrize("limits", [(0.5, 0.5, 0.5), (0.1, 0.2, 0.95), (0.01, 0.01, 0.01)])
@pytest.mark.parametrize("part", [WHOLE, (slice(3, 20), slice(30, 50))])
def test_decisions_are_those_of_bounded_probabilities(given, limits, part):
    before, _, bounds = given
    tile = before[:, *part]
    thresholds, codes = np.array(limits, np.float32), list(CODES.values())
    expected = bit_mask(bound_probabilities(tile, list(CODES), bounds, part), thresholds, codes)
    found = bound_bits(bit_mask(tile, thresholds, codes), CODES, thresholds, bounds, part)
    assert np.array_equal(found, expected)


def test_where_none_holds_nothing_is_copied():
    probabilities = np.full((3, 4, 4), 0.5, np.float32)
    nowhere = [Bounds(np.zeros((4, 4), np.bool_), lower={"CR": 0.9})]
    assert bound_probabilities(probabilities, list(CODES), nowhere, WHOLE) is probabilities
