"""Logistic regression: what is known comes out, with weights, offsets, penalty and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from skysieve.core.evaluation.logistic import fit_logistic

RNG = np.random.default_rng(1)
FEATURES = RNG.normal(size=(20_000, 2))
ODDS = 0.5 + FEATURES @ np.array([1.5, -0.7])


def test_expected_proportions_give_the_coefficients_exactly():
    fit = fit_logistic(FEATURES, expit(ODDS))
    assert fit.intercept == pytest.approx(0.5, abs=1e-6)
    assert fit.slopes == pytest.approx([1.5, -0.7], abs=1e-6)


def test_a_weight_is_a_number_of_equal_rows():
    rows, truth = FEATURES[:50], (RNG.uniform(size=50) < expit(ODDS[:50])).astype(float)
    counts = RNG.integers(1, 5, 50)
    weighted = fit_logistic(rows, truth, weights=counts.astype(float), ridge=1.0)
    repeated = fit_logistic(np.repeat(rows, counts, axis=0), np.repeat(truth, counts), ridge=1.0)
    assert weighted.slopes == pytest.approx(repeated.slopes, abs=1e-6)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-6)


def test_an_offset_is_left_out():
    fit = fit_logistic(FEATURES, expit(ODDS + 3 * FEATURES[:, 0] - 1), offset=3 * FEATURES[:, 0] - 1)
    assert fit.slopes == pytest.approx([1.5, -0.7], abs=1e-6)
    assert fit.intercept == pytest.approx(0.5, abs=1e-6)


def test_a_penalty_keeps_slopes_finite_where_a_feature_divides():
    truth = (FEATURES[:, 0] > 0).astype(float)
    weak, strong = (fit_logistic(FEATURES, truth, ridge=ridge).slopes[0] for ridge in (1.0, 100.0))
    assert 1 < strong < weak < 100


def test_slopes_of_which_none_may_be_negative_are_zero_there():
    fit = fit_logistic(FEATURES, expit(ODDS), positive=True)
    assert fit.slopes[1] == 0
    alone = fit_logistic(FEATURES[:, :1], expit(ODDS))
    assert fit.slopes[0] == pytest.approx(alone.slopes[0], abs=1e-5)
