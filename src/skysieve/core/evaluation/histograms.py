"""Histograms of pixel scores for each frame, from which measures and their uncertainties are computed.

Scores are stored as log-odds, ``ln(p / (1 - p))``, in bins of 0.012: probabilities of 1e-9 and of 1e-10 are
in different bins, and so are those of 0.999 and 0.9991.  Near 1, float32 limits the resolution: the largest
probability below 1 has log-odds of 16.6, and pixels with a probability of exactly 1 are at :data:`LIMIT`.
Scores in one bin count as tied; :mod:`skysieve.core.evaluation.scores` describes the effect of ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
"""Log-odds are clipped to ± this value; it corresponds to a probability of 4e-11."""

BINS = 4096
_WIDTH = 2 * LIMIT / BINS
BIN_CENTRES: NDArray[np.float64] = -LIMIT + _WIDTH * (np.arange(BINS, dtype=np.float64) + 0.5)
"""``(BINS,)`` log-odds at the centre of each bin."""


@dataclass(frozen=True)
class PixelCounts:
    """Pixel counts of one class in one frame.

    Attributes
    ----------
    scores
        ``(2, BINS)`` uint32, pixels by score: first those outside the class, then those in it.
    decided
        ``(2,)`` int64, false and true positives at the threshold of the detector.
    """

    scores: NDArray[np.uint32]
    decided: NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """Counts from which measures are computed; leading axes ``...``, such as resamples, are kept.

    Attributes
    ----------
    positives, negatives
        ``(..., B)`` float64, pixels in the class and outside it, in order of increasing score.
    hits, false_alarms
        ``(...)`` float64, true and false positives at the threshold of the detector.
    centres
        ``(B,)`` log-odds at the centres of the bins.
    """

    positives: NDArray[np.float64]
    negatives: NDArray[np.float64]
    hits: NDArray[np.float64]
    false_alarms: NDArray[np.float64]
    centres: NDArray[np.float64]

    @property
    def prevalence(self) -> NDArray[np.float64]:
        """``(...)`` fraction of the pixels that belong to the class; NaN without pixels."""
        positives, negatives = self.positives.sum(axis=-1), self.negatives.sum(axis=-1)
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = np.asarray(positives / (positives + negatives))
        return found


class ScoreHistograms:
    """Histograms of one detector over many frames. Memory does not depend on the number of pixels.

    Parameters
    ----------
    classes
        Names of the classes that the detector scores.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._frames: list[str] = []
        self._counts: dict[str, list[PixelCounts]] = {name: [] for name in classes}

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames, in the order in which they were added."""
        return tuple(self._frames)

    def add(self, frame: str, counts: Mapping[str, PixelCounts]) -> None:
        """Add a frame.

        Parameters
        ----------
        frame
            Name of the frame.
        counts
            Counts of every class, by name.

        Raises
        ------
        ValueError
            If a class is missing or unknown, which is a bug and not an error of the user.
        """
        if set(counts) != set(self.classes):
            raise ValueError(f"{frame}: counts of {sorted(counts)}, expected {sorted(self.classes)}")
        self._frames.append(frame)
        for name, found in counts.items():
            self._counts[name].append(found)

    def frames_with(self, name: str) -> int:
        """Return the number of frames with at least one pixel of a class.

        Parameters
        ----------
        name
            Name of the class.

        Returns
        -------
        int
            Number of frames.
        """
        return sum(bool(counts.scores[1].any()) for counts in self._counts[name])

    def tally(self, name: str, weights: NDArray[np.float64] | None = None) -> Tally:
        """Return the counts of a class over all frames.

        Parameters
        ----------
        name
            Name of the class.
        weights
            ``(R, F)`` weight of each frame in each of R resamples; if None, each frame has weight 1.

        Returns
        -------
        Tally
            With a leading axis R if weights are given.  Empty bins are left out.
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


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the log-odds ``ln(p / (1 - p))``, clipped to ±:data:`LIMIT`.

    Parameters
    ----------
    probabilities
        Any shape.

    Returns
    -------
    ndarray
        Float32 of the same shape; NaN becomes -:data:`LIMIT`.

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
        ``(H, W)`` log-odds, or any score within ±:data:`LIMIT` that increases with the probability.
    truth
        ``(H, W)`` bool, True for pixels that belong to the class.
    decided
        ``(H, W)`` bool, True for pixels above the detector's default threshold.
    valid
        ``(H, W)`` bool, True where the truth is known; everywhere if None.

    Returns
    -------
    PixelCounts
        Counts of the valid pixels.
    """
    if valid is not None:
        scores, truth, decided = scores[valid], truth[valid], decided[valid]
    # In place and with small types: after the networks, this step takes the most time
    position = scores.ravel() + np.float32(LIMIT)
    position *= np.float32(1 / _WIDTH)
    np.clip(position, 0, BINS - 1, out=position)
    index = position.astype(np.intp)
    index[truth.ravel()] += BINS
    counts = np.bincount(index, minlength=2 * BINS).reshape(2, BINS).astype(np.uint32)
    hits = np.count_nonzero(decided & truth)
    return PixelCounts(counts, np.array([np.count_nonzero(decided) - hits, hits], np.int64))
