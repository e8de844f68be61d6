"""Cross-validation of the settings of the ghost search, in five folds of the annotated pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.evaluate.ccd_scores import GROUPS, CcdTally
from skysieve.ghosts.predict.combine import Combination
from skysieve.ghosts.predict.overlaps import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.evaluate.pictures import AnnotatedPicture
    from skysieve.ghosts.predict.finder import FoundGhosts, GhostFinder, Measurements

__all__ = ["FOLDS", "Choice", "Choices", "folds_of", "has_wide", "out_of_fold"]

FOLDS = 5
WIDE = 15_000
"""Number of pixels above which a Faint ghost counts as a wide disc."""

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(3, 12))
"""Candidate thresholds of each class."""

MAPPED: tuple[tuple[str, ...], ...] = (("Faint",), ())
"""Candidate sets of classes whose map is used.  The map of Bright improves no score at any threshold."""

TOLERANCE = 0.02
"""Differences of F1 that are not significant; with 20 pictures its uncertainty is 0.03 to 0.06."""

DEFAULT_THRESHOLDS = (0.35, 0.25, 0.4)
"""Thresholds of the other classes while those of one class are varied."""


@dataclass(frozen=True)
class Choice:
    """Settings of the search.

    Attributes
    ----------
    thresholds
        Minimum score of each class.
    mapped
        Classes whose map is used.
    """

    thresholds: tuple[float, ...]
    mapped: tuple[str, ...]

    def found(self, finder: GhostFinder, measured: Measurements) -> FoundGhosts:
        """Return the ghosts found in a picture."""
        cuts = dict(zip(CLASS_NAMES, self.thresholds, strict=True))
        return finder.decide(
            measured, thresholds=cuts, combination=replace(Combination(), mapped=self.mapped)
        )


class Choices:
    """Counts of CCDs of each picture by each choice, at t = 0.

    Parameters
    ----------
    finder
        The network.
    pictures
        The annotated pictures.
    measurements
        Measurements of the network in each picture.
    """

    def __init__(
        self, finder: GhostFinder, pictures: Sequence[AnnotatedPicture], measurements: Sequence[Measurements]
    ) -> None:
        default = Choice(DEFAULT_THRESHOLDS, MAPPED[0])
        self._rays, self._bright = (
            [_with(default, index, value) for value in THRESHOLDS] for index in (0, 1)
        )
        self._faint = [
            [_with(replace(default, mapped=kinds), 2, value) for value in THRESHOLDS] for kinds in MAPPED
        ]
        tried = dict.fromkeys([*self._rays, *self._bright, *(one for row in self._faint for one in row)])
        self._counts = {choice: _counts(finder, pictures, measurements, choice) for choice in tried}

    def best(self, members: NDArray[np.bool_]) -> Choice:
        """Return the best choice for some pictures.

        Thresholds of Rays and of Bright maximise their own F1, that of Faint the mean of the F1 of Faint and
        of all classes, and the use of the map the mean of that over all thresholds.  Of thresholds that are
        as good as the best within the tolerance, the middle one is taken.
        """
        rays = _middle_of_best([self._f1(one, "Rays", members) for one in self._rays])
        bright = _middle_of_best([self._f1(one, "Bright", members) for one in self._bright])
        rows = [
            [(self._f1(one, "Faint", members) + self._f1(one, ALL, members)) / 2 for one in row]
            for row in self._faint
        ]
        # the first way to use the map is taken unless another is significantly better
        means = [float(np.mean(scores)) for scores in rows]
        row = 0 if means[0] >= max(means) - TOLERANCE else int(np.argmax(means))
        faint = _middle_of_best(rows[row])
        return Choice((THRESHOLDS[rays], THRESHOLDS[bright], THRESHOLDS[faint]), MAPPED[row])

    def _f1(self, choice: Choice, group: str, members: NDArray[np.bool_]) -> float:
        right, wrong, missed = self._counts[choice][group][members].sum(0)
        return float(2 * right / max(1, 2 * right + wrong + missed))


def _with(choice: Choice, index: int, value: float) -> Choice:
    """Return a choice with another threshold of a class."""
    thresholds = list(choice.thresholds)
    thresholds[index] = value
    return replace(choice, thresholds=tuple(thresholds))


def _middle_of_best(scores: Sequence[float]) -> int:
    """Return the middle index of all scores that are within the tolerance of the best."""
    good = np.flatnonzero(np.array(scores) >= max(scores) - TOLERANCE)
    return int(good[len(good) // 2])


def folds_of(pictures: Sequence[AnnotatedPicture]) -> NDArray[np.intp]:
    """Return the fold of each picture; pictures of each kind are assigned to the folds in turn, by name.

    Kinds are those with a wide Faint disc, with Bright, with Faint, and with Rays alone.
    """
    kinds = [_kind(one) for one in pictures]
    folds = np.zeros(len(pictures), np.intp)
    for number, index in enumerate(sorted(range(len(pictures)), key=lambda index: kinds[index])):
        folds[index] = number % FOLDS
    return folds


def out_of_fold(choices: Choices, folds: NDArray[np.intp]) -> list[Choice]:
    """Return the choice of each fold, made on the pictures of all others."""
    return [choices.best(folds != fold) for fold in range(FOLDS)]


def has_wide(ghosts: Sequence[tuple[str, NDArray[np.bool_]]]) -> bool:
    """Whether one of the ghosts, each a class and a mask, is a wide disc."""
    return any(name == "Faint" and np.count_nonzero(mask) > WIDE for name, mask in ghosts)


def _kind(picture: AnnotatedPicture) -> int:
    if has_wide(picture.truth):
        return 0
    names = {name for name, _ in picture.truth}
    return next((index for index, name in enumerate(("Bright", "Faint"), 1) if name in names), 3)


def _counts(
    finder: GhostFinder,
    pictures: Sequence[AnnotatedPicture],
    measurements: Sequence[Measurements],
    choice: Choice,
) -> dict[str, NDArray[np.int64]]:
    """Return right, wrong and missed CCDs of each picture ``(P, 3)`` by group."""
    tally = CcdTally()
    for one, examined in zip(pictures, measurements, strict=True):
        ghosts = choice.found(finder, examined).ghosts
        tally.add(one.truth, [(ghost.class_name, ghost.mask, ghost.score) for ghost in ghosts])
    each = [tally.scores([index]) for index in range(len(pictures))]
    return {
        group: np.array(
            [
                (one[group].true_positives[0], one[group].false_positives[0], one[group].false_negatives[0])
                for one in each
            ],
            np.int64,
        )
        for group in GROUPS
    }
