"""Scores: what histograms say of a detector, beside what its pixels say one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from skysieve.core.evaluation.histograms import BINS, LIMIT, ScoreHistograms, count_pixels, log_odds
from skysieve.core.evaluation.scores import (
    MEASURES,
    average_precision,
    f1,
    iou,
    precision_at_recall,
    precision_recall_curve,
    roc_auc,
    roc_curve,
    tpr_at_fpr,
)


def tally_of(scores, truth, decided=None):
    histograms = ScoreHistograms(("CR",))
    decided = np.zeros(truth.shape, bool) if decided is None else decided
    histograms.add("frame", {"CR": count_pixels(scores.astype(np.float32), truth, decided=decided)})
    return histograms.tally("CR")


@pytest.fixture(params=[0.5, 0.01, 0.001])
def pixels(request):
    """Scores of a good detector on 300 000 pixels, and which belong to the class."""
    rng = np.random.default_rng(7)
    truth = rng.random(300_000) < request.param
    return rng.normal(np.where(truth, 3.0, -3.0), 2.0), truth


class TestScores:
    def test_are_those_of_scikit_learn(self, pixels):
        scores, truth = pixels
        tally = tally_of(scores, truth)
        assert roc_auc(tally) == pytest.approx(metrics.roc_auc_score(truth, scores), abs=1e-5)
        assert average_precision(tally) == pytest.approx(
            metrics.average_precision_score(truth, scores), abs=2e-3
        )
        false, true, _ = metrics.roc_curve(truth, scores)
        for rate in (1e-2, 1e-3, 1e-4):
            assert tpr_at_fpr(tally, rate) == pytest.approx(np.interp(rate, false, true), abs=1e-2)
        precision, recall, _ = metrics.precision_recall_curve(truth, scores)
        assert precision_at_recall(tally, 0.95) == pytest.approx(
            np.interp(0.95, recall[::-1], precision[::-1]), abs=1e-2
        )

    def test_at_a_threshold_are_those_of_scikit_learn(self, pixels):
        scores, truth = pixels
        tally = tally_of(scores, truth, scores > 1)
        assert f1(tally) == pytest.approx(metrics.f1_score(truth, scores > 1))
        assert iou(tally) == pytest.approx(metrics.jaccard_score(truth, scores > 1))

    def test_count_ties_as_decided_by_lot(self):
        # half of each kind is flagged, the rest is not told apart
        truth = np.array([True, True, False, False])
        tally = tally_of(np.array([1.0, -1.0, 1.0, -1.0]), truth)
        assert roc_auc(tally) == 0.5
        assert average_precision(tally) == 0.5
        assert tpr_at_fpr(tally, 0.25) == 0.25
        assert precision_at_recall(tally, 0.75) == 0.5

    def test_of_a_perfect_detector_are_one(self):
        truth = np.array([True, False, False, True])
        tally = tally_of(np.where(truth, 5.0, -5.0), truth, truth)
        assert [float(measure.compute(tally)) for measure in MEASURES] == [1.0] * len(MEASURES)

    @pytest.mark.parametrize("value", [True, False])
    def test_are_unknown_where_there_is_only_one_kind(self, value):
        tally = tally_of(np.zeros(5), np.full(5, value))
        assert np.isnan(roc_auc(tally))
        assert np.isnan(tpr_at_fpr(tally, 0.01))
        assert np.isnan(average_precision(tally)) == (not value)

    def test_are_unknown_without_frames(self):
        tally = ScoreHistograms(("CR",)).tally("CR")
        assert all(np.isnan(measure.compute(tally)) for measure in MEASURES)

    def test_of_many_resamples_are_those_of_each(self, pixels):
        scores, truth = pixels
        histograms = ScoreHistograms(("CR",))
        for part in range(3):
            some = slice(part, None, 3)
            counts = count_pixels(scores[some].astype(np.float32), truth[some], decided=scores[some] > 1)
            histograms.add(str(part), {"CR": counts})
        weights = np.array([[1.0, 1, 1], [2, 0.5, 0.5], [0, 0, 3]])
        together = histograms.tally("CR", weights)
        for measure in MEASURES:
            each = [float(measure.compute(histograms.tally("CR", row[None]))[0]) for row in weights]
            np.testing.assert_allclose(measure.compute(together), each, rtol=1e-12)


class TestCurves:
    def test_end_where_everything_is_found(self, pixels):
        tally = tally_of(*pixels)
        false, true = roc_curve(tally)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        recall, precision = precision_recall_curve(tally)
        assert recall[-1] == 1
        assert precision[-1] == pytest.approx(float(tally.prevalence))


class TestHistograms:
    def test_tell_one_in_a_billion_from_one_in_ten_billion(self):
        scores = log_odds(np.array([1e-9, 1e-10], np.float32))
        assert roc_auc(tally_of(scores, np.array([True, False]))) == 1

    def test_hold_whatever_float32_gives(self):
        scores = log_odds(np.array([0, 1, np.nan, 0.5], np.float32))
        assert scores.tolist() == [-LIMIT, LIMIT, -LIMIT, 0]
        counts = count_pixels(scores, np.zeros(4, bool), decided=np.zeros(4, bool))
        assert counts.scores.shape == (2, BINS)
        assert counts.scores[0].nonzero()[0].tolist() == [0, BINS // 2, BINS - 1]

    def test_leave_out_pixels_without_truth(self):
        scores, truth = np.zeros((2, 2), np.float32), np.eye(2, dtype=bool)
        counts = count_pixels(scores, truth, decided=truth, valid=np.array([[True, True], [False, False]]))
        assert counts.scores.sum(axis=1).tolist() == [1, 1]
        assert counts.decided.tolist() == [0, 1]

    def test_know_their_classes(self):
        with pytest.raises(ValueError, match="expected"):
            ScoreHistograms(("CR", "TRL")).add("frame", {})
