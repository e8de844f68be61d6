"""Scores on the way, and thresholds at the end."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from skysieve.core.evaluation.calibration import Platt, prior_shift
from skysieve.core.evaluation.histograms import ScoreHistograms, Tally
from skysieve.core.training.pixels import add_logits
from skysieve.frames.mask.classes import CLASS_NAMES, NODATA, find_class
from skysieve.frames.train.tiles import targets_of
from skysieve.frames.train.validation import average_precisions, best_threshold


def truth(seed=0):
    """Return bits (2, 8, 8) of two tiles: cosmic rays, saturated pixels, and the background."""
    rng = np.random.default_rng(seed)
    codes = [find_class("CR").code, find_class("SAT").code, 0, 0]
    return torch.from_numpy(rng.choice(codes, (2, 8, 8)).astype(np.int16))


def sure(bits):
    """Return the logits of a network that knows everything."""
    planes = [(bits & find_class(name).code) != 0 if name != "BG" else bits == 0 for name in CLASS_NAMES]
    return 8 * (2 * torch.stack(planes, 1).float() - 1)


class TestScores:
    def test_of_a_network_that_knows_everything_are_one(self):
        histograms, bits = ScoreHistograms(CLASS_NAMES), truth()
        add_logits(histograms, sure(bits), *targets_of(bits))
        found = average_precisions(histograms)
        assert found["AP CR"] == found["AP SAT"] == found["AP BG"] == found["AP"] == 1.0

    def test_of_classes_without_pixels_are_unknown_and_not_in_the_mean(self):
        histograms, bits = ScoreHistograms(CLASS_NAMES), truth()
        logits = sure(bits)
        logits[:, CLASS_NAMES.index("CR")] *= -1
        add_logits(histograms, logits, *targets_of(bits))
        found = average_precisions(histograms)
        assert math.isnan(found["AP OV"])
        assert found["AP CR"] < 0.5
        assert found["AP"] == pytest.approx((found["AP CR"] + found["AP SAT"]) / 2)

    def test_of_nothing_at_all_are_unknown(self):
        assert math.isnan(average_precisions(ScoreHistograms(CLASS_NAMES))["AP"])

    def test_do_not_count_pixels_without_data(self):
        histograms, bits = ScoreHistograms(CLASS_NAMES), truth()
        logits = sure(bits)
        logits[:, :, :4] *= -1  # wrong in all the upper half
        bits[:, :4] = NODATA.code
        add_logits(histograms, logits, *targets_of(bits))
        assert average_precisions(histograms)["AP"] == 1.0

    def test_take_each_tile_for_a_frame(self):
        histograms, bits = ScoreHistograms(CLASS_NAMES), truth()
        add_logits(histograms, sure(bits), *targets_of(bits))
        add_logits(histograms, sure(bits).bfloat16(), *targets_of(bits))
        assert histograms.frames == ("0", "1", "2", "3")

    def test_hold_logits_of_any_size(self):
        histograms, bits = ScoreHistograms(CLASS_NAMES), truth()
        add_logits(histograms, 1e6 * sure(bits), *targets_of(bits))
        assert average_precisions(histograms)["AP"] == 1.0


def tally(positives, negatives, centres):
    zero = np.zeros(())
    return Tally(np.array(positives, float), np.array(negatives, float), zero, zero, np.array(centres, float))


class TestBestThreshold:
    COUNTS = tally([1, 10, 60, 100], [50_000, 900, 80, 1], [-4, -1, 1, 3])

    def f1(self, index, target):
        """Return the F1 of taking all from this bin on, were the class as common as said."""
        found = self.COUNTS.positives[index:].sum() / self.COUNTS.positives.sum()
        false = self.COUNTS.negatives[index:].sum() / self.COUNTS.negatives.sum()
        precision = target * found / (target * found + (1 - target) * false)
        return 2 * precision * found / (precision + found)

    @pytest.mark.parametrize("target", [3e-3, 3e-4, 1e-5])
    def test_lies_where_f1_is_highest_at_the_priors_of_ordinary_frames(self, target):
        line, prior = Platt(0.9, 0.2), float(self.COUNTS.prevalence)
        best = max(range(4), key=lambda index: self.f1(index, target))
        odds = 0.9 * self.COUNTS.centres[best] + 0.2 + prior_shift(prior, target)
        expected = 1 / (1 + math.exp(-odds))
        found = best_threshold(self.COUNTS, line, prior=prior, target=target)
        assert found == pytest.approx(min(max(expected, 0.05), 0.95), abs=1e-3)

    def test_is_higher_for_a_rarer_class_before_its_priors_are_applied(self):
        assert max(range(4), key=lambda i: self.f1(i, 1e-5)) > max(range(4), key=lambda i: self.f1(i, 0.1))

    def test_keeps_away_from_the_ends(self):
        easy = tally([0, 100], [1000, 0], [-20, 20])
        line = Platt(1.0, 0.0)
        assert best_threshold(easy, line, prior=0.1, target=0.1) == 0.95
        assert best_threshold(easy, Platt(1.0, -40.0), prior=0.1, target=0.1) == 0.05
