"""A picture's ghosts put together with whether there is any."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.decam import decam
from skysieve.ghosts.finder import Examined, GhostFinder, GhostSettings
from skysieve.ghosts.levels import Levels
from skysieve.ghosts.look import Look
from skysieve.ghosts.wide_discs import WideDisc


@pytest.fixture(scope="module")
def finder():
    return GhostFinder(GhostSettings())


def examined(*, whole, discs=(), faint=0.0):
    """Return a picture without instances, of which the network says the same everywhere."""
    dark = decam().ccd_map == 0
    classes = np.zeros((3, *(side // 4 for side in dark.shape)), np.float32)
    classes[2] = faint
    return Examined(Look(whole, (), classes), discs, Levels(53.0, 14.7, 23.0, dark))


def test_a_disc_makes_any_ghost_likelier(finder):
    disc = WideDisc(200.0, 200.0, 120.0, 0.42)
    without = finder.decide(examined(whole=0.95, faint=0.3))
    found = finder.decide(examined(whole=0.95, faint=0.3, discs=(disc,)))
    assert [ghost.class_name for ghost in found.ghosts] == ["Faint"]
    assert without.probability < 0.5 < found.probability


def test_a_picture_that_is_only_suspected_as_a_whole_has_no_ghost(finder):
    # real star fields without ghosts have up to so much
    assert finder.decide(examined(whole=0.9)).probability < 0.5
    assert finder.decide(examined(whole=0.9999)).probability > 0.5
