"""Scores of models and annotators on the same pictures, against the majority of the annotators.

Each annotator is scored against the majority of the *others*.  This gives the human ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    "AnnotatedPicture",
    "Detection",
    "GhostScores",
    "annotated_pictures",
    "as_detections",
    "model_detections",
    "person_scores",
]

SEED = 2109_08246
"""Seed of the resamples; it is the same for everything that is compared."""

Detection = tuple[str, "NDArray[np.bool_]", float]
Instance = tuple[str, "NDArray[np.bool_]"]


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture with its annotations.

    Attributes
    ----------
    name
        Name of its file.
    people
        The picture of each annotator.
    truth
        Class and mask of each ghost: the connected parts of the pixels that the majority assigned to a
        class; with a single annotator, their outlines.
    """

    name: str
    people: tuple[AnnotatedImage, ...]
    truth: tuple[Instance, ...]


def annotated_pictures(files: Sequence[Annotations]) -> list[AnnotatedPicture]:
    """Return the pictures that are in all files, with the majority of the annotations as truth.

    Parameters
    ----------
    files
        One for each annotator.

    Returns
    -------
    list of AnnotatedPicture
        Sorted by name.

    Raises
    ------
    ConfigError
        If no picture is in all files, or a picture has different sizes in two files.
    """
    pictures = [
        AnnotatedPicture(
            name, images, tuple(_majority_ghosts(images) if len(images) > 1 else _annotated_ghosts(images[0]))
        )
        for name, images in align(files).items()
    ]
    if not pictures:
        raise ConfigError(f"no image is in all of the {len(files)} annotation files, matched by name")
    return sorted(pictures, key=lambda picture: picture.name)


