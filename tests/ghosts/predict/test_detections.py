"""Objects in boxes, as Mask R-CNN finds them, made into ghosts."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import ModelError
from skysieve.ghosts.predict.detections import Detections, paste

SHAPE = (100, 120)
EVERYTHING = {"Rays": 0.05, "Bright": 0.05, "Faint": 0.05}


def objects(*found, side=28):
    """Return the array that a graph gives, of (class, score, box) with boxes that are covered."""
    rows = [[kind, score, *box, *np.ones(side * side)] for kind, score, box in found]
    return np.array(rows, np.float32).reshape(-1, 6 + side * side)


def ghosts(*found, thresholds=EVERYTHING):
    return Detections.unpack(objects(*found), SHAPE).ghosts(thresholds)


def test_an_object_becomes_a_ghost_of_its_class_score_and_place():
    (ghost,) = ghosts((1, 0.75, (10, 20, 50, 60)))
    assert (ghost.class_name, ghost.score) == ("Bright", 0.75)
    expected = np.zeros(SHAPE, bool)
    expected[20:60, 10:50] = True
    assert np.count_nonzero(ghost.mask != expected) <= 4  # corners


def test_the_likeliest_come_first_and_those_below_the_threshold_of_their_class_are_left_out():
    found = ghosts(
        (0, 0.3, (0, 0, 20, 20)),
        (2, 0.6, (40, 40, 80, 80)),
        (1, 0.5, (90, 10, 110, 30)),
        thresholds={**EVERYTHING, "Rays": 0.4},
    )
    assert [(ghost.class_name, round(ghost.score, 3)) for ghost in found] == [("Faint", 0.6), ("Bright", 0.5)]


def test_a_mask_is_drawn_from_its_grid():
    grid = np.zeros((28, 28), np.float32)
    grid[:, :14] = 1  # the left half of the box
    mask = paste(grid, np.array([20.0, 30.0, 76.0, 86.0]), SHAPE)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (30, 85)
    assert (columns.min(), columns.max()) == (20, 47)


def test_what_lies_beyond_the_picture_is_cut_off():
    mask = paste(np.ones((28, 28), np.float32), np.array([-30.0, -10.0, 30.0, 40.0]), SHAPE)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 39, 0, 29)
    assert not paste(np.ones((28, 28), np.float32), np.array([200.0, 0.0, 260.0, 40.0]), SHAPE).any()


@pytest.mark.parametrize("box", [(10, 10, 10, 40), (50, 10, 20, 40)], ids=["no width", "turned round"])
def test_boxes_without_an_inside_are_no_ghosts(box):
    assert ghosts((1, 0.9, box)) == []


def test_of_two_of_a_class_on_each_other_the_likelier_is_kept():
    found = ghosts((2, 0.6, (10, 10, 60, 60)), (2, 0.8, (12, 10, 62, 60)), (1, 0.3, (10, 10, 60, 60)))
    assert [ghost.class_name for ghost in found] == ["Faint", "Bright"]
    assert found[0].score == pytest.approx(0.8)


def test_any_ghost_is_as_likely_as_not_none_of_them():
    seen = Detections.unpack(objects((1, 0.5, (0, 0, 30, 30)), (2, 0.5, (40, 40, 90, 90))), SHAPE)
    assert seen.probability == pytest.approx(0.75)
    assert Detections.unpack(objects(), SHAPE).probability == 0
    unlikely = objects(*[(1, 0.04, (0, 0, 30, 30))] * 60)
    assert Detections.unpack(unlikely, SHAPE).probability == 0


def test_a_graph_of_another_form_is_refused():
    with pytest.raises(ModelError, match="expected 6 and those of a square grid"):
        Detections.unpack(np.zeros((3, 20), np.float32), SHAPE)
    with pytest.raises(ModelError, match="classes 0 to 7"):
        Detections.unpack(objects((0, 0.5, (0, 0, 9, 9)), (7, 0.5, (0, 0, 9, 9))), SHAPE)
