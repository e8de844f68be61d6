"""The benchmark of trails: which lines are those of a known trail, and where known trails lie."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS)]

pytest.importorskip("galsim")

import trail_frames  # noqa: E402 (programs find each other by their folder)
import trails  # noqa: E402

del sys.path[:1]

KNOWN = trail_frames.KnownTrail(((10.0, 20.0), (310.0, 120.0)), 4.0, 50.0, crosses=False, flashes=False)


@pytest.mark.parametrize(
    ("ends", "is_line"),
    [
        (((10, 20), (310, 120)), True),
        (((310, 120), (10, 20)), True),
        (((-500, -150), (610, 220)), True),
        (((10, 20), (180, 76.67)), True),
        (((10, 20), (140, 63.33)), False),
        (((10, 40), (310, 140)), False),
        (((10, 120), (310, 20)), False),
        (((10, 20), (10, 20)), False),
    ],
)
def test_a_line_is_that_of_a_trail_if_it_lies_along_half_of_it(ends, is_line):
    assert trails._is_line_of(trails.Found(ends, 50.0), KNOWN) is is_line


def test_lines_and_trails_are_counted():
    faint = trail_frames.KnownTrail(((0.0, 200.0), (300.0, 250.0)), 4.0, 13.0, crosses=False, flashes=False)
    frame = trail_frames.TrailFrame("a", "simulated", np.zeros((300, 320), np.float32), (KNOWN, faint))
    right, of_faint = trails.Found(KNOWN.ends, 40.0), trails.Found(faint.ends, 12.0)
    wrong, too_short = trails.Found(((0, 290), (300, 260)), 20.0), trails.Found(((0, 290), (50, 260)), 20.0)
    counts = trails._count([frame], {"a": [right, of_faint, wrong, too_short]})
    assert (counts.recall, counts.lines, counts.false) == (1.0, 3, 1)
    assert counts.median_end == 0
    assert trails._count([frame], {"a": []}).recall == 0


def test_known_trails_lie_where_their_light_is():
    light, (known, *others) = trail_frames._draw((200, 260), np.random.default_rng(3), 3.0)
    assert len(others) == trail_frames.TRAILS - 1
    for trail in (known, *others):
        first, last = np.array(trail.ends)
        x, y = np.linspace(first, last, 21)[1:-1].T
        along = light[np.rint(y).astype(int), np.rint(x).astype(int)]
        assert along.max() > 0.5 * light[light > 0].mean()
        assert trail.length >= trail_frames.LENGTHS[0]
    total = math.sqrt(float((light**2).sum()))
    assert total >= 0.9 * math.sqrt(sum(trail.snr**2 for trail in (known, *others)))
