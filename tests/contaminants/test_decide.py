"""Decisions: priors, thresholds, bits, fractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.contaminants.decide import bit_mask, class_fractions, modify_priors, raw_thresholds
from skysieve.contaminants.priors import ProbabilityHistogram, estimate_priors

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
    def probabilities(true_prior, training_prior, seed=0, size=200_000):
        """Return posteriors, at the training prior, of two Gaussian classes mixed at the true prior."""
        rng = np.random.default_rng(seed)
        members = rng.random(size) < true_prior
        value = rng.normal(np.where(members, 3.0, 0.0), 1.0)
        log_odds = 3 * value - 4.5 + np.log(training_prior / (1 - training_prior))
        return (1 / (1 + np.exp(-log_odds))).astype(np.float32).reshape(1, 1, -1)

    @pytest.mark.parametrize("true_prior", [0.3, 0.05, 0.005])
    def test_find_the_true_proportion(self, true_prior):
        histogram = ProbabilityHistogram(1)
        p = self.probabilities(true_prior, 0.1)
        histogram.add(p, np.zeros(p.shape[1:], bool))
        assert estimate_priors(histogram, [0.1], [0.02])[0] == pytest.approx(true_prior, rel=0.1)

    def test_do_not_count_pixels_without_data(self):
        half = self.probabilities(0.3, 0.1)
        empty = np.full_like(half, 0.999)
        p = np.concatenate([half, empty], axis=1)
        nodata = np.array([[False], [True]]) & np.ones(p.shape[1:], bool)
        histogram = ProbabilityHistogram(1)
        histogram.add(p, nodata)
        assert estimate_priors(histogram, [0.1], [0.02])[0] == pytest.approx(0.3, rel=0.1)

    def test_stay_at_the_start_without_any_pixel(self):
        assert estimate_priors(ProbabilityHistogram(2), [0.1, 0.1], [0.2, 0.3]).tolist() == [0.2, 0.3]

    def test_stand_probabilities_of_0_and_1(self):
        histogram = ProbabilityHistogram(1)
        histogram.add(np.array([[[0.0, 1.0, 0.0, 0.0]]], np.float32), np.zeros((1, 4), bool))
        assert estimate_priors(histogram, [0.1], [0.5])[0] == pytest.approx(0.25, rel=1e-3)
