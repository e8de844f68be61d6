"""Deciding: from what the network says of a picture to ghosts."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.decide import GhostMaps, find_ghosts

EVERYTHING = dict.fromkeys(CLASS_NAMES, 0.1)
FEATURES = 8


def diamond(reach):
    """Return the weights that draw the pixels whose distances along both axes add up to so many at most."""
    first = np.zeros((8, FEATURES + 5))
    first[:4, FEATURES : FEATURES + 2] = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    second = np.eye(8)
    third = -np.ones((1, 8))
    layers = ((first, np.zeros(8)), (second, np.zeros(8)), (third, np.array([reach / 64])))
    # steep, so that the edge is sharp
    return np.concatenate(
        [np.concatenate([w.ravel(), b]) for w, b in layers[:2]]
        + [1000 * third.ravel()]
        + [1000 * layers[2][1]]
    ).astype(np.float32)


def maps(*ghosts, size=160):
    """Return maps with ghosts, each a class, a probability, a place (row, column) and a reach in pixels."""
    centres = np.zeros((3, size // 8, size // 8), np.float32)
    kernels = np.zeros((len(diamond(1)), size // 8, size // 8), np.float32)
    for name, probability, (row, column), reach in ghosts:
        centres[CLASS_NAMES.index(name), row, column] = probability
        kernels[:, row, column] = diamond(reach)
    cells = (size // 4, size // 4)
    return GhostMaps(
        0.9, np.zeros((3, *cells), np.float32), centres, kernels, np.zeros((FEATURES, *cells), np.float32)
    )


def test_a_ghost_is_drawn_around_its_middle():
    (ghost,) = find_ghosts(maps(("Bright", 0.8, (10, 5), 24)), thresholds=EVERYTHING)
    rows, columns = np.nonzero(ghost.mask)
    assert ghost.class_name == "Bright"
    assert (rows.mean(), columns.mean()) == pytest.approx((83.5, 43.5), abs=0.1)
    assert ghost.area == pytest.approx(2 * 24**2, rel=0.1)
    assert ghost.score == pytest.approx(0.8, rel=0.05)


def test_the_likeliest_comes_first():
    ghosts = find_ghosts(maps(("Faint", 0.4, (4, 4), 20), ("Rays", 0.9, (14, 14), 20)), thresholds=EVERYTHING)
    assert [ghost.class_name for ghost in ghosts] == ["Rays", "Faint"]


def test_each_class_has_its_threshold():
    seen = maps(("Faint", 0.4, (4, 4), 20), ("Rays", 0.4, (14, 14), 20))
    (ghost,) = find_ghosts(seen, thresholds={**EVERYTHING, "Rays": 0.5})
    assert ghost.class_name == "Faint"


def test_of_two_peaks_of_one_ghost_the_likelier_stays():
    (ghost,) = find_ghosts(
        maps(("Bright", 0.5, (10, 9), 60), ("Bright", 0.7, (10, 11), 60)), thresholds=EVERYTHING
    )
    assert ghost.score == pytest.approx(0.7, rel=0.05)


def test_ghosts_of_two_classes_may_share_their_pixels():
    ghosts = find_ghosts(
        maps(("Bright", 0.5, (10, 10), 30), ("Faint", 0.7, (10, 11), 32)), thresholds=EVERYTHING
    )
    assert len(ghosts) == 2


def test_places_beside_a_peak_are_no_further_ghosts():
    seen = maps(("Bright", 0.9, (5, 5), 12), ("Bright", 0.8, (5, 6), 12))
    assert len(find_ghosts(seen, thresholds=EVERYTHING)) == 1


def test_specks_are_no_ghosts():
    assert find_ghosts(maps(("Bright", 0.9, (5, 5), 2)), thresholds=EVERYTHING) == []


def test_one_array_holds_all_maps():
    rng = np.random.default_rng(0)
    array = rng.random((1 + 3 + 3 + 193 + FEATURES, 20, 20)).astype(np.float32)
    seen = GhostMaps.unpack(array)
    assert seen.probability == array[0, 0, 0]
    np.testing.assert_array_equal(seen.classes, array[1:4])
    np.testing.assert_array_equal(seen.centres, array[4:7, ::2, ::2])
    np.testing.assert_array_equal(seen.kernels, array[7:200, ::2, ::2])
    np.testing.assert_array_equal(seen.features, array[200:])
