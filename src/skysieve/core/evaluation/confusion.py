"""Which classes the pixels that a detector misses go to, and what the pixels that it marks falsely are."""

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
"""Stands for pixels that belong to no class."""

NOTHING = "none"
"""Stands for pixels that are given to no class."""

_SHIFT = 1 << 16
_SEED = 1907_08298


@dataclass(frozen=True)
class JointCounts:
    """How many pixels of a frame have each combination of true and marked classes.

    Attributes
    ----------
    truth, marked
        ``(K,)`` int64, sums of the codes of the true classes and of the marked ones, each pair once.
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
        ``(H, W)`` int16, sums of codes.
    valid
        ``(H, W)``, True where pixels count.
    """
    both = truth[valid].astype(np.int64) * _SHIFT + marked[valid]
    pairs, pixels = np.unique(both, return_counts=True)
    return JointCounts(pairs // _SHIFT, pairs % _SHIFT, pixels.astype(np.int64))


class Confusion:
    """True against marked classes over many frames.

    Parameters
    ----------
    codes
        Code of each class that frames may hold, by name.
    marks
        Names of those that the detector can mark.
    """

    def __init__(self, codes: Mapping[str, int], marks: Sequence[str]) -> None:
        self.classes = tuple(codes)
        self.marks = tuple(marks)
        self._codes = dict(codes)
        self._frames: list[tuple[str, JointCounts]] = []

    @property
    def frames(self) -> tuple[str, ...]:
        """Names of the frames, in the order of their coming."""
        return tuple(name for name, _ in self._frames)

    def add(self, frame: str, counts: JointCounts) -> None:
        """Add a frame under its name."""
        self._frames.append((frame, counts))

    def frame(self, index: int) -> Confusion:
        """Return the confusion in one of the frames, by its place in :attr:`frames`."""
        one = Confusion(self._codes, self.marks)
        one.add(*self._frames[index])
        return one

    def true_pixels(self, true: str) -> int:
        """Return the pixels of a true class, or of none."""
        return self._total(lambda counts: self._is(counts.truth, true))

    def marked_pixels(self, marked: str) -> int:
        """Return the pixels that are given to a class."""
        return self._total(lambda counts: self._is(counts.marked, marked))

    def found_pixels(self, name: str) -> int:
        """Return the pixels of a class that are given to it."""
        return self._total(lambda counts: self._is(counts.truth, name) & self._is(counts.marked, name))

    def confused_pixels(self, true: str, marked: Sequence[str], *, missed: bool = False) -> int:
        """Return the pixels of one class that are given to others to which they do not belong.

        Parameters
        ----------
        true
            The class, or :data:`BACKGROUND`.
        marked
            Other classes: pixels count that are given to any of them without belonging to it.
        missed
            Whether to count only those that are not given to the true class as well.
        """
        return self._total(lambda counts: self._confused(counts, true, marked, missed=missed))

    def unclassified_pixels(self, true: str) -> int:
        """Return the pixels of a class that are given to no class at all."""
        return self._total(lambda counts: self._is(counts.truth, true) & (counts.marked == 0))

    def confused_fraction(self, true: str, marked: Sequence[str]) -> Estimate:
        """Return the share of a class's pixels that :meth:`confused_pixels` counts, with its spread over frames.

        The samples are over resamples of the frames (Bayesian bootstrap); NaN without a pixel.
        """
        called = np.array(
            [counts.pixels[self._confused(counts, true, marked)].sum() for _, counts in self._frames], float
        )
        total = np.array(
            [counts.pixels[self._is(counts.truth, true)].sum() for _, counts in self._frames], float
        )
        with np.errstate(invalid="ignore"):
            weights = draw_weights(len(self._frames), np.random.default_rng(_SEED))
            return Estimate(float(called.sum() / total.sum()), (weights @ called) / (weights @ total))

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
