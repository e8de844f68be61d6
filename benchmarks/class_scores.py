"""Scores of two models for contaminants on a set of frames: detectors, scores and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from evaluations import INTERVALS
from results import Cell, Table

from skysieve.core.evaluation.bootstrap import Estimate, difference, macro_mean
from skysieve.core.evaluation.scores import MEASURES
from skysieve.frames.evaluate.masks import SCORED, ModelDetector
from skysieve.frames.mask.settings import MaskSettings

if TYPE_CHECKING:
    from evaluations import FrameSet

__all__ = [
    "PUBLISHED",
    "ClassScores",
    "detector_table",
    "make_models",
    "pixel_table",
    "score_classes",
    "spread",
]

PUBLISHED = "maximask"

(AVERAGE_PRECISION,) = (measure for measure in MEASURES if measure.name == "ap")

_ESTIMATE_COLUMNS = (("from", ".4f"), ("to", ".4f"))


@dataclass(frozen=True)
class ClassScores:
    """Scores of two models on a set.

    Attributes
    ----------
    frames
        The set.
    ours, theirs
        Names of the two models.
    precision, error
        Average precision and expected calibration error by model and class, for classes with pixels.
    """

    frames: FrameSet
    ours: str
    theirs: str
    precision: dict[str, dict[str, Estimate]]
    error: dict[str, dict[str, Estimate]]

    def macro(self, model: str) -> Estimate:
        """Return the mean average precision of a model over the classes."""
        return macro_mean(self.precision[model])

    @property
    def count(self) -> int:
        """Number of classes with pixels."""
        return len(self.precision[self.ours])

    @property
    def macro_error(self) -> Estimate:
        """Mean calibration error of our model over the classes."""
        return macro_mean(self.error[self.ours])

    @property
    def classes_below(self) -> list[str]:
        """Classes in which our model is worse, with the whole interval of the difference below zero."""
        ours, theirs = self.precision[self.ours], self.precision[self.theirs]
        return [name for name in ours if difference(ours[name], theirs[name]).sign < 0]

    @property
    def missing(self) -> list[str]:
        """Classes without an evaluated pixel in the set."""
        return [name for name in SCORED if name not in self.precision[self.ours]]

    def class_table(self) -> Table:
        """Return the average precision and calibration error of each class, and their means."""
        rows: list[tuple[Cell, ...]] = []
        for name, ours in self.precision[self.ours].items():
            counts = (
                self.frames.frames_with(name),
                self.frames.positives(name),
                self.frames.positives(name) / self.frames.evaluated(name),
            )
            errors = (self.error[model][name].value for model in (self.ours, self.theirs))
            rows.append((name, *counts, *_compared(ours, self.precision[self.theirs][name]), *errors))
        means = _compared(self.macro(self.ours), self.macro(self.theirs))
        errors = (macro_mean(self.error[model]).value for model in (self.ours, self.theirs))
        rows.append(("macro", self.frames.size, None, None, *means, *errors))
        columns = (
            ("class", ""),
            ("frames with it", "d"),
            ("its pixels", "d"),
            ("fraction of all", ".2g"),
            *_compared_columns(self.ours, self.theirs),
            (f"calibration error, {self.ours}", ".4f"),
            (f"{self.theirs}", ".4f"),
        )
        text = (
            "Average precision of each model, and expected calibration error with the class proportions of "
            f"these frames as priors. {INTERVALS}"
        )
        return Table("Average precision by class", columns, rows, text)

    def group_table(self, what: str) -> Table:
        """Return the macro average precision of each group of frames; ``what`` names the groups."""
        rows: list[tuple[Cell, ...]] = []
        for group in self.frames.group_names:
            members = self.frames.members(group)
            macros = (
                self.frames.macro(model, SCORED, AVERAGE_PRECISION, members)
                for model in (self.ours, self.theirs)
            )
            rows.append((group, int(members.sum()), *_compared(*macros)))
        both = _compared(self.macro(self.ours), self.macro(self.theirs))
        rows.append(("all", self.frames.size, *both))
        columns = ((what, ""), ("frames", "d"), *_compared_columns(self.ours, self.theirs))
        text = "Mean average precision over the classes that have pixels there."
        return Table(f"Macro average precision by {what}", columns, rows, text)


def make_models(model: str) -> tuple[ModelDetector, ModelDetector]:
    """Return the measured model with the default settings of ``skysieve mask``, and the published model."""
    ours = ModelDetector(MaskSettings(model=model))
    if ours.name == PUBLISHED:
        ours.name = f"{PUBLISHED}, default precision"
    return ours, ModelDetector(MaskSettings(model=PUBLISHED, precision="f32"), PUBLISHED)


def score_classes(frames: FrameSet, ours: str, theirs: str) -> ClassScores:
    """Return the scores of two models in all classes with pixels."""
    names = [name for name in SCORED if 0 < frames.positives(name) < frames.evaluated(name)]
    precision = {
        model: {name: frames.estimate(model, name, AVERAGE_PRECISION) for name in names}
        for model in (ours, theirs)
    }
    error = {
        model: {name: frames.calibration_error(model, name) for name in names} for model in (ours, theirs)
    }
    return ClassScores(frames, ours, theirs, precision, error)


def pixel_table(frames: FrameSet, what: str) -> Table:
    """Return the number of frames and pixels of each class, by group."""
    rows: list[tuple[Cell, ...]] = []
    for group in (*frames.group_names, "all"):
        members = np.ones(frames.size, np.bool_) if group == "all" else frames.members(group)
        most = max(frames.evaluated(name, members) for name in SCORED)
        counts = (frames.positives(name, members) for name in SCORED)
        rows.append((group, int(members.sum()), most / 1e6, *counts))
    columns = ((what, ""), ("frames", "d"), ("Mpix", ".2f"), *((name, "d") for name in SCORED))
    text = "Evaluated pixels that belong to each class; a pixel may belong to several classes."
    return Table(f"Frames and pixels by {what}", columns, rows, text)


def detector_table(*detectors: tuple[str, str]) -> Table:
    """Return a table of the names and descriptions of detectors."""
    return Table("Detectors", (("name", ""), ("what", "")), list(detectors))


def spread(estimate: Estimate) -> tuple[float, float, float]:
    """Return a value and the ends of its interval."""
    return estimate.value, *estimate.interval


def _compared(ours: Estimate, theirs: Estimate) -> tuple[float, ...]:
    return (*spread(ours), *spread(theirs), *spread(difference(ours, theirs)))


def _compared_columns(ours: str, theirs: str) -> tuple[tuple[str, str], ...]:
    return (
        (ours, ".4f"),
        *_ESTIMATE_COLUMNS,
        (theirs, ".4f"),
        *_ESTIMATE_COLUMNS,
        ("difference", "+.4f"),
        ("from", "+.4f"),
        ("to", "+.4f"),
    )
