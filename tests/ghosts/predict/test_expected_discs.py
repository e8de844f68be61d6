"""Where the optics put the widest reflections of the bright stars of a picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.star_catalogues import BrightStars
from skysieve.ghosts.predict.expected_discs import expected_discs, find_bright_stars
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.prediction import Pointing, predict_ghosts
from skysieve.ghosts.predict.settings import GhostSettings, PredictionSettings
from skysieve.ghosts.predict.wide_discs import draw_disc
from skysieve.ghosts.simulate.path_table import MM_PER_DEGREE

SHAPE = (400, 400)
RADII = (108.0, 132.0)
MM_PER_PIXEL = 1.0575


def sky(*stars):
    """Return noise with saturated stars, each a row, a column and a radius."""
    pixels = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    for row, column, radius in stars:
        pixels[np.hypot(*np.ogrid[-row : 400 - row, -column : 400 - column]) <= radius] = 15
    return pixels, np.zeros(SHAPE, bool)


def test_stars_come_with_the_largest_first():
    found = find_bright_stars(*sky((100, 150, 3), (300, 80, 6), (30, 30, 1)))
    assert found == [pytest.approx((300, 80), abs=0.5), pytest.approx((100, 150), abs=0.5)]


def test_what_has_no_data_is_no_star():
    pixels, nodata = sky((100, 150, 5))
    nodata[90:111, 140:161] = True
    assert find_bright_stars(pixels, nodata) == []


@pytest.mark.parametrize("place", [0.0, -50.0, -90.0])
def test_circles_are_those_of_the_ray_tracing(place):
    # north is up and east is left: a star in the north-east stands upper left of the centre
    ghosts = predict_ghosts(
        BrightStars(("star",), np.array([54.5]), np.array([-28.4]), np.array([2.0])),
        Pointing(54.0, -29.0),
        PredictionSettings(filter_place=place),
    )
    wide = next(ghost for ghost in ghosts if ghost.path.startswith("D>Filter"))
    angle, direction = Pointing(54.0, -29.0).offsets(np.array([54.5]), np.array([-28.4]))
    away = float(angle[0]) * MM_PER_DEGREE / MM_PER_PIXEL
    star = 199.5 - away * math.cos(direction[0]), 199.5 - away * math.sin(direction[0])
    circles = expected_discs([star], SHAPE, RADII)
    column, row = wide.centre
    assert any(
        math.hypot(one.row - row, one.column - column) < 4 and abs(one.radius - wide.radius) < 4
        for one in circles
    )
    assert all(RADII[0] <= one.radius <= RADII[1] for one in circles)


def test_a_star_in_the_centre_or_far_outside_has_none():
    assert expected_discs([(199.5, 199.5), (-900.0, 200.0)], SHAPE, RADII) == []


def test_the_search_looks_where_a_star_of_the_picture_has_its_disc():
    camera = decam()
    star = 120.0, 110.0
    disc = max(expected_discs([star], SHAPE, RADII), key=lambda one: one.radius)
    rng = np.random.default_rng(2)
    pixels = 54 + 13 * rng.standard_normal(SHAPE)
    away = np.hypot(*np.ogrid[-disc.row : 400 - disc.row, -disc.column : 400 - disc.column])
    pixels[(away <= disc.radius) & (away > disc.radius - 5)] += 8
    # three stronger circles elsewhere
    for row, column in ((290, 260), (250, 300), (320, 190)):
        other = np.hypot(*np.ogrid[-row : 400 - row, -column : 400 - column])
        pixels[(other <= 115) & (other > 110)] += 25
    pixels[np.hypot(*np.ogrid[-120:280, -110:290]) <= 6] = 255
    picture = np.where(camera.ccd_map > 0, np.clip(np.rint(pixels), 0, 255), 23).astype(np.uint8)
    finder = GhostFinder(GhostSettings(threads=1, views=1))
    found = finder.examine(picture).discs
    overlap = [np.mean(draw_disc(one, SHAPE)[draw_disc(disc, SHAPE)]) for one in found if one.strength > 0.34]
    assert max(overlap) > 0.95
