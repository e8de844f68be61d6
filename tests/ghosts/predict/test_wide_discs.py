"""The widest discs, found by rims that are fainter than the noise of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.predict.wide_discs import RimFinder, WideDisc, draw_disc

SHAPE = (200, 240)
ROW, COLUMN, RADIUS = 104.0, 117.0, 60.0


@pytest.fixture(scope="module")
def rims():
    return RimFinder(SHAPE, (54, 66))


def sky(seed=0):
    """Return noise, and gaps of a tenth of the picture."""
    nodata = np.zeros(SHAPE, bool)
    nodata[::20], nodata[:, ::40] = True, True
    nodata[40:60, 120:160] = True
    return np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32), nodata


def rim(height, row=ROW, column=COLUMN, radius=RADIUS):
    """Return a ring five pixels wide, brightest at its outer edge."""
    away = np.hypot(*np.ogrid[-row : SHAPE[0] - row, -column : SHAPE[1] - column])
    return np.where((away <= radius) & (away > radius - 5), height * (away - radius + 5) / 5, 0)


def test_a_rim_below_the_noise_of_a_pixel_is_found(rims):
    pixels, nodata = sky()
    disc = rims.find((pixels + rim(0.9)).astype(np.float32), nodata)[0]
    assert (disc.row, disc.column) == pytest.approx((ROW, COLUMN), abs=2)
    assert disc.radius == pytest.approx(RADIUS, abs=2)
    assert disc.strength > 0.4
    empty = rims.find(*sky(1))
    assert max((one.strength for one in empty), default=0) < 0.34


def test_light_on_a_part_of_the_circle_is_no_rim(rims):
    pixels, nodata = sky()
    streak = rim(30)
    streak[: int(ROW)] = 0
    streak[:, : int(COLUMN)] = 0
    found = rims.find((pixels + streak).astype(np.float32), nodata)
    assert max((one.strength for one in found), default=0) < 0.34


def test_a_disc_that_leaves_the_picture_is_found_by_what_is_left(rims):
    pixels, nodata = sky(2)
    disc = rims.find((pixels + rim(1.5, column=210)).astype(np.float32), nodata)[0]
    assert (disc.row, disc.column) == pytest.approx((ROW, 210), abs=3)


def test_a_disc_is_drawn_with_its_margin(rims):
    pixels, nodata = sky()
    disc = rims.find((pixels + rim(1.5)).astype(np.float32), nodata)[0]
    assert np.sqrt(draw_disc(disc, SHAPE, margin=3).sum() / np.pi) == pytest.approx(disc.radius + 3, abs=1)


def test_a_rim_is_found_where_it_is_expected_though_others_are_stronger(rims):
    pixels, nodata = sky(3)
    weak = rim(1.2, row=100, column=70)
    others = sum(rim(2, row=row, column=column) for row, column in ((100, 150), (60, 190), (150, 180)))
    picture = (pixels + weak + others).astype(np.float32)

    def near(found):
        return [one for one in found if np.hypot(one.row - 100, one.column - 70) < 4 and one.strength > 0.34]

    assert not near(rims.find(picture, nodata))
    (disc,) = near(rims.find(picture, nodata, [WideDisc(105, 66, 58, 0)]))
    assert disc.radius == pytest.approx(RADIUS, abs=2)
    assert disc in rims.find(picture, nodata, [WideDisc(105, 66, 58, 0), WideDisc(30, 30, 300, 0)])