@dataclass
class GhostScores:
    """Scores of one detector, by picture.

    Attributes
    ----------
    name
        Name of the detector.
    ccds
        Counts of CCDs.
    overlaps
        Overlaps of each picture, for average precision.
    has_ghost
        Predicted probability of any ghost, and whether there is one, for each picture.
    misses
        Missed ghosts and wrong detections of each picture.
    """

    name: str
    ccds: CcdTally = field(default_factory=CcdTally)
    overlaps: list[Overlaps] = field(default_factory=list)
    has_ghost: list[tuple[float, bool]] = field(default_factory=list)
    misses: list[list[Miss]] = field(default_factory=list)
    _pixels: list[NDArray[np.int64]] = field(default_factory=list, repr=False)
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
            True ghosts.
        detections
            Detections above the thresholds.
        weak
            Detections with lower thresholds, for average precision; they include `detections`, the default.
        probability
            Predicted probability of any ghost; by default 1 if there is a detection, else 0.
        """
        self.ccds.add(truth, detections)
        self.overlaps.append(measure_overlaps(truth, detections if weak is None else weak))
        predicted = float(bool(detections)) if probability is None else probability
        self.has_ghost.append((predicted, bool(truth)))
        self.misses.append(find_misses(truth, detections))
        rows = []
        for name in CLASS_NAMES:
            true, detected = (
                np.logical_or.reduce([one[1] for one in ghosts if one[0] == name] or [np.zeros((1, 1), bool)])
                for ghosts in (truth, detections)
            )
            rows.append([np.count_nonzero(true & detected), np.count_nonzero(true | detected)])
        self._pixels.append(np.array(rows, np.int64))

    def f1(self, group: str, threshold: float) -> Estimate:
        """Compute the F1 of the CCDs that a group of classes touches.

        Parameters
        ----------
        group
            One of :data:`~skysieve.ghosts.evaluate.ccd_scores.GROUPS`.
        threshold
            One of :data:`~skysieve.ghosts.evaluate.ccd_scores.THRESHOLDS`.

        Returns
        -------
        Estimate
            F1 of all pictures and of each resample.
        """
        counts = self._counts_by_group()[group][:, THRESHOLDS.index(threshold)]
        return _estimate(counts, lambda c: 2 * c[0] / (2 * c[0] + c[1] + c[2]))

    def _counts_by_group(self) -> dict[str, NDArray[np.float64]]:
        """Return true positives, false positives and false negatives by group, ``(F, T, 3)``."""
        if self._counts is None or self._counts[0] != self.ccds.images:
            each = [self.ccds.scores([image]) for image in range(self.ccds.images)]
            by_group = {
                group: np.array([_columns(scores[group]) for scores in each], np.float64) for group in GROUPS
            }
            self._counts = self.ccds.images, by_group
        return self._counts[1]

    def iou(self, class_name: str) -> Estimate:
        """Compute the intersection over union of the pixels of a class, pooled over the pictures.

        Parameters
        ----------
        class_name
            A class.

        Returns
        -------
        Estimate
            Intersection over union of all pictures and of each resample.
        """
        index = CLASS_NAMES.index(class_name)
        return _estimate(np.array([row[index] for row in self._pixels], float), lambda c: c[0] / c[1])


def model_detections(
    finder: GhostFinder, picture: NDArray[np.uint8], *, label: str = "the picture"
) -> tuple[list[Detection], list[Detection], float]:
    """Detect the ghosts of a picture with a model.

    Parameters
    ----------
    finder
        The model.
    picture
        ``(H, W)`` uint8.
    label
        Name of the picture in messages.

    Returns
    -------
    detections, weak : list
        Class, mask and score of each detection; `weak` includes detections of low score.
    probability : float
        Predicted probability of any ghost.
    """
    return as_detections(finder.find(picture, label=label))


def as_detections(found: FoundGhosts) -> tuple[list[Detection], list[Detection], float]:
    """Convert the ghosts that a model found to class, mask and score.

    Parameters
    ----------
    found
        Ghosts of a picture.

    Returns
    -------
    detections, weak : list
        Class, mask and score of each detection; `weak` includes detections of low score.
    probability : float
        Predicted probability of any ghost.
    """
    detections, weak = (
        [(g.class_name, g.mask, g.score) for g in ghosts] for ghosts in (found.ghosts, found.candidates)
    )
    return detections, weak, found.probability


def person_scores(pictures: Sequence[AnnotatedPicture], names: Sequence[str]) -> list[GhostScores]:
    """Score each annotator against the majority of the others.

    Parameters
    ----------
    pictures
        The annotated pictures.
    names
        Names of the annotators, in the order of the files.

    Returns
    -------
    list of GhostScores
        One for each annotator.
    """
    found = []
    for index, name in enumerate(names):
        scores = GhostScores(name)
        for picture in pictures:
            others = [image for number, image in enumerate(picture.people) if number != index]
            own = [(one, mask, 1.0) for one, mask in _annotated_ghosts(picture.people[index])]
            scores.add(_majority_ghosts(others), own)
        found.append(scores)
    return found


def _columns(scores: CcdScores) -> NDArray[np.int64]:
    """Return the counts of one picture ``(T, 3)``."""
    return np.stack([scores.true_positives, scores.false_positives, scores.false_negatives], axis=1)


def _estimate(
    counts: NDArray[np.float64], ratio: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Estimate:
    """Return a ratio of counts ``(F, K)`` summed over the pictures, and over each resample of them."""
    weights = draw_weights(len(counts), np.random.default_rng(SEED))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Estimate(float(ratio(counts.sum(0))), np.asarray(ratio((weights @ counts).T), np.float64))


def _majority_ghosts(people: Sequence[AnnotatedImage]) -> list[Instance]:
    """Return the connected parts of the majority of each class."""
    found: list[Instance] = []
    for name in CLASS_NAMES:
        parts, count = label(majority(votes(people, name), len(people)), np.ones((3, 3)))
        masks = (parts == number for number in range(1, count + 1))
        found += [(name, mask) for mask in masks if np.count_nonzero(mask) >= MIN_AREA]
    return found


def _annotated_ghosts(image: AnnotatedImage) -> list[Instance]:
    """Return the outlines of one annotator as masks."""
    masks = [(ghost.class_name, ghost.outline.mask(image.shape)) for ghost in image.ghosts]
    return [(name, mask) for name, mask in masks if mask.any()]
