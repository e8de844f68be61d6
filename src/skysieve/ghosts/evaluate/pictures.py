"""Models and people on the same pictures, against the majority of the people who outlined them.

What a person scores is measured against the majority of the *others*: it is the ceiling that people set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import label

from skysieve.core.errors import ConfigError
from skysieve.core.evaluation.bootstrap import Estimate, draw_weights
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.evaluate.agreement import align, majority, votes
from skysieve.ghosts.evaluate.ccd_scores import GROUPS, THRESHOLDS, CcdTally
from skysieve.ghosts.evaluate.misses import find_misses
from skysieve.ghosts.predict.decide import MIN_AREA
from skysieve.ghosts.predict.overlaps import measure_overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skysieve.ghosts.annotations.annotated_images import AnnotatedImage, Annotations
    from skysieve.ghosts.evaluate.ccd_scores import CcdScores
    from skysieve.ghosts.evaluate.misses import Miss
    from skysieve.ghosts.predict.finder import FoundGhosts, GhostFinder
    from skysieve.ghosts.predict.overlaps import Overlaps

__all__ = [
    "Detection",
    "GhostScores",
    "Judged",
    "as_detections",
    "judged_pictures",
    "model_detections",
    "person_scores",
]

SEED = 2109_08246
"""Of the resamples: the same for all that is compared."""

Detection = tuple[str, "NDArray[np.bool_]", float]
Instance = tuple[str, "NDArray[np.bool_]"]


@dataclass(frozen=True)
class Judged:
    """A picture as people judged it.

    Attributes
    ----------
    name
        Of its file.
    people
        The picture as each annotator saw it.
    truth
        Class and mask of each ghost: what hangs together of the pixels that the majority gave to the class;
        of a single annotator, what they outlined.
    """

    name: str
    people: tuple[AnnotatedImage, ...]
    truth: tuple[Instance, ...]


def judged_pictures(files: Sequence[Annotations]) -> list[Judged]:
    """Return the pictures that are in all the files, by name.

    Parameters
    ----------
    files
        One for each annotator.

    Raises
    ------
    ConfigError
        If no picture is in all of them, or one has not one size.
    """
    pictures = [
        Judged(name, seen, tuple(_agreed(seen) if len(seen) > 1 else _outlined(seen[0])))
        for name, seen in align(files).items()
    ]
    if not pictures:
        raise ConfigError(f"no image is in all of the {len(files)} annotation files, matched by name")
    return sorted(pictures, key=lambda picture: picture.name)


@dataclass
class GhostScores:
    """What one detector is worth, picture by picture.

    Attributes
    ----------
    name
        What to call it.
    ccds
        Which CCDs ghosts touch.
    overlaps
        Of each picture, for average precision.
    has_ghost
        Probability that there is any ghost, and whether there is, of each picture.
    misses
        Of each picture what was missed, and what was found that is none.
    """

    name: str
    ccds: CcdTally = field(default_factory=CcdTally)
    overlaps: list[Overlaps] = field(default_factory=list)
    has_ghost: list[tuple[float, bool]] = field(default_factory=list)
    misses: list[list[Miss]] = field(default_factory=list)
    _shared: list[NDArray[np.int64]] = field(default_factory=list, repr=False)
    _counts: tuple[int, dict[str, NDArray[np.float64]]] | None = field(default=None, repr=False)

    def add(
        self,
        truth: Sequence[Instance],
        detections: Sequence[Detection],
        *,
        weak: Sequence[Detection] | None = None,
        probability: float | None = None,
    ) -> None:
        """Add a picture.

        Parameters
        ----------
        truth
            Its true ghosts.
        detections
            What the detector says is there.
        weak
            That, and what it would say with lower thresholds: for average precision.
        probability
            That there is any ghost; by default whether there is a detection.
        """
        self.ccds.add(truth, detections)
        self.overlaps.append(measure_overlaps(truth, detections if weak is None else weak))
        said = float(bool(detections)) if probability is None else probability
        self.has_ghost.append((said, bool(truth)))
        self.misses.append(find_misses(truth, detections))
        rows = []
        for name in CLASS_NAMES:
            real, found = (
                np.logical_or.reduce([one[1] for one in ghosts if one[0] == name] or [np.zeros((1, 1), bool)])
                for ghosts in (truth, detections)
            )
            rows.append([np.count_nonzero(real & found), np.count_nonzero(real | found)])
        self._shared.append(np.array(rows, np.int64))

    def f1(self, group: str, threshold: float) -> Estimate:
        """Return the F1 of the CCDs that a group of classes touches, with that of resampled pictures."""
        counts = self._counted()[group][:, THRESHOLDS.index(threshold)]
        return _estimate(counts, lambda c: 2 * c[0] / (2 * c[0] + c[1] + c[2]))

    def _counted(self) -> dict[str, NDArray[np.float64]]:
        """Return right, wrong and missed CCDs of each picture by group ``(F, T, 3)``."""
        if self._counts is None or self._counts[0] != self.ccds.images:
            each = [self.ccds.scores([image]) for image in range(self.ccds.images)]
            by_group = {
                group: np.array([_columns(scores[group]) for scores in each], np.float64) for group in GROUPS
            }
            self._counts = self.ccds.images, by_group
        return self._counts[1]

    def iou(self, class_name: str) -> Estimate:
        """Return the intersection over union of the pixels of a class, pooled over the pictures."""
        place = CLASS_NAMES.index(class_name)
        return _estimate(np.array([row[place] for row in self._shared], float), lambda c: c[0] / c[1])


def model_detections(
    finder: GhostFinder, picture: NDArray[np.uint8], *, label: str = "the picture"
) -> tuple[list[Detection], list[Detection], float]:
    """Return what a model says is in a picture, that and weaker detections, and its probability of any."""
    return as_detections(finder.find(picture, label=label))


def as_detections(seen: FoundGhosts) -> tuple[list[Detection], list[Detection], float]:
    """Return what was found in a picture, that and weaker detections, and the probability of any."""
    found, all_of_them = (
        [(g.class_name, g.mask, g.score) for g in ghosts] for ghosts in (seen.ghosts, seen.candidates)
    )
    return found, all_of_them, seen.probability


def person_scores(pictures: Sequence[Judged], names: Sequence[str]) -> list[GhostScores]:
    """Return what each person scores against the majority of the others.

    Parameters
    ----------
    pictures
        As all of them judged them.
    names
        Of the people, in the order of the files.
    """
    found = []
    for place, name in enumerate(names):
        scores = GhostScores(name)
        for picture in pictures:
            others = [seen for number, seen in enumerate(picture.people) if number != place]
            own = [(one, mask, 1.0) for one, mask in _outlined(picture.people[place])]
            scores.add(_agreed(others), own)
        found.append(scores)
    return found


def _columns(scores: CcdScores) -> NDArray[np.int64]:
    """Return the counts of one picture ``(T, 3)``."""
    return np.stack([scores.true_positives, scores.false_positives, scores.false_negatives], axis=1)


def _estimate(counts: NDArray[np.float64], ratio: Callable[[NDArray[np.float64]], Any]) -> Estimate:
    """Return a ratio of counts ``(F, K)`` summed over the pictures, as they are and resampled."""
    weights = draw_weights(len(counts), np.random.default_rng(SEED))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Estimate(float(ratio(counts.sum(0))), np.asarray(ratio((weights @ counts).T), np.float64))


def _agreed(people: Sequence[AnnotatedImage]) -> list[Instance]:
    """Return what hangs together of the pixels that more than half of the people gave to each class."""
    found: list[Instance] = []
    for name in CLASS_NAMES:
        parts, count = label(majority(votes(people, name), len(people)), np.ones((3, 3)))
        masks = (parts == number for number in range(1, count + 1))
        found += [(name, mask) for mask in masks if np.count_nonzero(mask) >= MIN_AREA]
    return found


def _outlined(image: AnnotatedImage) -> list[Instance]:
    """Return what one person outlined."""
    masks = [(ghost.class_name, ghost.outline.mask(image.shape)) for ghost in image.ghosts]
    return [(name, mask) for name, mask in masks if mask.any()]
