"""Choices of the search for ghosts, in five folds of the pictures that people outlined."""

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
"""Pixels of a Faint ghost from which on it is a wide disc."""

TRIED = tuple(round(0.05 * step, 2) for step in range(3, 12))
"""Least scores of each class that are tried."""

MAPPED: tuple[tuple[str, ...], ...] = (("Faint",), ())
"""Classes of which the map is used.  That of Bright adds nothing at any of these scores."""

EVEN = 0.02
"""Differences of F1 that say nothing: of 20 pictures it is known to 0.03 to 0.06."""

USUAL = (0.35, 0.25, 0.4)
"""Least scores of the other classes while those of one are tried."""


@dataclass(frozen=True)
class Choice:
    """Settings of the search.

    Attributes
    ----------
    thresholds
        Least score of each class.
    mapped
        Classes of which the map is used.
    """

    thresholds: tuple[float, ...]
    mapped: tuple[str, ...]

    def found(self, finder: GhostFinder, seen: Measurements) -> FoundGhosts:
        """Return what is found in a picture."""
        cuts = dict(zip(CLASS_NAMES, self.thresholds, strict=True))
        return finder.decide(seen, thresholds=cuts, combination=replace(Combination(), mapped=self.mapped))


class Choices:
    """Counts of CCDs of each picture by each choice, at t = 0.

    Parameters
    ----------
    finder
        The network.
    pictures
        As people judged them.
    seen
        What can be seen in each.
    """

    def __init__(
        self, finder: GhostFinder, pictures: Sequence[AnnotatedPicture], seen: Sequence[Measurements]
    ) -> None:
        usual = Choice(USUAL, MAPPED[0])
        self._rays, self._bright = ([_with(usual, place, value) for value in TRIED] for place in (0, 1))
        self._faint = [[_with(replace(usual, mapped=kinds), 2, value) for value in TRIED] for kinds in MAPPED]
        tried = dict.fromkeys([*self._rays, *self._bright, *(one for row in self._faint for one in row)])
        self._counts = {choice: _counts(finder, pictures, seen, choice) for choice in tried}

    def best(self, members: NDArray[np.bool_]) -> Choice:
        """Return the best choice for some pictures.

        Thresholds of Rays and of Bright by their own F1, that of Faint by the mean of the F1 of Faint and of
        all classes, and the use of the map by the mean of that over all thresholds.  Of thresholds that are
        as good as the best, the one in the middle is taken.
        """
        rays = _middle([self._f1(one, "Rays", members) for one in self._rays])
        bright = _middle([self._f1(one, "Bright", members) for one in self._bright])
        rows = [
            [(self._f1(one, "Faint", members) + self._f1(one, ALL, members)) / 2 for one in row]
            for row in self._faint
        ]
        # the first way to use the map is taken unless another is plainly better
        means = [float(np.mean(scores)) for scores in rows]
        row = 0 if means[0] >= max(means) - EVEN else int(np.argmax(means))
        faint = _middle(rows[row])
        return Choice((TRIED[rays], TRIED[bright], TRIED[faint]), MAPPED[row])

    def _f1(self, choice: Choice, group: str, members: NDArray[np.bool_]) -> float:
        right, wrong, missed = self._counts[choice][group][members].sum(0)
        return float(2 * right / max(1, 2 * right + wrong + missed))


def _with(choice: Choice, place: int, value: float) -> Choice:
    """Return a choice with another threshold of a class."""
    thresholds = list(choice.thresholds)
    thresholds[place] = value
    return replace(choice, thresholds=tuple(thresholds))


def _middle(scores: Sequence[float]) -> int:
    """Return the place in the middle of those whose score is not plainly less than the best."""
    good = np.flatnonzero(np.array(scores) >= max(scores) - EVEN)
    return int(good[len(good) // 2])


def folds_of(pictures: Sequence[AnnotatedPicture]) -> NDArray[np.intp]:
    """Return the fold of each picture: pictures of a kind are dealt out in turn, by name.

    Kinds are those with a wide Faint disc, with Bright, with Faint, and with Rays alone.
    """
    kinds = [_kind(one) for one in pictures]
    folds = np.zeros(len(pictures), np.intp)
    for number, place in enumerate(sorted(range(len(pictures)), key=lambda place: kinds[place])):
        folds[place] = number % FOLDS
    return folds


def out_of_fold(choices: Choices, folds: NDArray[np.intp]) -> list[Choice]:
    """Return the choice of each fold, made on the pictures of all others."""
    return [choices.best(folds != fold) for fold in range(FOLDS)]


def has_wide(ghosts: Sequence[tuple[str, NDArray[np.bool_]]]) -> bool:
    """Tell whether one of the ghosts, each a class and a mask, is a wide disc."""
    return any(name == "Faint" and np.count_nonzero(mask) > WIDE for name, mask in ghosts)


def _kind(picture: AnnotatedPicture) -> int:
    if has_wide(picture.truth):
        return 0
    names = {name for name, _ in picture.truth}
    return next((place for place, name in enumerate(("Bright", "Faint"), 1) if name in names), 3)


def _counts(
    finder: GhostFinder, pictures: Sequence[AnnotatedPicture], seen: Sequence[Measurements], choice: Choice
) -> dict[str, NDArray[np.int64]]:
    """Return right, wrong and missed CCDs of each picture ``(P, 3)`` by group."""
    tally = CcdTally()
    for one, examined in zip(pictures, seen, strict=True):
        ghosts = choice.found(finder, examined).ghosts
        tally.add(one.truth, [(ghost.class_name, ghost.mask, ghost.score) for ghost in ghosts])
    each = [tally.scores([place]) for place in range(len(pictures))]
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
