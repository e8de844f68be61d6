"""A picture's ghosts put together with whether there is any."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.levels import Levels
from skysieve.ghosts.predict.augmentation import AugmentedOutput
from skysieve.ghosts.predict.decide import Ghost
from skysieve.ghosts.predict.finder import GhostFinder, Measurements
from skysieve.ghosts.predict.settings import GhostSettings
from skysieve.ghosts.predict.wide_discs import WideDisc


@pytest.fixture(scope="module")
def finder():
    return GhostFinder(GhostSettings())


def examined(*, picture_probability, score=None, discs=(), faint=0.0):
    """Return a picture with Rays of a score, if one is given, and the same map everywhere."""
    nodata = decam().ccd_map == 0
    classes = np.zeros((3, *(side // 4 for side in nodata.shape)), np.float32)
    classes[2] = faint
    rays = np.zeros(nodata.shape, bool)
    rays[200:220, 100:120] = True
    instances = () if score is None else (Ghost("Rays", score, rays),)
    return Measurements(
        AugmentedOutput(picture_probability, instances, classes), discs, Levels(53.0, 14.7, 23.0, nodata)
    )


def test_a_disc_makes_any_ghost_likelier(finder):
    disc = WideDisc(200.0, 200.0, 120.0, 0.42)
    without = finder.decide(examined(picture_probability=0.95, faint=0.3))
    found = finder.decide(examined(picture_probability=0.95, faint=0.3, discs=(disc,)))
    assert [ghost.class_name for ghost in found.ghosts] == ["Faint"]
    assert without.probability < 0.5 < found.probability


def test_weak_rays_that_real_star_fields_have_are_no_ghost(finder):
    weak, plain = (
        finder.decide(examined(picture_probability=picture_probability, score=score))
        for picture_probability, score in ((0.9, 0.35), (0.999, 0.7))
    )
    assert weak.probability < 0.5 < plain.probability
