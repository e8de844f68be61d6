"""Scores of CCDs by the published rule: counts, thresholds, unions, and what the study's annotations give."""

from __future__ import annotations

import numpy as np
import pytest
from tests.ghosts.real_data import published

from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.evaluate.ccd_scores import (
    CCD_AREA,
    GROUPS,
    THRESHOLDS,
    CcdTally,
    detected_counts,
    mask_counts,
    touched,
    truth_counts,
)
from skysieve.ghosts.focal_plane.decam import decam, published_boxes


def block(x0, y0, x1, y1):
    """Return a mask of these columns and rows, ends not in it."""
    mask = np.zeros((400, 400), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def on_ccd(number, pixels):
    """Return a mask of so many pixels in the middle of one CCD."""
    mask = np.zeros((400, 400), bool)
    box = decam().by_number[number].picture_box
    inner = mask[box.y0 + 2 : box.y1 - 2, box.x0 + 2 : box.x1 - 2]
    assert pixels <= inner.size
    inner[np.unravel_index(np.arange(pixels), inner.shape)] = True
    return mask


class TestCounts:
    def test_are_of_the_pixels_in_the_box_of_each_ccd(self):
        counts = mask_counts(block(0, 0, 400, 400))
        areas = [rows * columns for rows, columns in (box.shape for box in published_boxes().values())]
        assert counts.tolist() == areas
        # CCD 29: 61 columns, 33 rows; CCD 31 is cut
        assert (counts[28], counts[30]) == (61 * 33, 49 * 33)

    def test_are_of_both_neighbours_on_the_row_and_column_that_they_share(self):
        # column 109 ends CCD 30 and begins CCD 29; row 200 ends the row of CCD 29 and begins that of CCD 36
        counts = mask_counts(block(109, 200, 110, 201))
        assert np.flatnonzero(counts).tolist() == [28, 29, 35, 36]
        assert counts.max() == 1

    def test_equal_those_of_a_plain_sum(self):
        mask = np.random.default_rng(2).random((400, 400)) < 0.2
        plain = [mask[b.y0 : b.y1, b.x0 : b.x1].sum() for b in published_boxes().values()]
        assert mask_counts(mask).tolist() == plain


class TestTheRule:
    def test_wants_more_than_one_pixel_at_threshold_0(self):
        assert touched(np.array([0, 1, 2])).tolist() == [False, False, True]

    def test_wants_more_than_the_fraction_of_the_published_area(self):
        assert pytest.approx(32 * 60.1169) == CCD_AREA
        # 5 % are 96.2 pixels, 50 % are 961.9
        assert touched(np.array([96, 97]), 0.05).tolist() == [False, True]
        assert touched(np.array([961, 962]), 0.5).tolist() == [False, True]

    def test_is_at_19_thresholds(self):
        assert THRESHOLDS[:3] == (0, 0.05, 0.1)
        assert (THRESHOLDS[-1], len(THRESHOLDS)) == (0.9, 19)

    def test_is_for_three_classes_and_two_unions(self):
        assert dict(GROUPS) == {
            "Rays": ("Rays",),
            "Bright": ("Bright",),
            "Faint": ("Faint",),
            "Rays+Bright": ("Rays", "Bright"),
            "All": ("Rays", "Bright", "Faint"),
        }


class TestUnions:
    def halves(self):
        # 60 pixels each, which together are more than 5 % of CCD 29, and alone are not
        return block(120, 180, 130, 186), block(130, 180, 140, 186)

    def positive(self, counts, group):
        return touched(counts[list(GROUPS).index(group)], 0.05)[28]

    def test_are_of_all_true_ghosts_of_a_class(self):
        one, other = self.halves()
        counts = truth_counts([("Bright", one), ("Bright", other)])
        assert self.positive(counts, "Bright")

    def test_count_a_pixel_once(self):
        one, _ = self.halves()
        assert truth_counts([("Bright", one), ("Bright", one)])[1, 28] == 60

    def test_are_not_of_the_detections_of_a_single_class(self):
        one, other = self.halves()
        counts = detected_counts([("Bright", one, 0.9), ("Bright", other, 0.9)])
        assert not self.positive(counts, "Bright")
        assert self.positive(counts, "Rays+Bright")
        assert self.positive(counts, "All")

    def test_leave_other_classes_out(self):
        one, other = self.halves()
        counts = detected_counts([("Bright", one, 0.9), ("Faint", other, 0.9)])
        assert not self.positive(counts, "Rays+Bright")
        assert self.positive(counts, "All")
        assert counts[0].tolist() == [0] * 62


class TestScores:
    def test_are_of_all_ccds_of_all_images_at_once(self):
        tally = CcdTally()
        # 3 true CCDs, 2 of them found, and 2 others; then 1 true, not found
        tally.add(
            [("Rays", on_ccd(n, 300)) for n in (1, 2, 3)],
            [("Rays", on_ccd(n, 300), 0.9) for n in (2, 3, 4, 5)],
        )
        tally.add([("Rays", on_ccd(60, 300))], [])
        rays = tally.scores()["Rays"]
        assert (rays.true_positives[0], rays.false_positives[0], rays.false_negatives[0]) == (2, 2, 2)
        assert rays.positives[0] == 4
        assert (rays.precision[0], rays.recall[0], rays.f1[0]) == (0.5, 0.5, 0.5)
        assert tally.images == 2

    def test_fall_with_the_threshold(self):
        tally = CcdTally()
        tally.add([("Faint", on_ccd(29, 500))], [("Faint", on_ccd(29, 200), 0.9)])
        faint = tally.scores()["Faint"]
        # found up to 10 % (192 pixels), there up to 25 % (481)
        assert np.flatnonzero(faint.true_positives).tolist() == [0, 1, 2]
        assert np.flatnonzero(faint.false_negatives).tolist() == [3, 4, 5]
        assert faint.recall[[0, 2, 3]].tolist() == [1, 1, 0]

    def test_are_unknown_without_ghosts(self):
        tally = CcdTally()
        tally.add([], [])
        for score in tally.scores().values():
            assert np.isnan(score.precision).all()
            assert np.isnan(score.recall).all()
            assert np.isnan(score.f1).all()

    def test_may_be_of_images_drawn_again_and_again(self):
        tally = CcdTally()
        tally.add([("Rays", on_ccd(1, 300))], [("Rays", on_ccd(1, 300), 0.9)])
        tally.add([("Rays", on_ccd(2, 300))], [])
        assert tally.scores([0, 0, 1])["Rays"].recall[0] == pytest.approx(2 / 3)
        assert tally.scores(np.array([1]))["Rays"].recall[0] == 0
        assert np.isnan(tally.scores([])["Rays"].recall).all()

    def test_may_be_of_another_camera(self):
        tally = CcdTally([decam().by_number[1].picture_box])
        tally.add([("Rays", on_ccd(1, 300)), ("Rays", on_ccd(2, 300))], [])
        assert tally.scores()["Rays"].positives[0] == 1


EXPECTED = {
    "Rays": [1091, 876, 785, 667, 352, 106],
    "Bright": [912, 714, 615, 458, 166, 38],
    "Faint": [4291, 3876, 3659, 3340, 2623, 1848],
    "Rays+Bright": [1962, 1563, 1383, 1117, 515, 142],
    "All": [5591, 4951, 4621, 4158, 3025, 1975],
}
"""True CCDs of the 295 test images at hand, at 0, 5, 10, 20, 50 and 90 %.

From masks drawn by scikit-image 0.26 and boxes added up one by one, without this package.
"""

OF_ALL_300 = {"Rays": 1134, "Bright": 920, "Faint": 4384, "Rays+Bright": 2013, "All": 5728}
"""Those of the whole test set at 0 %, by the same rule."""


class TestTheStudysAnnotations:
    def test_have_as_many_true_ccds(self):
        images = read_annotations(published("annotations_test.json")).images
        assert len(images) == 295
        tally = CcdTally()
        for image in images:
            tally.add([(ghost.class_name, ghost.outline.mask(image.shape)) for ghost in image.ghosts], [])
        scores = tally.scores()
        places = [THRESHOLDS.index(threshold) for threshold in (0, 0.05, 0.1, 0.2, 0.5, 0.9)]
        assert {name: score.positives[places].tolist() for name, score in scores.items()} == EXPECTED
        for name, count in OF_ALL_300.items():
            # five images cannot have more CCDs than they have
            assert 0 <= count - EXPECTED[name][0] <= 5 * 62
