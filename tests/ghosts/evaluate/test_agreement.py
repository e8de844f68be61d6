"""How far people agree: by hand on small pictures, and on those that eight people outlined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.ghosts.real_data import published

from skysieve.core.errors import ConfigError
from skysieve.ghosts.annotations.annotated_images import AnnotatedImage, Annotations, OutlinedGhost
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.annotations.outlines import Rectangle
from skysieve.ghosts.evaluate.agreement import (
    ANY,
    PUBLISHED_FULL_AGREEMENT,
    align,
    fleiss_kappa,
    majority,
    measure_agreement,
    votes,
)

SHAPE = (4, 10)


def image(name, *ghosts, shape=SHAPE):
    """Return a picture; each ghost is a class and the columns that it covers, from and to."""
    outlined = [OutlinedGhost(kind, Rectangle(x, 0, end - x, shape[0])) for kind, x, end in ghosts]
    return AnnotatedImage(name, shape, tuple(outlined))


def files(*people):
    """Return an annotation file of each person."""
    return [Annotations(f"{place}.json", "via", tuple(images)) for place, images in enumerate(people)]


THREE = files(
    [image("a", ("Rays", 0, 4), ("Faint", 6, 8)), image("b", ("Rays", 0, 5))],
    [image("b", ("Rays", 0, 5)), image("a", ("Rays", 0, 2), ("Bright", 6, 8))],
    [image("a", ("Rays", 0, 2)), image("c"), image("b")],
)


class TestAlign:
    def test_pictures_are_matched_by_name_wherever_they_stand(self):
        aligned = align(THREE)
        assert list(aligned) == ["a", "b"]
        assert [[one.name for one in seen] for seen in aligned.values()] == [["a"] * 3, ["b"] * 3]
        assert [len(one.ghosts) for one in aligned["b"]] == [1, 1, 0]

    def test_a_picture_that_one_person_did_not_see_is_none_of_all(self):
        assert list(align(files([image("a"), image("b")], [image("b"), image("a")], [image("b")]))) == ["b"]

    def test_a_picture_has_one_size(self):
        with pytest.raises(
            ConfigError, match="image 'a' is 4 × 9 and 4 × 10 pixels; give all files one size"
        ):
            align(files([image("a")], [image("a", shape=(4, 9))]))


class TestVotes:
    def test_count_people_not_ghosts(self):
        seen = align(THREE)["a"]
        assert votes(seen, "Rays")[0].tolist() == [3, 3, 1, 1, 0, 0, 0, 0, 0, 0]
        assert votes(seen)[0].tolist() == [3, 3, 1, 1, 0, 0, 2, 2, 0, 0]
        assert votes([image("a", ("Rays", 0, 3), ("Rays", 1, 4), ("Faint", 0, 9))])[0].max() == 1

    @pytest.mark.parametrize(("n", "needed"), [(2, 2), (3, 2), (8, 5)])
    def test_a_majority_is_more_than_half(self, n, needed):
        assert majority(np.arange(n + 1, dtype=np.uint8), n).tolist() == [v >= needed for v in range(n + 1)]


class TestFleissKappa:
    def test_of_fleiss_example_with_two_categories(self):
        """Five of ten subjects get all three votes, two get two, one gets one, two get none."""
        observed = (5 + 2 + 3 * (1 / 3)) / 10
        part = (15 + 4 + 1) / 30
        chance = part**2 + (1 - part) ** 2
        kappa = fleiss_kappa(np.array([2, 1, 2, 5]))
        assert kappa == pytest.approx((observed - chance) / (1 - chance))

    def test_is_one_where_all_agree_and_below_zero_where_they_disagree_by_design(self):
        assert fleiss_kappa(np.array([7, 0, 0, 3])) == pytest.approx(1)
        assert fleiss_kappa(np.array([0, 9, 0])) == pytest.approx(-1)

    def test_is_about_zero_where_votes_are_thrown(self):
        thrown = np.random.default_rng(1).binomial(8, 0.3, 200_000)
        assert abs(fleiss_kappa(np.bincount(thrown, minlength=9))) < 0.01

    @pytest.mark.parametrize("histogram", [[0, 0, 0], [9, 0, 0], [0, 0, 9], [5, 4]])
    def test_is_not_a_number_without_contrast(self, histogram):
        assert math.isnan(fleiss_kappa(np.array(histogram)))


class TestMeasured:
    AGREEMENT = measure_agreement(THREE)

    def test_names_what_was_compared_and_what_was_not(self):
        agreement = self.AGREEMENT
        assert agreement.annotators == ("0.json", "1.json", "2.json")
        assert (agreement.images, agreement.left_out) == (("a", "b"), ("c",))

    def test_counts_pixels_by_votes(self):
        assert self.AGREEMENT.by_image["Rays"].tolist() == [[24, 8, 0, 8], [20, 0, 20, 0]]
        assert self.AGREEMENT.histogram("Rays").tolist() == [44, 8, 20, 8]
        assert self.AGREEMENT.fractions("Rays") == pytest.approx([8 / 36, 20 / 36, 8 / 36])
        assert self.AGREEMENT.fractions(ANY) == pytest.approx([8 / 44, 28 / 44, 8 / 44])
        assert self.AGREEMENT.kappa("Rays") == fleiss_kappa(np.array([44, 8, 20, 8]))

    def test_overlaps_are_pooled_over_pictures(self):
        # Rays: columns 4 + 5, 2 + 5 and 2 + 0
        rays = self.AGREEMENT.overlaps["Rays"]
        pairs = [7 / 9, 2 / 9, 2 / 7]
        assert (rays.mean, rays.lowest, rays.highest) == pytest.approx(
            (np.mean(pairs), min(pairs), max(pairs))
        )

    def test_two_who_both_saw_nothing_have_no_overlap(self):
        faint = self.AGREEMENT.overlaps["Faint"]
        assert (faint.mean, faint.lowest, faint.highest) == (0, 0, 0)
        nothing = measure_agreement(files([image("a")], [image("a")]))
        assert math.isnan(nothing.overlaps["Faint"].mean)
        assert np.isnan(nothing.fractions(ANY)).all()
        assert np.isnan(nothing.full_agreement_interval()).all()

    def test_the_interval_is_that_of_other_pictures(self):
        # of one picture 1/4 has all votes, of the other 3/4
        seen = [image("a", ("Rays", 0, 4)), image("b", ("Rays", 0, 4))]
        other = [image("a", ("Rays", 0, 1)), image("b", ("Rays", 1, 4))]
        low, high = measure_agreement(files(seen, other)).full_agreement_interval("Rays")
        assert 1 / 4 <= low < 0.3
        assert 0.7 < high <= 3 / 4
        alike = [image("a", ("Rays", 0, 1)), image("b", ("Rays", 1, 2))]
        assert measure_agreement(files(seen, alike)).full_agreement_interval("Rays") == pytest.approx(
            (0.25, 0.25)
        )
        one = measure_agreement(files([image("a", ("Rays", 0, 4))], [image("a", ("Rays", 0, 2))]))
        assert np.isnan(one.full_agreement_interval("Rays")).all()

    def test_that_all_agree_is_seen(self):
        same = measure_agreement(files(*[[image("a", ("Rays", 2, 7)), image("b")]] * 4))
        assert same.fractions(ANY).tolist() == [0, 0, 0, 1]
        assert same.overlaps["Rays"].lowest == 1
        assert same.kappa("Rays") == pytest.approx(1)

    def test_needs_two_people_and_a_picture_of_both(self):
        with pytest.raises(ConfigError, match="expected 2 to 255 annotation files, one a person; got 1"):
            measure_agreement(THREE[:1])
        with pytest.raises(
            ConfigError, match="no image is in all of the 2 annotation files, matched by name"
        ):
            measure_agreement(files([image("a")], [image("b")]))


@pytest.fixture(scope="module")
def agreement():
    """How far the eight people of the study agree."""
    folder = published("annotators")
    return measure_agreement([read_annotations(path) for path in sorted(folder.glob("*.json"))])


class TestPublished:
    """The eight people of the study, on the half of their fifty images whose annotations are at hand."""

    def test_all_saw_the_same_images(self, agreement):
        assert (len(agreement.annotators), len(agreement.images), agreement.left_out) == (8, 25, ())

    def test_votes_are_those_of_an_independent_rasterisation(self, agreement):
        """With scikit-image 0.26, whose rounding differs in a few pixels of a million."""
        expected = {
            "Rays": [3904672, 21949, 9757, 7251, 6638, 5517, 6760, 12703, 24753],
            "Bright": [3929127, 32495, 7427, 4340, 9192, 6296, 2753, 4442, 3928],
            "Faint": [3417416, 88684, 51768, 14909, 16065, 27801, 95696, 126683, 160978],
            ANY: [3324879, 100762, 60073, 22598, 21174, 24873, 99897, 132457, 213287],
        }
        for kind, histogram in expected.items():
            assert np.abs(agreement.histogram(kind) - histogram).max() <= 50

    def test_full_agreement_is_as_published_within_what_25_images_tell(self, agreement):
        assert agreement.fractions(ANY)[-1] == pytest.approx(0.316, abs=5e-4)
        low, high = agreement.full_agreement_interval()
        assert low < PUBLISHED_FULL_AGREEMENT == 0.442 < high

    def test_overlaps_are_near_those_of_fifty_images(self, agreement):
        """Means of .62, .26, .69 and .75 for Rays, Bright, Faint and any."""
        means = {kind: overlap.mean for kind, overlap in agreement.overlaps.items()}
        assert means["Rays"] == pytest.approx(0.62, abs=0.02)
        assert means["Bright"] == pytest.approx(0.26, abs=0.15)
        assert means["Faint"] == pytest.approx(0.69, abs=0.02)
        assert means[ANY] == pytest.approx(0.75, abs=0.06)
