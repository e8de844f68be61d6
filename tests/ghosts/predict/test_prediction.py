"""Reflections foretold from the places and magnitudes of stars."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.ghosts.focal_plane.star_catalogues import BrightStars
from skysieve.ghosts.predict.prediction import MIN_BRIGHT_LEVEL, Pointing, predict_ghosts
from skysieve.ghosts.predict.settings import PredictionSettings

FIELD = Pointing(150.0, -30.0)
CENTRE = 199.5


def stars(*places, magnitude=1.0):
    """Return stars at offsets to the east and the north, in degrees."""
    east, north = np.array(places, float).T
    dec = FIELD.dec + north
    ra = FIELD.ra + east / np.cos(np.radians(dec))
    return BrightStars(
        tuple(f"s{n}" for n in range(len(places))), ra, dec, np.full(len(places), float(magnitude))
    )


def towards(ghost):
    """Return how far a ghost's centre is to the east (left) and the north (up) of the field's centre."""
    return CENTRE - ghost.centre[0], CENTRE - ghost.centre[1]


@pytest.mark.parametrize("place", [(0.6, 0.0), (0.0, 0.6), (-0.5, 0.4)], ids=["east", "north", "north-west"])
def test_ghosts_lie_on_the_line_through_their_star_and_the_field_centre(place):
    found = predict_ghosts(stars(place), FIELD)
    assert len(found) >= 4
    direction = np.array(place) / np.hypot(*place)
    for ghost in found:
        east, north = towards(ghost)
        assert abs(east * direction[1] - north * direction[0]) < 0.5


def test_the_brightest_is_the_detectors_light_back_from_the_last_lens_beside_the_star():
    first = predict_ghosts(stars((0.0, 0.6)), FIELD)[0]
    assert first.path.split()[0] == "D>C5_exit"
    east, north = towards(first)
    # the table has it 135.6 mm from the centre, and 15.6 mm in radius; a pixel is 1.0575 mm
    assert (east, north) == pytest.approx((0, 135.6 / 1.0575), abs=1.5)
    assert first.radius == pytest.approx(15.6 / 1.0575, abs=0.5)


def test_the_level_is_the_light_of_the_star_spread_over_the_ghost():
    first = predict_ghosts(stars((0.0, 0.6), magnitude=3.0), FIELD, PredictionSettings(sky=21.5))[0]
    # 1.85e-6 of the star's light falls on a mm2, which sees 17.57^2 square arc seconds
    expected = 10 ** (-0.4 * (3.0 - 21.5)) * 1.851e-6 / 17.57**2
    assert first.level == pytest.approx(expected, rel=0.02)


def test_a_fainter_star_makes_the_same_ghosts_fainter_and_fewer():
    bright, faint = (predict_ghosts(stars((0.3, 0.5), magnitude=m), FIELD) for m in (1.0, 3.5))
    assert 0 < len(faint) < len(bright)
    assert faint[0].level == pytest.approx(bright[0].level / 10, rel=1e-6)
    assert faint[0].path == bright[0].path


def test_none_is_fainter_than_asked_for_and_the_brightest_come_first():
    levels = [
        g.level
        for g in predict_ghosts(stars((0.3, 0.5), (-0.7, 0.1)), FIELD, PredictionSettings(faintest=0.03))
    ]
    assert min(levels) >= 0.03
    assert levels == sorted(levels, reverse=True)


def test_compact_ghosts_of_much_light_are_bright_and_all_others_faint():
    found = predict_ghosts(stars((0.2, 0.4), magnitude=0.5), FIELD, PredictionSettings(faintest=0.002))
    assert {ghost.class_name for ghost in found} == {"Bright", "Faint"}
    for ghost in found:
        assert (ghost.class_name == "Bright") == (ghost.level >= MIN_BRIGHT_LEVEL and ghost.radius <= 42)


def test_ccds_are_those_under_the_outline():
    ghost = predict_ghosts(stars((0.0, 0.6)), FIELD)[0]
    # 128 px above the centre of the picture, in the third row of CCDs: 12 to 8
    assert set(ghost.ccds) <= {9, 10, 11, 5, 6, 15, 16}
    assert max(ghost.ccds, key=lambda ccd: ghost.ccds[ccd]) == 10
    assert ghost.mask[round(ghost.centre[1]), round(ghost.centre[0])]


def test_ghosts_of_the_two_sides_of_the_filter_are_one():
    found = predict_ghosts(stars((0.0, 0.6)), FIELD, PredictionSettings(faintest=0.001))
    paths = [ghost.path for ghost in found if "D>Filter" in ghost.path]
    assert len(paths) == 1
    assert {"D>Filter_entrance", "D>Filter_exit"} <= set(paths[0].split())


def test_the_further_the_filter_stands_from_the_detector_the_wider_its_ghost():
    def width(filter_place):
        found = predict_ghosts(stars((0.0, 0.6)), FIELD, PredictionSettings(filter_place=filter_place))
        return next(ghost.radius for ghost in found if "D>Filter" in ghost.path)

    assert width(-90.0) == pytest.approx(131, abs=2)
    assert width(-50.0) == pytest.approx(121, abs=2)
    assert width(0.0) == pytest.approx(110, abs=2)


def test_places_that_no_filter_has_are_refused():
    with pytest.raises(ConfigError, match="filter at -30 mm: the ghosts are traced for -90, -50, 0"):
        predict_ghosts(stars((0.0, 0.6)), FIELD, PredictionSettings(filter_place=-30.0))


def test_stars_beyond_the_reach_of_the_optics_make_none():
    assert predict_ghosts(stars((0.0, 1.7), (40.0, 0.0), magnitude=-2), FIELD) == []


def test_the_field_may_lie_across_the_first_meridian():
    across, along = Pointing(359.9, 10.0), Pointing(180.0, 10.0)
    one, other = (
        predict_ghosts(BrightStars(("s",), np.array([ra]), np.array([10.0]), np.array([1.0])), pointing)
        for ra, pointing in ((0.4, across), (180.5, along))
    )
    assert [g.centre for g in one] == [pytest.approx(g.centre, abs=1e-6) for g in other]


@pytest.mark.parametrize(("ra", "dec"), [(400.0, 0.0), (10.0, -91.0), (float("nan"), 0.0)])
def test_a_pointing_that_is_no_place_is_refused(ra, dec):
    with pytest.raises(ConfigError, match="expected a right ascension"):
        Pointing(ra, dec)


def test_light_of_no_part_of_the_sky_is_refused():
    with pytest.raises(ConfigError, match="faintest 0: expected"):
        predict_ghosts(stars((0, 0.5)), FIELD, PredictionSettings(faintest=0.0))
