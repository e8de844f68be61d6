"""The table of the Dark Energy Camera, and the boxes that the study scored CCDs with."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.fits.sections import section
from skysieve.ghosts.focal_plane.cameras import Box
from skysieve.ghosts.focal_plane.ccd_headers import identify
from skysieve.ghosts.focal_plane.decam import decam, published_boxes

ROWS = [
    [3, 2, 1],
    [7, 6, 5, 4],
    [12, 11, 10, 9, 8],
    [18, 17, 16, 15, 14, 13],
    [24, 23, 22, 21, 20, 19],
    [31, 30, 29, 28, 27, 26, 25],
    [38, 37, 36, 35, 34, 33, 32],
    [44, 43, 42, 41, 40, 39],
    [50, 49, 48, 47, 46, 45],
    [55, 54, 53, 52, 51],
    [59, 58, 57, 56],
    [62, 61, 60],
]
"""CCDs from top to bottom, each row from left to right."""


class TestTheTable:
    def test_has_62_ccds_in_a_picture_of_400_pixels(self):
        assert decam().numbers == tuple(range(1, 63))
        assert (decam().picture_shape, decam().ccd_shape) == ((400, 400), (4096, 2048))

    def test_has_its_rows_from_the_top_and_numbers_from_right_to_left(self):
        ccds = sorted(decam().ccds, key=lambda ccd: (ccd.picture_box.y0, ccd.picture_box.x0))
        assert [ccd.number for ccd in ccds] == [number for row in ROWS for number in row]

    def test_has_the_lit_boxes_of_the_published_pictures(self):
        assert [decam().by_number[n].picture_box[1] for n in (1, 4, 8, 13)] == [10, 42, 74, 106]
        row = [decam().by_number[n].picture_box for n in (18, 17, 16, 15, 14, 13)]
        assert [(box.x0, box.x1 - 1) for box in row] == [
            (20, 77), (80, 137), (141, 198), (201, 258), (262, 319), (322, 379),
        ]  # fmt: skip
        assert {ccd.picture_box.shape for ccd in decam().ccds} == {(29, 58)}

    def test_has_the_outer_ccds_cut_to_48_columns(self):
        for number in (25, 31, 32, 38):
            rows, columns = decam().by_number[number].picture_box.inside((400, 400))
            assert (rows.stop - rows.start, columns.stop - columns.start) == (29, 48)

    def test_has_gaps_between_all_ccds(self):
        assert np.count_nonzero(decam().ccd_map) == 58 * 29 * 58 + 4 * 29 * 48

    def test_knows_what_is_dead(self):
        assert {ccd.number: ccd.dead for ccd in decam().ccds if ccd.dead} == {
            31: Box(1024, 0, 2048, 4096),
            61: Box(0, 0, 2048, 4096),
        }

    def test_has_the_lower_half_of_ccd_31_dead_in_the_picture(self):
        dead = np.zeros(decam().ccd_shape, bool)
        box = decam().by_number[31].dead
        assert box is not None
        dead[box.inside(decam().ccd_shape)] = True
        to_picture_axes = decam().to_picture_axes(dead)
        assert not to_picture_axes[:1024].any()
        assert to_picture_axes[1024:].all()

    @pytest.mark.parametrize(
        ("number", "name", "detsec"),
        [
            (1, "S29", "[2049:4096,8193:12288]"),
            (28, "S4", "[12289:14336,12289:16384]"),
            (35, "N4", "[14337:16384,12289:16384]"),
            (62, "N31", "[24577:26624,16385:20480]"),
        ],
    )
    def test_has_names_and_detsec_of_real_headers(self, number, name, detsec):
        ccd, header = decam().by_number[number], fits.Header({"DETSEC": detsec})
        found = section(header, "DETSEC", None)
        assert found is not None
        rows, columns = found
        assert (ccd.name, ccd.detector) == (name, Box(columns.start, rows.start, columns.stop, rows.stop))

    def test_knows_a_real_frame_by_each_of_its_cards(self, real_frames):
        header = fits.getheader(real_frames / "decam_cp_170316_ooi_z_N2.fits", 1)
        for cards in ({"CCDNUM"}, {"DETPOS"}, {"DETSEC"}):
            alone = fits.Header({key: header[key] for key in cards})
            assert identify(decam(), alone, "", "frame") == 33


class TestThePublishedBoxes:
    def test_are_of_all_ccds_in_order(self):
        assert list(published_boxes()) == list(range(1, 63))

    @pytest.mark.parametrize(
        ("row", "edges"),
        [
            (0, [109, 169, 229, 289]),
            (1, [79, 139, 200, 259, 319]),
            (2, [48, 109, 169, 229, 289, 350]),
            (3, [19, 79, 139, 200, 259, 319, 379]),
            (5, [0, 48, 109, 169, 229, 289, 350, 399]),
            (6, [0, 48, 109, 169, 229, 289, 350, 399]),
            (11, [109, 169, 229, 289]),
        ],
    )
    def test_have_the_published_columns_with_both_ends(self, row, edges):
        boxes = [published_boxes()[number] for number in ROWS[row]]
        assert [box.x0 for box in boxes] == edges[:-1]
        # the last column is in the box, and where it is not cut it is the first of the next
        assert [box.x1 - 1 for box in boxes] == edges[1:]

    def test_have_33_rows_every_32(self):
        for row, numbers in enumerate(ROWS):
            for number in numbers:
                box = published_boxes()[number]
                assert (box.y0, box.y1 - 1) == (8 + 32 * row, 40 + 32 * row)

    def test_hold_the_lit_pixels_of_their_ccds(self):
        for number, box in published_boxes().items():
            rows, columns = decam().by_number[number].picture_box.inside((400, 400))
            assert box.y0 <= rows.start < rows.stop <= box.y1
            assert box.x0 <= columns.start < columns.stop <= box.x1
