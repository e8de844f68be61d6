"""Uncertainties: the bootstrap over frames."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.core.evaluation.bootstrap import Estimate, difference, draw_weights, estimate_class, macro_mean
from skysieve.core.evaluation.histograms import ScoreHistograms, count_pixels
from skysieve.core.evaluation.scores import MEASURES, Measure, roc_auc

AUC = [measure for measure in MEASURES if measure.name == "auc"]
HITS = [Measure("hits", "pixels found", lambda tally: tally.hits)]


def contest(frames, seed=0, skill=1.0, shared=None):
    """Return histograms of a detector on frames that are not equally hard."""
    rng = np.random.default_rng(seed)
    hardness = np.random.default_rng(99).normal(0, 1, frames) if shared is None else shared
    histograms = ScoreHistograms(("CR",))
    for number in range(frames):
        truth = rng.random(2000) < 0.1
        scores = rng.normal(truth * (skill + hardness[number]), 1).astype(np.float32)
        histograms.add(str(number), {"CR": count_pixels(scores, truth, decided=scores > 1)})
    return histograms


def estimate(histograms, measures, seed=1):
    weights = draw_weights(len(histograms.frames), np.random.default_rng(seed))
    return estimate_class(histograms, "CR", measures, weights)[measures[0].name]


class TestIntervals:
    def test_are_those_of_a_mean_over_frames(self):
        # the number of pixels found is a sum over frames, whose error everybody knows
        histograms = contest(50)
        found = estimate(histograms, HITS)
        each = [float(histograms.tally("CR", row[None]).hits[0]) for row in np.eye(50)]
        low, high = found.interval
        assert found.value == sum(each)
        assert (high - low) / 2 == pytest.approx(np.std(each) * np.sqrt(50), rel=0.1)

    def test_hold_the_truth_two_times_out_of_three(self):
        truth = float(roc_auc(contest(3000, shared=np.random.default_rng(5).normal(0, 1, 3000)).tally("CR")))
        inside = 0
        for seed in range(60):
            hardness = np.random.default_rng(1000 + seed).normal(0, 1, 30)
            low, high = estimate(contest(30, seed, shared=hardness), AUC).interval
            inside += low < truth < high
        assert 0.5 < inside / 60 < 0.85

    def test_do_not_exist_for_a_single_frame(self):
        found = estimate(contest(1), AUC)
        assert np.isfinite(found.value)
        assert np.isnan(found.interval).all()
        assert found.sign == 0

    def test_of_a_class_in_few_frames_are_finite(self):
        histograms = contest(20)
        rare = ScoreHistograms(("CR",))
        for number, name in enumerate(histograms.frames):
            truth = np.arange(1000) < (5 if number == 3 else 0)
            scores = np.linspace(2, -2, 1000, dtype=np.float32)
            rare.add(name, {"CR": count_pixels(scores, truth, decided=truth)})
        assert np.isfinite(estimate(rare, AUC).interval).all()


class TestDifferences:
    def test_are_surer_than_the_values_when_frames_are_shared(self):
        better, worse = estimate(contest(30, 1, 1.2), AUC), estimate(contest(30, 2, 1.0), AUC)
        paired = difference(better, worse)
        assert paired.sign == 1
        assert difference(worse, better).sign == -1
        assert np.ptp(paired.interval) < 0.5 * np.ptp(better.interval)

    def test_of_a_detector_with_itself_are_nothing(self):
        found = estimate(contest(30), AUC)
        assert difference(found, found).interval == (0, 0)
        assert difference(found, found).sign == 0


def test_the_macro_mean_leaves_out_classes_that_are_unknown():
    known = {"CR": Estimate(0.8, np.array([0.7, 0.9])), "TRL": Estimate(0.4, np.array([0.4, 0.5]))}
    unknown = {"FR": Estimate(float("nan"), np.full(2, np.nan))}
    found = macro_mean(known | unknown)
    assert found.value == pytest.approx(0.6)
    assert found.samples == pytest.approx([0.55, 0.7])
    assert np.isnan(macro_mean(unknown).value)
