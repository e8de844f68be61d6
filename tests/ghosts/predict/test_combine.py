"""Instances, the map of classes and discs together: each ghost once."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.predict.combine import Combination, combine
from skysieve.ghosts.predict.decide import Ghost
from skysieve.ghosts.predict.wide_discs import WideDisc

SHAPE = (320, 320)
DARK = np.zeros(SHAPE, bool)
CUTS = {"Rays": 0.35, "Bright": 0.25, "Faint": 0.4}


def disc(row, column, radius):
    return np.hypot(*np.ogrid[-row : SHAPE[0] - row, -column : SHAPE[1] - column]) <= radius


def map_of(name, mask, probability=0.8):
    classes = np.zeros((3, 80, 80), np.float32)
    classes[["Rays", "Bright", "Faint"].index(name)][mask[::4, ::4]] = probability
    return classes


def put_together(instances=(), classes=None, discs=(), **options):
    return combine(instances, classes, discs, nodata=DARK, thresholds=CUTS, **options)


def test_an_instance_counts_from_the_threshold_of_its_class():
    found = put_together([Ghost("Faint", 0.39, disc(50, 50, 20)), Ghost("Bright", 0.3, disc(200, 200, 20))])
    assert [ghost.class_name for ghost in found] == ["Bright"]


@pytest.mark.parametrize(("bright", "left"), [(0.26, "Bright"), (0.24, "Faint")])
def test_one_ellipse_of_two_classes_is_listed_once(bright, left):
    twins = [Ghost("Faint", 0.45, disc(50, 50, 20)), Ghost("Bright", bright, disc(51, 50, 20))]
    assert [ghost.class_name for ghost in put_together(twins)] == [left]


def test_a_bright_ghost_on_a_wide_one_stays():
    both = [Ghost("Faint", 0.6, disc(150, 150, 90)), Ghost("Bright", 0.5, disc(150, 150, 20))]
    assert len(put_together(both)) == 2


def test_rays_that_lie_in_others_are_no_rays_of_their_own():
    fan = np.zeros(SHAPE, bool)
    fan[100:140, 20:200] = True
    streak = fan & (np.arange(320) < 60)
    assert len(put_together([Ghost("Rays", 0.8, fan), Ghost("Rays", 0.5, streak)])) == 1


def test_the_map_shows_what_no_instance_covers():
    wide = disc(150, 150, 80)
    (found,) = put_together([], map_of("Faint", wide))
    assert found.class_name == "Faint"
    assert found.score == pytest.approx(0.8)
    assert np.count_nonzero(found.mask ^ wide) < 0.1 * found.area
    assert len(put_together([Ghost("Faint", 0.5, disc(150, 150, 82))], map_of("Faint", wide))) == 1
    assert put_together([], map_of("Faint", wide), combination=Combination(mapped=())) == []


def test_a_disc_replaces_what_the_network_drew_of_it():
    part = disc(150, 150, 120) & (np.arange(320) < 160)
    small = Ghost("Faint", 0.6, disc(150, 90, 20))
    seen = map_of("Faint", part, 0.9)
    found = put_together([Ghost("Faint", 0.7, part), small], seen, [WideDisc(150, 150, 120, 0.4)])
    assert len(found) == 2
    assert np.count_nonzero(found[0].mask ^ disc(150, 150, 121.5)) == 0
    assert found[1] is small


@pytest.mark.parametrize(("strength", "probability"), [(0.2, 0.9), (0.5, 0.02)])
def test_a_circle_without_rim_or_without_light_is_no_disc(strength, probability):
    seen = map_of("Faint", disc(150, 150, 120), probability)
    circle = WideDisc(150, 150, 120, strength)
    assert put_together([], seen, [circle], combination=Combination(mapped=())) == []
