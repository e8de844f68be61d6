"""Decisions: priors, thresholds, bits, fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.frames.mask.decide import bit_mask, class_fractions, modify_priors, raw_thresholds
from skysieve.frames.mask.priors import ProbabilityHistogram, estimate_priors

PROBABILITY = st.floats(0.001, 0.999)


class TestPriors:
    @given(p=PROBABILITY, prior=PROBABILITY)
    def test_the_same_prior_changes_nothing(self, p, prior):
        assert modify_priors(np.array([p], np.float32), [prior], [prior])[0] == pytest.approx(p, abs=1e-5)

    @given(training=PROBABILITY, prior=PROBABILITY, likelihood_ratio=st.floats(1e-2, 1e2))
    def test_give_what_bayes_rule_gives_with_the_new_prior(self, training, prior, likelihood_ratio):
        def posterior(of_class):
            return of_class * likelihood_ratio / (of_class * likelihood_ratio + 1 - of_class)

        learned = np.array([posterior(training)], np.float32)
        # float32 resolves 1 - p only so far, and small odds magnify that
        assume(1e-4 < learned[0] < 1 - 1e-4)
        assert modify_priors(learned, [training], [prior])[0] == pytest.approx(
            posterior(prior), rel=1e-2, abs=1e-6
        )

    @pytest.mark.parametrize(
        ("p", "training", "prior", "expected"),
        [
            (0.5, 0.5, 0.05, 1 / 20),
            (0.9, 0.5, 0.1, 1 / 2),
            (0.2, 0.1, 0.5, 9 / 13),
            (0.75, 0.25, 0.75, 27 / 28),
        ],
    )
    def test_give_what_was_worked_out_by_hand(self, p, training, prior, expected):
        found = modify_priors(np.array([p], np.float32), [training], [prior])[0]
        assert found == pytest.approx(expected, rel=1e-5)

    def test_a_rarer_class_becomes_less_probable(self):
        high, low = (modify_priors(np.array([0.9], np.float32), [0.1], [p])[0] for p in (0.1, 0.001))
        assert low < high

    @given(
        p=hnp.arrays(np.float32, (3, 4, 5), elements=st.floats(0, 1, width=32)),
        thresholds=st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3),
        priors=st.lists(st.floats(0.0001, 0.99), min_size=3, max_size=3),
    )
    def test_moved_thresholds_decide_the_same(self, p, thresholds, priors):
        training = [0.01, 0.1, 0.4]
        modified = modify_priors(p, training, priors)
        limits = raw_thresholds(thresholds, training, priors)
        wanted = np.array(thresholds, np.float32).reshape(3, 1, 1)
        clear = np.abs(modified - wanted) > 1e-4
        assert ((p > limits.reshape(3, 1, 1)) == (modified > wanted))[clear].all()

    def test_without_priors_thresholds_stay(self):
        assert raw_thresholds([0.3, 0.7], [0.1, 0.2], None).tolist() == pytest.approx([0.3, 0.7])


class TestBits:
    def test_are_the_sum_of_the_codes_above_their_thresholds(self):
        p = np.array([[[0.9, 0.1, 0.9]], [[0.9, 0.9, 0.1]]], np.float32)
        assert bit_mask(p, np.array([0.5, 0.5], np.float32), [1, 64]).tolist() == [[65, 64, 1]]

    def test_equal_is_not_above(self):
        assert bit_mask(np.full((1, 1, 1), 0.5, np.float32), np.array([0.5], np.float32), [1])[0, 0] == 0

    def test_nan_is_never_above(self):
        assert bit_mask(np.full((1, 1, 1), np.nan, np.float32), np.array([0.0], np.float32), [1])[0, 0] == 0

    def test_code_0_has_no_bit(self):
        assert bit_mask(np.ones((1, 1, 1), np.float32), np.array([0.5], np.float32), [0])[0, 0] == 0

    @given(hnp.arrays(np.int16, (6, 7), elements=st.integers(0, 7)))
    def test_fractions_count_pixels(self, bits):
        expected = [((bits & code) != 0).mean() for code in (1, 2, 4)]
        assert class_fractions(bits, [1, 2, 4]) == pytest.approx(expected)


class TestEstimatedPriors:
    """Expectation maximisation on probabilities whose classes are known."""

    @staticmethod
    def histogram(true_prior, training_prior=0.1, *, seed=0, size=200_000, separation=3.0, shift=0.0):
        """Return posteriors, at the training prior, of two Gaussian classes mixed at the true prior."""
        rng = np.random.default_rng(seed)
        members = rng.random(size) < true_prior
        value = rng.normal(np.where(members, separation, 0.0), 1.0) + shift
        log_odds = separation * value - 0.5 * separation**2 + np.log(training_prior / (1 - training_prior))
        p = (1 / (1 + np.exp(-log_odds))).astype(np.float32).reshape(1, 1, -1)
        found = ProbabilityHistogram(1)
        found.add(p, np.zeros(p.shape[1:], bool))
        return found

    @staticmethod
    def estimate(histogram, default, training=0.1, threshold=0.5):
        return estimate_priors(histogram, [training], [default], [threshold])

    @pytest.mark.parametrize("true_prior", [0.3, 0.05, 0.005])
    @pytest.mark.parametrize("factor", [0.3, 1, 3])
    def test_find_the_true_proportion(self, true_prior, factor):
        found = self.estimate(self.histogram(true_prior, separation=5.0), factor * true_prior)
        assert found.priors[0] == pytest.approx(true_prior, rel=0.1)
        assert not found.rejected[0]

    @pytest.mark.parametrize("shift", [1.5, 2.0, 4.0])
    @pytest.mark.parametrize("true_prior", [0.0, 0.01])
    def test_do_not_run_away_where_probabilities_are_too_high(self, shift, true_prior):
        found = self.estimate(self.histogram(true_prior, shift=shift), 0.001)
        assert found.priors[0] == 0.001
        assert found.rejected[0]

    def test_do_not_rest_on_many_pixels_that_hardly_are_of_the_class(self):
        found = self.estimate(self.histogram(0.05, separation=1.0), 0.005)
        assert found.priors[0] == 0.005
        assert found.rejected[0]

    @given(
        counts=st.lists(st.tuples(st.integers(0, 3999), st.integers(1, 10**6)), min_size=1, max_size=6),
        training=st.floats(0.001, 0.9),
        default=st.floats(1e-6, 0.9),
        threshold=st.floats(0.01, 0.99),
    )
    def test_never_change_what_is_decided_by_more_than_a_factor_of_5(
        self, counts, training, default, threshold
    ):
        histogram = ProbabilityHistogram(1)
        for place, count in counts:
            histogram.counts[0, place] += count
        found = self.estimate(histogram, default, training, threshold)
        before, after = (
            histogram.fractions_above(raw_thresholds([threshold], [training], [prior]))[0]
            for prior in (default, found.priors[0])
        )
        assert before / 5 <= after <= 5 * before
        assert 0 < found.priors[0] < 1
        assert found.priors[0] <= 0.5 or default > 0.5 or found.priors[0] == default

    def test_leave_room_for_a_class_that_is_not_there(self):
        found = self.estimate(self.histogram(0.0, separation=8.0), 0.01)
        assert 0.0004 < found.priors[0] < 0.01

    def test_do_not_count_pixels_without_data(self):
        p = np.concatenate([np.full((1, 1, 300), 1e-6), np.full((1, 1, 100), 0.999999)], axis=2)
        nodata = np.zeros((1, 400), bool)
        nodata[0, 350:] = True
        histogram = ProbabilityHistogram(1)
        histogram.add(p.astype(np.float32), nodata)
        assert histogram.counts.sum() == 350
        assert self.estimate(histogram, 0.1).priors[0] == pytest.approx(50 / 350, rel=0.02)

    def test_stay_at_the_default_without_any_pixel(self):
        found = estimate_priors(ProbabilityHistogram(2), [0.1, 0.1], [0.2, 0.3], [0.5, 0.5])
        assert found.priors.tolist() == [0.2, 0.3]

    def test_stand_probabilities_of_0_and_1(self):
        histogram = ProbabilityHistogram(1)
        histogram.add(np.array([[[0.0, 1.0, 0.0, 0.0]]], np.float32), np.zeros((1, 4), bool))
        assert self.estimate(histogram, 0.2).priors[0] == pytest.approx(0.25, rel=0.01)
