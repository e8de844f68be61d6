"""Why ghosts are missed, and what was found that is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skysieve.ghosts.evaluate.miss_sheet import MissPanel, draw_miss_sheet
from skysieve.ghosts.evaluate.misses import find_misses

SHAPE = (120, 160)


def disc(row, column, radius):
    return np.hypot(*np.ogrid[-row : SHAPE[0] - row, -column : SHAPE[1] - column]) <= radius


WIDE, SMALL = disc(60, 80, 40), disc(30, 20, 12)


def why(truth, found):
    """Return whether each miss is a missed ghost, its class and why."""
    return [(miss.missed, miss.class_name, miss.why) for miss in find_misses(truth, found)]


def test_what_is_found_is_no_miss():
    assert why([("Faint", WIDE), ("Bright", SMALL)], [("Bright", SMALL, 0.5), ("Faint", WIDE, 0.9)]) == []


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([], "not seen"),
        ([("Faint", disc(60, 60, 18), 0.9)], "outlined in part, 20 %"),
        ([("Bright", WIDE, 0.9)], "called Bright"),
        ([("Bright", disc(60, 60, 18), 0.9)], "covered by others in part, 20 %"),
        ([("Faint", np.ones(SHAPE, bool), 0.9)], "outlined too widely"),
        ([("Faint", SMALL, 0.9)], "not seen"),
    ],
    ids=["nothing", "part", "class", "part of another class", "everything", "elsewhere"],
)
def test_a_missed_ghost_says_what_was_said_instead(found, reason):
    assert why([("Faint", WIDE)], found)[0] == (True, "Faint", reason)


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        (("Faint", disc(60, 80, 38), 0.3), "found twice"),
        (("Rays", disc(60, 80, 38), 0.3), "there is Faint"),
        (("Faint", disc(60, 80, 15), 0.3), "a part of a ghost"),
        (("Rays", disc(60, 80, 15), 0.3), "in a ghost that is Faint"),
        (("Faint", SMALL, 0.3), "nobody saw a ghost there"),
        (("Faint", disc(60, 130, 25), 0.3), "more than half of it beside a ghost, Faint"),
    ],
    ids=["twice", "class", "inside", "inside another", "nothing", "beside"],
)
def test_a_wrong_detection_says_what_is_there(detection, reason):
    (miss,) = find_misses([("Faint", WIDE)], [("Faint", WIDE, 0.9), detection])
    assert (miss.missed, miss.class_name, miss.score, miss.why) == (False, detection[0], 0.3, reason)


def test_a_miss_tells_how_large_the_ghost_is_and_where():
    (miss,) = find_misses([("Faint", WIDE)], [])
    assert miss.position == pytest.approx((60, 80))
    assert miss.radius == pytest.approx(40, rel=0.01)
    assert math.isnan(miss.score)


def test_the_sheet_shows_truth_and_detections_of_each_picture():
    truth, found = [("Faint", WIDE)], [("Rays", SMALL, 0.4)]
    panel = MissPanel(
        "a.png",
        np.full(SHAPE, 54, np.uint8),
        truth,
        [(name, mask) for name, mask, _ in found],
        find_misses(truth, found),
    )
    one, four = (np.asarray(draw_miss_sheet([panel] * count, title="sheet")) for count in (1, 4))
    assert one.shape[1] > 2 * SHAPE[1]
    assert four.shape[0] > 2 * SHAPE[0]
    coloured = (np.ptp(one.astype(int), axis=-1) > 40).any(axis=0)
    middle = one.shape[1] // 2
    assert coloured[:middle].any()
    assert coloured[middle:].any()
