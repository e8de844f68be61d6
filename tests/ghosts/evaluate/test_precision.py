"""Average precision: overlaps, the published protocol, and that of COCO."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.ghosts.evaluate.precision import (
    IOU_THRESHOLDS,
    PUBLISHED_CUT,
    image_precision,
    pooled_curve,
    pooled_precision,
    published_curve,
    published_precision,
)
from skysieve.ghosts.predict.overlaps import ALL, Overlaps, correct_detections, measure_overlaps

CLASSES = ("Rays", "Bright", "Faint")


def square(x, y, size=10, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[y : y + size, x : x + size] = True
    return mask


def image(truth, found, scores, iou):
    """Return an image by its overlaps; all of one class if that is a string."""
    iou = np.array(iou, float).reshape(len(scores), -1)
    names = [
        (name,) * count if isinstance(name, str) else name
        for name, count in ((truth, iou.shape[1]), (found, len(scores)))
    ]
    return Overlaps(tuple(names[0]), tuple(names[1]), np.array(scores, float), iou)


def rays(scores, iou):
    return image("Rays", "Rays", scores, iou)


EMPTY = Overlaps((), (), np.zeros(0), np.zeros((0, 0)))


class TestOverlaps:
    def test_are_intersection_over_union(self):
        found = measure_overlaps([("Rays", square(0, 0))], [("Rays", square(5, 0), 0.9)])
        assert found.iou.tolist() == [[pytest.approx(50 / 150)]]

    def test_have_the_strongest_detection_first(self):
        found = measure_overlaps(
            [("Rays", square(0, 0))], [("Faint", square(30, 0), 0.5), ("Rays", square(0, 0), 0.9)]
        )
        assert (found.found, found.scores.tolist()) == (("Rays", "Faint"), [0.9, 0.5])
        assert found.iou.tolist() == [[1], [0]]

    def test_of_nothing_are_none(self):
        assert measure_overlaps([], []).iou.shape == (0, 0)
        assert measure_overlaps([("Rays", square(0, 0))], []).iou.shape == (0, 1)
        assert measure_overlaps([], [("Rays", square(0, 0), 1)]).iou.shape == (1, 0)
        assert measure_overlaps([("Rays", square(0, 0, 0))], [("Rays", square(0, 0, 0), 1)]).iou.tolist() == [
            [0]
        ]

    def test_may_be_of_one_class_and_above_a_score(self):
        some = image(
            ("Rays", "Faint"), ("Faint", "Rays", "Faint"), [0.9, 0.8, 0.7], [[0, 1], [1, 0], [0, 0.5]]
        )
        faint = some.select("Faint", cut=0.8)
        assert (faint.truth, faint.found) == (("Faint",), ("Faint",))
        assert (faint.scores.tolist(), faint.iou.tolist()) == ([0.9], [[1]])
        assert some.select(ALL, cut=0.8).found == ("Faint", "Rays")  # 0.8 itself stays
        assert some.select().found == some.found


class TestADetectionIsRight:
    def test_if_it_overlaps_enough(self):
        assert correct_detections(rays([0.9, 0.8], [[0.5, 0], [0, 0.49]]), 0.5).tolist() == [True, False]

    def test_if_no_stronger_one_found_the_same_ghost(self):
        assert correct_detections(rays([0.9, 0.8], [[0.6], [0.9]])).tolist() == [True, False]

    def test_if_it_has_another_ghost_left(self):
        assert correct_detections(rays([0.9, 0.8], [[0.9, 0.6], [0.8, 0.7]])).tolist() == [True, True]

    def test_not_with_another_class(self):
        some = image(("Rays", "Faint"), ("Faint", "Bright"), [0.9, 0.8], [[0.9, 0.6], [0.9, 0.9]])
        assert correct_detections(some).tolist() == [True, False]


class TestOneImage:
    @pytest.mark.parametrize(
        ("scores", "iou", "expected"),
        [
            ([0.9], [[1]], 1),
            # one of two ghosts
            ([0.9], [[1, 0]], 0.5),
            # wrong, right: precision 1/2 at recall 1
            ([0.9, 0.8], [[0], [1]], 0.5),
            # right, wrong, right of two: 1/2 x 1 + 1/2 x 2/3
            ([0.9, 0.8, 0.7], [[1, 0], [0, 0], [0, 1]], 5 / 6),
            # wrong, right, right of three: the envelope is 2/3 up to recall 2/3
            ([0.9, 0.8, 0.7], [[0, 0, 0], [1, 0, 0], [0, 1, 0]], 4 / 9),
            ([0.9], [[0.3]], 0),
        ],
    )
    def test_has_the_area_under_its_envelope(self, scores, iou, expected):
        assert image_precision(rays(scores, iou)) == pytest.approx(expected)

    def test_has_0_without_detections_or_ghosts(self):
        assert image_precision(EMPTY) == 0
        assert image_precision(Overlaps(("Rays",), (), np.zeros(0), np.zeros((0, 1)))) == 0
        assert image_precision(Overlaps((), ("Rays",), np.ones(1), np.zeros((1, 0)))) == 0

    def test_has_less_at_a_higher_overlap(self):
        some = rays([0.9, 0.8], [[0.55, 0], [0, 0.95]])
        assert [image_precision(some, iou) for iou in (0.5, 0.6, 0.9)] == [1, 0.25, 0.25]


class TestThePublishedProtocol:
    def test_is_the_mean_over_images_with_its_ceiling(self):
        # found; of another class; without ghosts; with a ghost not found
        images = [rays([0.9], [[1]]), image("Faint", "Faint", [0.9], [[1]]), EMPTY, rays([0.9], [[0.2]])]
        assert published_precision(images, "Rays").mean == 0.25
        assert published_precision(images, "Rays").ceiling == 0.5
        assert published_precision(images).mean == 0.5
        assert published_precision(images).ceiling == 0.75

    def test_cuts_at_a_score_of_0_8(self):
        images = [rays([0.8], [[1]]), rays([0.79], [[1]])]
        assert PUBLISHED_CUT == 0.8
        assert published_precision(images).mean == 0.5
        assert published_precision(images, cut=None).mean == 1

    def test_is_at_nine_overlaps(self):
        assert IOU_THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
        images = [rays([0.9], [[0.7]])]
        found = [published_precision(images, iou=iou).mean for iou in IOU_THRESHOLDS]
        assert found == [1, 1, 1, 1, 1, 0, 0, 0, 0]

    def test_of_no_images_is_unknown(self):
        assert np.isnan(published_precision([]).mean)

    def test_has_a_curve_of_50_points_averaged_over_images(self):
        curve = published_curve([rays([0.9], [[1]]), EMPTY], "Rays")
        assert curve.recall.shape == curve.precision.shape == (50,)
        assert (curve.precision[0], curve.recall[0], curve.recall[-1]) == (0.5, 0, 0.5)
        assert np.isnan(published_curve([]).recall).all()


def random_images():
    """Return 30 images with up to five ghosts and eight detections of three classes, and their masks."""
    rng = np.random.default_rng(42)
    images = []
    for _ in range(30):
        truth, found = [], []
        for _ in range(rng.integers(0, 6)):
            x, y, size = rng.integers(0, 40), rng.integers(0, 25), rng.integers(8, 16)
            name = CLASSES[rng.integers(3)]
            truth.append((name, square(x, y, size)))
            if rng.random() < 0.8:
                dx, dy = rng.integers(-2, 3, 2)
                other = name if rng.random() < 0.8 else CLASSES[rng.integers(3)]
                mask = square(max(x + dx, 0), max(y + dy, 0), size)
                found.append((other, mask, round(float(rng.uniform(0.2, 1)), 3)))
        for _ in range(rng.integers(0, 4)):
            mask = square(rng.integers(0, 40), rng.integers(0, 25), rng.integers(8, 16))
            found.append((CLASSES[rng.integers(3)], mask, round(float(rng.uniform(0.1, 0.9)), 3)))
        images.append((truth, found))
    return images


class TestThePooledProtocol:
    def test_ranks_the_detections_of_all_images(self):
        # right 0.9, wrong 0.8, right 0.7 of 2 ghosts: precision 1 at 51 recalls, 2/3 at 50
        images = [rays([0.9, 0.7], [[1, 0], [0, 1]]), image("Rays", "Rays", [0.8], np.zeros((1, 0)))]
        assert pooled_precision(images, "Rays") == pytest.approx((51 + 50 * 2 / 3) / 101)

    def test_blames_what_is_found_in_clean_images(self):
        images = [rays([0.7], [[1]]), Overlaps((), ("Rays",), np.array([0.9]), np.zeros((1, 0)))]
        assert pooled_precision(images, "Rays") == pytest.approx(0.5)
        assert published_precision(images, "Rays", cut=None).mean == 0.5

    def test_does_not_cut_weak_detections(self):
        assert pooled_precision([rays([0.1], [[1]])], "Rays") == 1

    def test_is_the_mean_of_the_classes_that_are_there(self):
        images = [rays([0.9], [[1]]), image("Faint", "Faint", [0.9], [[0]])]
        assert pooled_precision(images) == 0.5
        assert np.isnan(pooled_precision(images, "Bright"))
        assert np.isnan(pooled_precision([EMPTY]))
        assert pooled_precision([Overlaps(("Rays",), (), np.zeros(0), np.zeros((0, 1)))], "Rays") == 0

    def test_takes_a_hundred_detections_an_image(self):
        many = rays(np.linspace(0.99, 0.5, 101), np.vstack([np.zeros((100, 1)), [[1]]]))
        assert pooled_precision([many], "Rays") == 0

    def test_has_a_curve_that_is_not_cut(self):
        images = [
            rays([0.9, 0.7], [[1, 0], [0, 1]]),
            Overlaps((), ("Rays",), np.array([0.8]), np.zeros((1, 0))),
        ]
        curve = pooled_curve(images, "Rays")
        assert curve.recall.tolist() == [0.5, 0.5, 1]
        assert curve.precision.tolist() == [1, 0.5, pytest.approx(2 / 3)]

    @pytest.mark.parametrize(
        ("iou", "group", "expected"),
        [
            (0.50, "Rays", 0.453465346535),
            (0.50, "Bright", 0.469434333139),
            (0.50, "Faint", 0.553624767841),
            (0.50, "All", 0.492174815838),
            (0.75, "Rays", 0.169700841052),
            (0.75, "Bright", 0.063985148515),
            (0.75, "Faint", 0.047602789836),
            (0.75, "All", 0.093762926467),
        ],
    )
    def test_gives_what_pycocotools_2_0_gives_for_the_same_masks(self, iou, group, expected):
        images = [measure_overlaps(truth, found) for truth, found in random_images()]
        assert pooled_precision(images, group, iou=iou) == pytest.approx(expected, abs=1e-9)
