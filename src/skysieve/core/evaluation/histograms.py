"""Histograms of scores, frame by frame: all that the scores and their uncertainties are made from.

Scores are kept as log-odds, ``ln(p / (1 - p))``, in bins of 0.012: probabilities of 1e-9 and of 1e-10 lie in
different bins, and so do those of 0.999 and 0.9991.  At the upper end float32 ends first: the largest
probability below 1 has log-odds of 16.6, and pixels for which a network gives 1 itself tie at :data:`LIMIT`.
Scores in one bin count as tied; see :mod:`skysieve.core.evaluation.scores` for what ties do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "BINS",
    "BIN_CENTRES",
    "LIMIT",
    "PixelCounts",
    "ScoreHistograms",
    "Tally",
    "count_pixels",
    "log_odds",
]

LIMIT = 24.0
"""Log-odds beyond this are set to it: probabilities below 4e-11."""

BINS = 4096
_WIDTH = 2 * LIMIT / BINS
BIN_CENTRES: NDArray[np.float64] = -LIMIT + _WIDTH * (np.arange(BINS, dtype=np.float64) + 0.5)
"""``(BINS,)`` log-odds at the centre of each bin."""


@dataclass(frozen=True)
class PixelCounts:
    """What one frame says of one class.

    Attributes
    ----------
    scores
        ``(2, BINS)`` uint32, pixels by score, those that do not belong to the class first.
    decided
        ``(2,)`` int64, pixels that the detector gives to the class, wrongly and rightly.
    """

    scores: NDArray[np.uint32]
    decided: NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """Counts that scores are computed from; any leading axes ``...`` are kept, as those of resamples.

    Attributes
    ----------
    positives, negatives
        ``(..., B)`` float64, pixels that belong to the class and that do not, by rising score.
    hits, false_alarms
        ``(...)`` float64, pixels that the detector gives to the class, rightly and wrongly.
    centres
        ``(B,)`` log-odds of the bins.
    """

    positives: NDArray[np.float64]
    negatives: NDArray[np.float64]
    hits: NDArray[np.float64]
    false_alarms: NDArray[np.float64]
    centres: NDArray[np.float64]

    @property
    def prevalence(self) -> NDArray[np.float64]:
        """``(...)`` part of the pixels that belong to the class; NaN without pixels."""
        positives, negatives = self.positives.sum(axis=-1), self.negatives.sum(axis=-1)
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = np.asarray(positives / (positives + negatives))
        return found


class ScoreHistograms:
    """Histograms of one detector over many frames: memory is that of the histograms, not of the pixels.

    Parameters
    ----------
    classes
        Names of the classes that it scores.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._frames: list[str] = []
        self._counts: dict[str, list[PixelCounts]] = {name: [] for name in classes}

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames, in the order of their coming."""
        return tuple(self._frames)

    def add(self, frame: str, counts: Mapping[str, PixelCounts]) -> None:
        """Add a frame.

        Parameters
        ----------
        frame
            Its name.
        counts
            Of every class, by name.

        Raises
        ------
        ValueError
            If a class is missing or unknown: an error of the program, not of its user.
        """
        if set(counts) != set(self.classes):
            raise ValueError(f"{frame}: counts of {sorted(counts)}, expected {sorted(self.classes)}")
        self._frames.append(frame)
        for name, found in counts.items():
            self._counts[name].append(found)

    def frames_with(self, name: str) -> int:
        """Return the number of frames with a pixel of the class."""
        return sum(bool(counts.scores[1].any()) for counts in self._counts[name])

    def tally(self, name: str, weights: NDArray[np.float64] | None = None) -> Tally:
        """Return the counts of a class over all frames.

        Parameters
        ----------
        name
            The class.
        weights
            ``(R, F)`` weight of each frame in each of R resamples; all frames once if None.

        Returns
        -------
        Tally
            With a leading axis R if weights are given.  Bins that hold nothing are left out.
        """
        counts = self._counts[name]
        used = np.zeros(BINS, np.bool_)
        for frame in counts:
            used |= frame.scores.any(axis=0)
        if not counts:
            empty = np.zeros(0)
            zero = np.zeros(())
            return Tally(empty, empty, zero, zero, empty)
        scores = np.stack([frame.scores[:, used] for frame in counts]).astype(np.float64)
        decided = np.stack([frame.decided for frame in counts]).astype(np.float64)
        if weights is None:
            negatives, positives = scores.sum(axis=0)
            false_alarms, hits = decided.sum(axis=0)
        else:
            negatives, positives = weights @ scores[:, 0], weights @ scores[:, 1]
            false_alarms, hits = weights @ decided[:, 0], weights @ decided[:, 1]
        return Tally(positives, negatives, np.asarray(hits), np.asarray(false_alarms), BIN_CENTRES[used])


def log_odds(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Return ``ln(p / (1 - p))`` within ±:data:`LIMIT`, of any shape; NaN becomes the lowest.

    Examples
    --------
    >>> log_odds(np.array([0.0, 0.5, 1.0]))
    array([-24.,   0.,  24.], dtype=float32)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(probabilities) - np.log1p(-probabilities)
    finite = np.nan_to_num(odds, nan=-LIMIT, posinf=LIMIT, neginf=-LIMIT)
    clipped: NDArray[np.float32] = np.clip(finite, -LIMIT, LIMIT).astype(np.float32)
    return clipped


def count_pixels(
    scores: NDArray[np.float32],
    truth: NDArray[np.bool_],
    *,
    decided: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
) -> PixelCounts:
    """Count the pixels of a frame by score and truth.

    Parameters
    ----------
    scores
        ``(H, W)`` log-odds, or any score within ±:data:`LIMIT` that is higher where the class is likelier.
    truth
        ``(H, W)``, True where the pixel belongs to the class.
    decided
        ``(H, W)``, True where the detector says so at its default threshold.
    valid
        ``(H, W)``, True where the truth is known; everywhere if None.
    """
    if valid is not None:
        scores, truth, decided = scores[valid], truth[valid], decided[valid]
    # in place and in small types: beside the networks, this is where the time goes
    position = scores.ravel() + np.float32(LIMIT)
    position *= np.float32(1 / _WIDTH)
    np.clip(position, 0, BINS - 1, out=position)
    index = position.astype(np.intp)
    index[truth.ravel()] += BINS
    counts = np.bincount(index, minlength=2 * BINS).reshape(2, BINS).astype(np.uint32)
    hits = np.count_nonzero(decided & truth)
    return PixelCounts(counts, np.array([np.count_nonzero(decided) - hits, hits], np.int64))
