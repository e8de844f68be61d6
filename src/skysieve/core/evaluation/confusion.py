"""Confusion of classes: what missed pixels are marked as, and what falsely marked pixels truly are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.evaluation.bootstrap import Estimate, draw_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["BACKGROUND", "NOTHING", "Confusion", "JointCounts", "count_joint"]

BACKGROUND = "BG"
"""Name of the pixels that belong to no class."""

NOTHING = "none"
"""Name of the pixels that are marked as no class."""

_SHIFT = 1 << 16
_SEED = 1907_08298


@dataclass(frozen=True)
class JointCounts:
    """Number of pixels of a frame for each combination of true and marked classes.

    Attributes
    ----------
    truth, marked
        ``(K,)`` int64, sums of the codes of the true and of the marked classes; each pair occurs once.
    pixels
        ``(K,)`` int64.
    """

    truth: NDArray[np.int64]
    marked: NDArray[np.int64]
    pixels: NDArray[np.int64]


def count_joint(truth: NDArray[np.int16], marked: NDArray[np.int16], valid: NDArray[np.bool_]) -> JointCounts:
    """Count the pixels of a frame by true and by marked classes.

    Parameters
    ----------
    truth, marked
        ``(H, W)`` int16, sums of the codes of the classes of a pixel.
    valid
        ``(H, W)`` bool, True for the pixels to count.

    Returns
    -------
    JointCounts
        Counts of the combinations that occur.
    """
    both = truth[valid].astype(np.int64) * _SHIFT + marked[valid]
    pairs, pixels = np.unique(both, return_counts=True)
    return JointCounts(pairs // _SHIFT, pairs % _SHIFT, pixels.astype(np.int64))


class Confusion:
    """True against marked classes over many frames.

    Parameters
    ----------
    codes
        Code of each class in the truth, by name.
    marks
        Names of the classes that the detector can mark.
    """

    def __init__(self, codes: Mapping[str, int], marks: Sequence[str]) -> None:
        self.classes = tuple(codes)
        self.marks = tuple(marks)
        self._codes = dict(codes)
        self._frames: list[tuple[str, JointCounts]] = []

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames, in the order in which they were added."""
        return tuple(name for name, _ in self._frames)

    def add(self, frame: str, counts: JointCounts) -> None:
        """Add a frame.

        Parameters
        ----------
        frame
            Name of the frame.
        counts
            Its counts.
        """
        self._frames.append((frame, counts))

    def frame(self, index: int) -> Confusion:
        """Return the confusion in one frame.

        Parameters
        ----------
        index
            Index in :attr:`frames`.

        Returns
        -------
        Confusion
            With this frame only.
        """
        one = Confusion(self._codes, self.marks)
        one.add(*self._frames[index])
        return one

    def true_pixels(self, true: str) -> int:
        """Return the number of pixels that belong to a class.

        Parameters
        ----------
        true
            Name of the class, or :data:`BACKGROUND`.

        Returns
        -------
        int
            Number of pixels.
        """
        return self._total(lambda counts: self._is(counts.truth, true))

    def marked_pixels(self, marked: str) -> int:
        """Return the number of pixels that are marked as a class.

        Parameters
        ----------
        marked
            Name of the class, or :data:`NOTHING`.

        Returns
        -------
        int
            Number of pixels.
        """
        return self._total(lambda counts: self._is(counts.marked, marked))

    def found_pixels(self, name: str) -> int:
        """Return the number of true positives of a class.

        Parameters
        ----------
        name
            Name of the class.

        Returns
        -------
        int
            Number of pixels that belong to the class and are marked as it.
        """
        return self._total(lambda counts: self._is(counts.truth, name) & self._is(counts.marked, name))

    def confused_pixels(self, true: str, marked: Sequence[str], *, missed: bool = False) -> int:
        """Return the number of pixels of one class that are marked as other classes.

        Parameters
        ----------
        true
            Name of the class, or :data:`BACKGROUND`.
        marked
            Other classes. A pixel counts if it is marked as any of them without belonging to it.
        missed
            Whether to count only pixels that are not marked as the true class as well.

        Returns
        -------
        int
            Number of pixels.
        """
        return self._total(lambda counts: self._confused(counts, true, marked, missed=missed))

    def unclassified_pixels(self, true: str) -> int:
        """Return the number of pixels of a class that are marked as no class.

        Parameters
        ----------
        true
            Name of the class, or :data:`BACKGROUND`.

        Returns
        -------
        int
            Number of pixels.
        """
        return self._total(lambda counts: self._is(counts.truth, true) & (counts.marked == 0))

    def confused_fraction(self, true: str, marked: Sequence[str]) -> Estimate:
        """Return the fraction of a class's pixels that :meth:`confused_pixels` counts.

        Parameters
        ----------
        true, marked
            See :meth:`confused_pixels`.

        Returns
        -------
        Estimate
            With resamples of the frames (Bayesian bootstrap); NaN without a pixel.
        """
        confused = np.array(
            [counts.pixels[self._confused(counts, true, marked)].sum() for _, counts in self._frames], float
        )
        total = np.array(
            [counts.pixels[self._is(counts.truth, true)].sum() for _, counts in self._frames], float
        )
        with np.errstate(invalid="ignore"):
            weights = draw_weights(len(self._frames), np.random.default_rng(_SEED))
            return Estimate(float(confused.sum() / total.sum()), (weights @ confused) / (weights @ total))

    def _confused(
        self, counts: JointCounts, true: str, marked: Sequence[str], *, missed: bool = False
    ) -> NDArray[np.bool_]:
        wrong = np.zeros(len(counts.pixels), np.bool_)
        for name in marked:
            wrong |= self._is(counts.marked, name) & ~self._is(counts.truth, name)
        wrong &= self._is(counts.truth, true)
        return wrong & ~self._is(counts.marked, true) if missed else wrong

    def _is(self, bits: NDArray[np.int64], name: str) -> NDArray[np.bool_]:
        code = self._codes.get(name)
        belongs: NDArray[np.bool_] = bits == 0 if code is None else (bits & code) != 0
        return belongs

    def _total(self, chosen: Callable[[JointCounts], NDArray[np.bool_]]) -> int:
        return sum(int(counts.pixels[chosen(counts)].sum()) for _, counts in self._frames)
