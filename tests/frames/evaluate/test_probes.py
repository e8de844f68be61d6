"""What a model makes of a probe: shares of right and wrong pixels, and whether it passes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.frames.evaluate.probes import run_probe
from skysieve.frames.mask.classes import find_class
from skysieve.frames.simulate.probes import PROBES, draw_probe

BY_NAME = {probe.name: probe for probe in PROBES}
TRAIL = BY_NAME["trail, 4 px wide, 12 sigma"]
EMPTY = BY_NAME["empty sky"]


@dataclass
class Answer:
    """A mask with codes that follow from where a scene's thing and its empty sky are."""

    bits: np.ndarray


class KnowingMasker:
    """Gives codes to parts of the thing, and of the empty sky; it recognises scenes by their pixels."""

    def __init__(self, probe, inside, elsewhere=()):
        self.frames = [draw_probe(probe, seed) for seed in range(3)]
        self.inside, self.elsewhere = dict(inside), dict(elsewhere)

    def mask(self, frame):
        pixels = frame.rows(0, frame.shape[0])[0]
        [scene] = [one for one in self.frames if (one.pixels == pixels).all()]
        bits = np.zeros(pixels.shape, np.int16)
        for place, shares in ((scene.target, self.inside), (scene.empty, self.elsewhere)):
            where = np.nonzero(place.ravel())[0]
            for name, share in shares.items():
                bits.ravel()[where[: round(share * len(where))]] |= find_class(name).code
        return Answer(bits)


def outcome(probe, inside, elsewhere=(), draws=1):
    return run_probe(cast("Any", KnowingMasker(probe, inside, elsewhere)), probe, draws=draws).outcome


def test_a_thing_that_is_found_and_nothing_else_passes():
    found = outcome(TRAIL, {"TRL": 1.0, "BBG": 1.0}, draws=3)
    assert (found.found, found.false, found.taken_for, found.elsewhere) == (1, 0, "", 0)
    assert found.passed


@pytest.mark.parametrize(
    ("inside", "elsewhere"),
    [({"TRL": 0.7}, {}), ({"TRL": 1.0, "SP": 0.1}, {}), ({"TRL": 1.0}, {"CR": 0.02})],
)
def test_each_kind_of_fault_fails_by_itself(inside, elsewhere):
    assert not outcome(TRAIL, inside, elsewhere).passed


def test_the_class_that_takes_most_of_the_thing_is_named():
    found = outcome(TRAIL, {"CR": 0.2, "P": 0.6})
    assert (found.taken_for, found.false) == ("P", pytest.approx(0.6, abs=0.01))


def test_a_class_that_is_allowed_at_the_thing_is_no_fault():
    spikes = BY_NAME["4 spikes, star of 3 full wells"]
    assert outcome(spikes, {"SP": 1.0, "SAT": 1.0}).passed
    assert not outcome(spikes, {"SP": 1.0, "HCL": 1.0}).passed


def test_where_nothing_is_any_contaminant_is_false_and_stars_are_not():
    assert outcome(EMPTY, {"BBG": 0.5}).passed
    found = outcome(EMPTY, {"NEB": 0.5})
    assert math.isnan(found.found)
    assert found.false == pytest.approx(0.5, abs=0.01)
    assert not found.passed


def test_a_probe_is_drawn_once_at_least():
    with pytest.raises(ConfigError, match="0 draws of each probe: expected at least 1"):
        run_probe(cast("Any", KnowingMasker(EMPTY, {})), EMPTY, draws=0)
