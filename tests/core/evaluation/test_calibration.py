"""Calibration: whether probabilities are what they say, once they are meant for the frames at hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from skysieve.core.evaluation.calibration import (
    Platt,
    expected_calibration_error,
    fit_platt,
    prior_shift,
    reliability,
)
from skysieve.core.evaluation.histograms import ScoreHistograms, Tally, count_pixels

PIXELS = 400_000


def honest(prior, seed=0, separation=3.0):
    """Return log-odds that are right at a prior, and the truth that they speak of."""
    rng = np.random.default_rng(seed)
    truth = rng.random(PIXELS) < prior
    x = rng.normal(np.where(truth, separation / 2, -separation / 2), 1)
    return separation * x + logit(prior), truth


def tally_of(odds, truth):
    histograms = ScoreHistograms(("CR",))
    histograms.add("f", {"CR": count_pixels(odds.astype(np.float32), truth, decided=truth)})
    return histograms.tally("CR")


class TestCalibrationErrors:
    @pytest.mark.parametrize("prior", [0.5, 0.02])
    def test_of_honest_probabilities_are_small(self, prior):
        assert expected_calibration_error(tally_of(*honest(prior))) < 2e-3

    def test_show_overconfidence(self):
        odds, truth = honest(0.5)
        assert expected_calibration_error(tally_of(3 * odds, truth)) > 0.02

    def test_are_mended_by_the_published_change_of_priors(self):
        # trained with one pixel in four, shown one in a hundred
        odds, truth = honest(0.01)
        trained = odds - logit(0.01) + logit(0.25)
        tally = tally_of(trained, truth)
        assert expected_calibration_error(tally) > 0.05
        assert expected_calibration_error(tally, prior_shift(0.25, 0.01)) < 2e-3

    def test_are_means_over_groups_of_log_odds(self):
        # two groups: 100 pixels at 0.5 of which 80 belong, 300 near 0 of which none do
        tally = Tally(
            np.array([0.0, 80.0]), np.array([300.0, 20.0]), np.zeros(()), np.zeros(()), np.array([-20.0, 0.0])
        )
        assert expected_calibration_error(tally) == pytest.approx(0.25 * 0.3, abs=1e-6)

    def test_are_unknown_without_a_prior(self):
        assert np.isnan(expected_calibration_error(tally_of(*honest(0.5)), prior_shift(0.5, 0.0)))


def test_the_shift_is_the_published_formula():
    p, training, new = 0.7, 0.1, 0.02
    published = p / (p + training / (1 - training) * (1 - new) / new * (1 - p))
    assert expit(logit(p) + prior_shift(training, new)) == pytest.approx(published)


def test_the_reliability_curve_of_honest_probabilities_is_the_diagonal():
    curve = reliability(tally_of(*honest(0.3)))
    many = curve.pixels > 5000
    assert many.sum() > 8
    assert curve.observed[many] == pytest.approx(curve.predicted[many], abs=0.01)
    assert curve.pixels.sum() == PIXELS


class TestPlatt:
    def test_finds_the_line_that_was_laid_on(self):
        odds, truth = honest(0.2)
        line = fit_platt(tally_of((odds - 0.7) / 0.5, truth))
        assert (line.slope, line.intercept) == pytest.approx((0.5, 0.7), abs=0.02)

    def test_leaves_the_change_of_priors_out(self):
        odds, truth = honest(0.02)
        trained = (odds - logit(0.02) + logit(0.3)) * 2
        line = fit_platt(tally_of(trained, truth), prior_shift(0.3, 0.02))
        assert (line.slope, line.intercept) == pytest.approx((0.5, 0.0), abs=0.05)

    def test_stays_finite_where_scores_separate_the_classes(self):
        truth = np.arange(1000) < 20
        line = fit_platt(tally_of(np.where(truth, 4.0, -4.0), truth))
        assert 0 < line.slope < 10
        assert abs(line.intercept) < 10

    @pytest.mark.parametrize("score", [0.0, 5.0, -12.0])
    def test_shifts_scores_that_are_all_equal_to_the_proportion(self, score):
        truth = np.arange(100_000) < 20_000
        line = fit_platt(tally_of(np.full(truth.size, score), truth))
        assert 0.5 < line.slope < 2
        assert line.slope * score + line.intercept == pytest.approx(logit(0.2), abs=0.05)

    def test_changes_nothing_where_there_is_nothing_to_learn(self):
        assert fit_platt(tally_of(np.zeros(10), np.zeros(10, bool))) == Platt(1.0, 0.0)
