"""A picture and its mirror images, and what they agree on."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.predict.augmentation import VIEWS, merge_views, predict_augmented
from skysieve.ghosts.predict.decide import Ghost

SHAPE = (100, 140)
LEAST = {"Rays": 0.05, "Bright": 0.05, "Faint": 0.05}


def disc(row, column, radius=20):
    return np.hypot(*np.ogrid[-row : SHAPE[0] - row, -column : SHAPE[1] - column]) <= radius


class Network:
    """Finds what is brighter than the sky, as one object whose score is what the view says."""

    def __init__(self, scores):
        self.scores, self.seen = iter(scores), []

    def __call__(self, pixels):
        (((picture,),)) = pixels
        self.seen.append(picture)
        rows, columns = np.nonzero(picture > 1)
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return np.array([[[1, next(self.scores), *box, *np.ones(16)]]], np.float32)


@pytest.fixture
def picture():
    pixels = np.zeros(SHAPE, np.float32)
    pixels[20:40, 30:70] = 8
    return pixels


def test_ghosts_of_mirrored_views_are_mirrored_back(picture):
    network = Network([0.8, 0.6, 0.7, 0.5])
    output = predict_augmented(network, picture, min_scores=LEAST, views=4)
    probability, (ghost,) = output.probability, output.ghosts
    assert ghost.score == pytest.approx(0.65)
    assert probability == pytest.approx(0.65)
    assert np.count_nonzero(ghost.mask != (picture > 1)) <= 16  # corners of the grid
    assert len({seen.tobytes() for seen in network.seen}) == 4


@pytest.mark.parametrize("views", VIEWS)
def test_the_network_is_shown_as_many_views(picture, views):
    network = Network([0.5] * views)
    predict_augmented(network, picture, min_scores=LEAST, views=views)
    assert len(network.seen) == views
    np.testing.assert_array_equal(network.seen[0], picture)


def test_what_few_views_see_scores_less():
    (ghost,) = merge_views([[Ghost("Faint", 0.8, disc(50, 50))], [], [], []])
    assert ghost.score == pytest.approx(0.2)


def test_ghosts_of_two_classes_or_two_places_stay_two():
    views = [
        [Ghost("Faint", 0.8, disc(50, 50))],
        [Ghost("Bright", 0.6, disc(50, 50)), Ghost("Faint", 0.4, disc(50, 110))],
    ]
    found = [(ghost.class_name, round(ghost.score, 3)) for ghost in merge_views(views)]
    assert found == [("Faint", 0.4), ("Bright", 0.3), ("Faint", 0.2)]


def test_two_ghosts_of_one_view_are_never_taken_for_one():
    found = merge_views([[Ghost("Faint", 0.8, disc(50, 50)), Ghost("Faint", 0.4, disc(50, 75))], []])
    assert [round(ghost.score, 3) for ghost in found] == [0.4, 0.2]


def test_a_pixel_belongs_where_the_surer_half_has_it():
    wide, narrow = disc(50, 60, 24), disc(50, 60, 20)
    (ghost,) = merge_views([[Ghost("Bright", 0.3, wide)], [Ghost("Bright", 0.9, narrow)]])
    assert np.array_equal(ghost.mask, narrow)
    (ghost,) = merge_views([[Ghost("Bright", 0.9, wide)], [Ghost("Bright", 0.3, narrow)]])
    assert np.array_equal(ghost.mask, wide)


def test_what_is_too_weak_on_the_whole_is_left_out(picture):
    assert (
        predict_augmented(Network([0.1, 0.01, 0.01, 0.01]), picture, min_scores=LEAST, views=4).ghosts == ()
    )
