"""Scores of detectors on the same frames, and pairwise comparisons."""

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
"""Name of the mean over classes in tables."""

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
        Histograms of its scores.
    training_priors
        Class proportions at which its probabilities hold, by class; None if scores are not probabilities.
    confusion
        True against marked classes; None if there is one decision per frame only.
    """

    histograms: ScoreHistograms
    training_priors: Mapping[str, float] | None = None
    confusion: Confusion | None = None

    def shift(self, name: str) -> float:
        """Return the shift of log-odds from the training prior to the proportion in these frames.

        Parameters
        ----------
        name
            Name of the class.

        Returns
        -------
        float
            Shift of :func:`prior_shift`; NaN if scores are not probabilities.
        """
        if self.training_priors is None:
            return math.nan
        return prior_shift(self.training_priors[name], float(self.histograms.tally(name).prevalence))


@dataclass(frozen=True)
class EvaluatedSet:
    """One set of frames with the results of each detector.

    Attributes
    ----------
    name, description
        Name and description of the set.
    detectors
        Results by detector; all on the same frames in the same order.
    not_averaged
        Additional classes that are left out of the mean over classes.
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
        """Return the counts of a class for each detector that scores it.

        Parameters
        ----------
        name
            Name of the class.

        Returns
        -------
        dict
            Counts over all frames, by detector.
        """
        return {
            detector: scored.histograms.tally(name)
            for detector, scored in self.detectors.items()
            if name in scored.histograms.classes
        }


@dataclass(frozen=True)
class Comparison:
    """Comparison of two detectors in one class and score.

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
        Whether the two intervals do not overlap: a stronger condition than `better`.
    """

    first: str
    second: str
    name: str
    measure: Measure
    difference: Estimate
    disjoint: bool

    @property
    def better(self) -> str | None:
        """The better detector, if the interval of the difference excludes zero; otherwise None."""
        sign = self.difference.sign * (1 if self.measure.higher_is_better else -1)
        return {1: self.first, -1: self.second}.get(sign)


def score_set(evaluated: EvaluatedSet, measures: Sequence[Measure] = MEASURES) -> Scores:
    """Compute all scores of all detectors, and the calibration error of those with probabilities.

    Parameters
    ----------
    evaluated
        Set of frames.
    measures
        Scores to compute.

    Returns
    -------
    dict
        Estimates by detector, class and measure.

    Raises
    ------
    ValueError
        If detectors have different frames, which is a bug and not an error of the user.
    """
    frames = {scored.histograms.frames for scored in evaluated.detectors.values()}
    if len(frames) > 1:
        raise ValueError(f"{evaluated.name}: the detectors saw different frames")
    weights = draw_weights(len(next(iter(frames), ())), np.random.default_rng(_SEED))
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
    """Compare all pairs of detectors in the classes and scores that both have.

    Parameters
    ----------
    scores
        Result of :func:`score_set`.
    measures
        Scores to compare.

    Returns
    -------
    list
        Comparisons by pair, class and score; those with a value of NaN are left out.
    """
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
