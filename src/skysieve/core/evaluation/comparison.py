"""Detectors on the same frames: every score of each, and who stands above whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.bootstrap import Estimate, difference, draw_weights, estimate_class, macro_mean
from skysieve.core.evaluation.calibration import expected_calibration_error, prior_shift
from skysieve.core.evaluation.scores import MEASURES, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.core.evaluation.confusion import Confusion
    from skysieve.core.evaluation.histograms import ScoreHistograms, Tally

__all__ = ["ECE", "MACRO", "Comparison", "EvaluatedSet", "ScoredDetector", "Scores", "compare", "score_set"]

MACRO = "macro"
"""Stands for the mean over classes."""

ECE = Measure("ece", "expected calibration error", expected_calibration_error, higher_is_better=False)

_SEED = 1907_08298

Scores = dict[str, dict[str, dict[str, Estimate]]]
"""Estimates by detector, class (and :data:`MACRO`), and measure."""


@dataclass(frozen=True)
class ScoredDetector:
    """One detector on one set of frames.

    Attributes
    ----------
    histograms
        Its scores.
    training_priors
        By class, the proportions that its probabilities hold for; None if its scores are no probabilities.
    confusion
        True against marked classes; None where a frame has one answer alone.
    """

    histograms: ScoreHistograms
    training_priors: Mapping[str, float] | None = None
    confusion: Confusion | None = None

    def shift(self, name: str) -> float:
        """Return what the change to the proportion in these frames adds to log-odds; NaN if there is none."""
        if self.training_priors is None:
            return math.nan
        return prior_shift(self.training_priors[name], float(self.histograms.tally(name).prevalence))


@dataclass(frozen=True)
class EvaluatedSet:
    """One set of frames, and what each detector made of it.

    Attributes
    ----------
    name, description
        Of the frames.
    detectors
        By name; all saw the same frames in the same order.
    not_averaged
        Classes that stand beside the others, and have no part in the mean over classes.
    """

    name: str
    description: str
    detectors: Mapping[str, ScoredDetector]
    not_averaged: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that any detector scores."""
        return tuple(dict.fromkeys(name for s in self.detectors.values() for name in s.histograms.classes))

    def tallies(self, name: str) -> dict[str, Tally]:
        """Return the counts of a class by detector, of those that score it."""
        return {
            detector: scored.histograms.tally(name)
            for detector, scored in self.detectors.items()
            if name in scored.histograms.classes
        }


@dataclass(frozen=True)
class Comparison:
    """Two detectors in one class and score.

    Attributes
    ----------
    first, second
        The detectors.
    name
        The class, or :data:`MACRO`.
    measure
        The score.
    difference
        First minus second, paired over the resamples of the frames.
    disjoint
        Whether their own intervals do not touch: more than is needed to tell them apart.
    """

    first: str
    second: str
    name: str
    measure: Measure
    difference: Estimate
    disjoint: bool

    @property
    def better(self) -> str | None:
        """The detector that stands above the other by the whole interval; None if neither does."""
        sign = self.difference.sign * (1 if self.measure.higher_is_better else -1)
        return {1: self.first, -1: self.second}.get(sign)


def score_set(evaluated: EvaluatedSet, measures: Sequence[Measure] = MEASURES) -> Scores:
    """Return every score of every detector, and the calibration error of those with probabilities.

    Raises
    ------
    ValueError
        If detectors saw different frames: an error of the program, not of its user.
    """
    seen = {scored.histograms.frames for scored in evaluated.detectors.values()}
    if len(seen) > 1:
        raise ValueError(f"{evaluated.name}: the detectors saw different frames")
    weights = draw_weights(len(next(iter(seen), ())), np.random.default_rng(_SEED))
    found: Scores = {}
    for detector, scored in evaluated.detectors.items():
        by_class: dict[str, dict[str, Estimate]] = {}
        for name in scored.histograms.classes:
            wanted = list(measures)
            if scored.training_priors is not None:
                error = partial(expected_calibration_error, shift=scored.shift(name))
                wanted.append(Measure(ECE.name, ECE.title, error, higher_is_better=False))
            by_class[name] = estimate_class(scored.histograms, name, wanted, weights)
        in_mean = [name for name in by_class if name not in evaluated.not_averaged]
        if len(in_mean) > 1:
            by_class[MACRO] = {
                key: macro_mean({name: by_class[name][key] for name in in_mean})
                for key in by_class[in_mean[0]]
            }
        found[detector] = by_class
    return found


def compare(scores: Scores, measures: Sequence[Measure]) -> list[Comparison]:
    """Return the paired difference of each pair of detectors, in each class and score that both have."""
    found = []
    for first, second in combinations(scores, 2):
        for name in scores[first]:
            for measure in measures:
                one = scores[first][name].get(measure.name)
                other = scores[second].get(name, {}).get(measure.name)
                if one is None or other is None or not math.isfinite(one.value - other.value):
                    continue
                apart = one.interval[0] > other.interval[1] or other.interval[0] > one.interval[1]
                found.append(Comparison(first, second, name, measure, difference(one, other), apart))
    return found
