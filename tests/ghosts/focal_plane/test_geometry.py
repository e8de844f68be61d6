"""Places in both directions: CCD, picture, sky; masks and fractions of CCDs."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ghosts.tiny_camera import ccd_header, tiny_camera

from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.geometry import (
    SkyMap,
    ccd_mask,
    ccd_to_picture,
    covered_fractions,
    nearest_ccd,
    picture_to_ccd,
)


class TestCcdAndPicture:
    def test_corners_of_a_ccd_are_corners_of_its_box(self):
        box = tiny_camera().by_number[4].picture_box
        # the outer edge of the first pixel: right, as rows run to the left, and up
        x, y = ccd_to_picture(tiny_camera(), 4, -0.5, -0.5)
        assert (float(x), float(y)) == (box.x1 - 0.5, box.y0 - 0.5)
        x, y = ccd_to_picture(tiny_camera(), 4, 127.5, 255.5)
        assert (float(x), float(y)) == (box.x0 - 0.5, box.y1 - 0.5)

    def test_of_decam_a_pixel_is_70_pixels_of_a_ccd(self):
        x, y = ccd_to_picture(decam(), 35, [0, 70.6], [0, 0])
        assert y[1] - y[0] == pytest.approx(1, abs=0.01)
        assert x[0] == x[1]

    @given(number=st.sampled_from(decam().numbers), x=st.floats(-0.49, 2047.49), y=st.floats(-0.49, 4095.49))
    def test_are_the_same_there_and_back(self, number, x, y):
        back = picture_to_ccd(decam(), *ccd_to_picture(decam(), number, x, y))
        assert int(back[0]) == number
        assert (float(back[1]), float(back[2])) == pytest.approx((x, y), abs=1e-6)

    def test_gaps_are_on_no_ccd(self):
        numbers, x, y = picture_to_ccd(tiny_camera(), [[0.0, 36.6], [20.0, 55.0]], [[0, 15], [14, 39]])
        assert numbers.tolist() == [[0, 0], [4, 0]]
        np.testing.assert_array_equal(np.isnan(x), [[True, True], [False, True]])
        np.testing.assert_array_equal(np.isnan(y), np.isnan(x))

    def test_agree_with_the_map_of_ccds(self):
        y, x = np.indices(tiny_camera().picture_shape)
        np.testing.assert_array_equal(picture_to_ccd(tiny_camera(), x, y)[0], tiny_camera().ccd_map)

    def test_the_nearest_ccd_may_be_one_of_a_few(self):
        assert nearest_ccd(tiny_camera(), 18.9, 18) == 4
        assert nearest_ccd(tiny_camera(), 12.1, 18) == 5
        assert nearest_ccd(tiny_camera(), 18.9, 18, {1: None, 5: None}) == 5


class TestMasks:
    def test_cover_a_fraction_of_each_ccd(self):
        mask = np.zeros((40, 56), bool)
        mask[14:18, 20:36] = True
        mask[:, :4] = True
        # CCD 5 shows 12 of its 16 columns, and 4 of them are covered
        assert covered_fractions(tiny_camera(), mask).tolist() == [0, 0, 0, 0.5, pytest.approx(1 / 3)]

    def test_are_brought_to_the_pixels_of_a_ccd(self):
        mask = np.zeros((40, 56), bool)
        mask[14, 20:22] = True  # up and left in the box of CCD 4
        found = ccd_mask(tiny_camera(), 4, mask)
        assert found.shape == (256, 128)
        rows, columns = np.nonzero(found)
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (224, 255, 0, 15)
        assert np.count_nonzero(found) == 32 * 16

    def test_agree_with_the_places_of_pixels(self):
        mask = np.random.default_rng(5).random((400, 400)) < 0.3
        found = ccd_mask(decam(), 29, mask)
        y, x = np.random.default_rng(6).integers(0, decam().ccd_shape, (500, 2)).T
        column, row = (np.floor(place + 0.5).astype(int) for place in ccd_to_picture(decam(), 29, x, y))
        np.testing.assert_array_equal(found[y, x], mask[row, column])

    def test_go_on_where_the_picture_cuts_a_ccd(self):
        mask = np.zeros((40, 56), bool)
        mask[14:22, 0] = True
        rows = np.nonzero(ccd_mask(tiny_camera(), 5, mask).any(axis=1))[0]
        # the four columns that are cut, and the first that is seen
        assert (rows.min(), rows.max()) == (256 - 5 * 16, 255)


class TestTheSky:
    @pytest.fixture
    def sky(self):
        return SkyMap(tiny_camera(), {number: ccd_header(number) for number in tiny_camera().numbers})

    def test_has_north_up_and_east_left(self, sky):
        ra, dec = sky.sky(27, 13)
        assert (ra, dec) == pytest.approx((30, -20))
        left, up = sky.sky(26, 13), sky.sky(27, 12)
        assert left == pytest.approx((30 + 0.01 / np.cos(np.radians(20)), -20), abs=1e-5)
        assert up == pytest.approx((30, -19.99), abs=1e-5)

    @settings(max_examples=25)
    @given(x=st.floats(-5, 60), y=st.floats(-5, 45))
    def test_is_the_same_there_and_back_in_gaps_and_outside(self, x, y):
        sky = SkyMap(tiny_camera(), {number: ccd_header(number) for number in (1, 4, 5)})
        place = sky.sky(x, y)
        assert place is not None
        assert sky.picture(*place) == pytest.approx((x, y), abs=1e-4)

    def test_takes_the_origin_of_each_header(self):
        header = ccd_header(4)
        header["CRPIX1"] -= 7
        header["CRPIX2"] -= 3
        sky = SkyMap(tiny_camera(), {4: header}, {4: (7, 3)})
        assert sky.sky(27, 13) == pytest.approx((30, -20))
        assert sky.picture(30, -20) == pytest.approx((27, 13))

    def test_is_not_known_on_the_other_side(self, sky):
        assert sky.picture(210, 20) is None

    @pytest.mark.parametrize("cards", [{}, {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, {"CTYPE1": "RA---XXX"}])
    def test_is_not_known_without_a_wcs(self, cards):
        sky = SkyMap(tiny_camera(), {4: fits.Header(cards)})
        assert sky.numbers == ()
        assert sky.sky(27, 13) is None
        assert sky.picture(30, -20) is None
